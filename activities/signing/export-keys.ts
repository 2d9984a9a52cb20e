import { armor, enums, readKeys } from 'openpgp';
import type { PublicKey } from 'openpgp';
import { quote } from '../../workflows/domain/digest.ts';
import { KeyFileError, readKeyBlocks } from './armor.ts';
import { SigningError, keyUnusable } from './error.ts';
import type { KeyFile } from './key-ring.ts';
import { newestBinding, newestCertification } from './newest-signature.ts';
import { KEY_CONFIG } from './openpgp-config.ts';

/** How public keys are written. */
export interface ExportOptions {
  /** Leaves out what others certified and outdated statements of the key; what revokes anything stays. */
  readonly minimal: boolean;
}

const READ_ALL = { ...KEY_CONFIG, minRSABits: 0, rejectPublicKeyAlgorithms: new Set<never>() };

/**
 * The public part of every key in a file, one certificate after the other: every reader reads all of them.
 * @throws SigningError `key-unusable` for a file that holds no key.
 */
export async function exportPublicKeys({ name, bytes }: KeyFile, { minimal }: ExportOptions): Promise<Uint8Array> {
  try {
    const blocks = readKeyBlocks(bytes).map(({ packets }) => readKeys({ binaryKeys: packets, config: READ_ALL }));
    const certificates = (await Promise.all(blocks)).flat().map((key) => key.toPublic());
    if (certificates.length === 0) throw new KeyFileError('no key is in it');
    if (minimal) await Promise.all(certificates.map(minimize));
    return Buffer.concat(certificates.map((one) => one.write()));
  } catch (cause) {
    if (cause instanceof SigningError) throw cause;
    const why = cause instanceof KeyFileError ? cause.message : 'it is damaged or of an unknown form';
    throw keyUnusable('unreadable', `cannot export ${quote(name)}: ${why}; expected OpenPGP keys`, cause);
  }
}

/** All certificates in one armoured block: of several blocks some readers read the first alone. */
export function armorPublicKeys(packets: Uint8Array): string {
  return armor(enums.armor.publicKey, packets, undefined, undefined, undefined, undefined, KEY_CONFIG);
}

async function minimize(certificate: PublicKey): Promise<void> {
  for (const user of certificate.users) {
    user.otherCertifications = [];
    user.selfCertifications = listOf(await newestCertification(user, READ_ALL));
  }
  // Photos, and names that others attached.
  certificate.users = certificate.users.filter((user) => user.userID !== null && user.selfCertifications.length > 0);
  for (const subkey of certificate.subkeys) subkey.bindingSignatures = listOf(await newestBinding(subkey, READ_ALL));
  certificate.subkeys = certificate.subkeys.filter((subkey) => subkey.bindingSignatures.length > 0);
}

function listOf<Item>(item: Item | undefined): Item[] {
  return item === undefined ? [] : [item];
}
