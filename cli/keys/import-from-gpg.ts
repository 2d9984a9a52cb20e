import path from 'node:path';
import { SigningError, describeKeyFile, keyWarnings, loadSigningKey } from '../../activities/signing/index.ts';
import { CliError } from '../failure.ts';
import { EXIT } from '../exit-codes.ts';
import { PRIVATE_NAME, PUBLIC_NAME, writeNewFiles } from '../images/key-files.ts';
import type { Terminal } from '../terminal.ts';
import { Gpg } from './gpg.ts';
import type { GpgKey } from './gpg.ts';

/** Which key is taken from where, and where it goes. */
export interface ImportWish {
  readonly name: string;
  readonly directory: string;
  readonly homedir?: string;
  readonly passphrase?: string;
  /** Only the public key. */
  readonly publicOnly: boolean;
}

/** What was written; the JSON of `keys import`. */
export interface ImportedKey {
  readonly fingerprint: string;
  readonly userIds: readonly string[];
  readonly privateKeyFile: string | null;
  readonly passphraseFile: string | null;
  readonly publicKeyFile: string;
  readonly warnings: readonly string[];
}

const PASSPHRASE_NAME = 'signing-key.passphrase';

/**
 * Exports a key from GnuPG into the files that countersign uses; nothing that is there is replaced, and a private key
 * that does not open or cannot sign is not written.
 * @throws CliError where the name fits no key or several, SigningError where the key cannot sign here.
 */
export async function importFromGpg(terminal: Terminal, wish: ImportWish): Promise<ImportedKey> {
  const { directory, passphrase, publicOnly } = wish;
  const gpg = new Gpg(terminal, wish);
  const { fingerprint, userIds } = await findOne(gpg, wish.name);
  const publicKey = await gpg.exportPublic(fingerprint);
  const secret = publicOnly ? undefined : await exportSecret(gpg, fingerprint, wish);
  const files = [
    ...(secret === undefined ? [] : [{ name: PRIVATE_NAME, content: secret, mode: 0o600 }]),
    ...(secret === undefined || passphrase === undefined
      ? []
      : [{ name: PASSPHRASE_NAME, content: Buffer.from(`${passphrase}\n`), mode: 0o600 }]),
    { name: PUBLIC_NAME, content: publicKey, mode: 0o644 },
  ];
  await writeNewFiles(directory, files);
  const at = (name: string): string | null =>
    files.some((file) => file.name === name) ? path.join(directory, name) : null;
  return {
    fingerprint,
    userIds,
    privateKeyFile: at(PRIVATE_NAME),
    passphraseFile: at(PASSPHRASE_NAME),
    publicKeyFile: path.join(directory, PUBLIC_NAME),
    warnings: await warningsFor(publicKey, secret, terminal),
  };
}

async function findOne(gpg: Gpg, name: string): Promise<GpgKey> {
  const found = await gpg.find(name);
  const [key, ...more] = found;
  if (key === undefined) throw new CliError(EXIT.notFound, `gpg has no key ${JSON.stringify(name.slice(0, 200))}`);
  if (more.length === 0) return key;
  const candidates = found.map(({ fingerprint, userIds }) => `  ${fingerprint}  ${userIds[0] ?? ''}`);
  throw new CliError(
    EXIT.notFound,
    `${found.length} keys fit ${JSON.stringify(name.slice(0, 200))}; give one of`,
    candidates,
  );
}

/** Opened once where its passphrase is known, so that a folder of secrets is whole or not begun. */
async function exportSecret(gpg: Gpg, fingerprint: string, { passphrase }: ImportWish): Promise<Uint8Array> {
  const armoredKey = await gpg.exportSecret(fingerprint);
  if (armoredKey.length === 0)
    throw new CliError(EXIT.notFound, `gpg has no private key ${fingerprint}; give --public`);
  try {
    await loadSigningKey({ armoredKey, name: fingerprint, ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    const isLocked = error instanceof SigningError && error.reason === 'passphrase-missing';
    if (!isLocked) throw error;
  }
  return armoredKey;
}

async function warningsFor(
  publicKey: Uint8Array,
  secret: Uint8Array | undefined,
  terminal: Terminal,
): Promise<readonly string[]> {
  const now = new Date(terminal.now());
  const described = await describeKeyFile({ name: PUBLIC_NAME, bytes: publicKey });
  const locked = secret === undefined ? [] : await describeKeyFile({ name: PRIVATE_NAME, bytes: secret });
  return [
    ...described.flatMap((key) => keyWarnings(key, now)),
    ...locked.flatMap(({ secret: state }) => (state === 'open' ? ['the private key has no passphrase'] : [])),
  ];
}
