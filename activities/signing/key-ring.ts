import { readKeys } from 'openpgp';
import type { PublicKey } from 'openpgp';
import { quote } from '../../workflows/domain/digest.ts';
import { KeyFileError, readKeyBlocks } from './armor.ts';
import { certifiedUserIds, expiryOf, fingerprintOf } from './certificate.ts';
import { SigningError, keyUnusable } from './error.ts';
import { keyMaterial } from './key-material.ts';
import { KEY_CONFIG } from './openpgp-config.ts';

/** One certificate of a key ring. */
export interface KeyRingKey {
  /** Of the primary key: 40 upper-case hex digits. */
  readonly fingerprint: string;
  /** The user ids that the key certified itself. */
  readonly userIds: readonly string[];
  /** For people, for example `RSA 3072`; also of keys whose signatures are refused. */
  readonly algorithm: string;
  /** Absent for a key that never expires. */
  readonly expiresAt?: Date;
}

/** Public keys that signatures are verified against. */
export interface KeyRing {
  readonly keys: readonly KeyRingKey[];
}

/** A key file, as it was read. */
export interface KeyFile {
  /** For messages. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads public keys: armoured files of one or more blocks, binary files of one or more certificates. Keys that no
 * GnuPG reader knows (version 6) are left out, as readers do; a file of which nothing is left is an error.
 * @throws SigningError `key-unusable`, naming the file.
 */
export async function readKeyRing(files: readonly KeyFile[]): Promise<KeyRing> {
  const certificates = new Map<string, PublicKey>();
  for (const file of files) {
    for (const certificate of await readCertificates(file)) {
      const fingerprint = fingerprintOf(certificate);
      const known = certificates.get(fingerprint);
      certificates.set(fingerprint, known === undefined ? certificate : await known.update(certificate));
    }
  }
  const keys = await Promise.all([...certificates.values()].map(describeKey));
  return LoadedKeyRing.of(keys, [...certificates.values()]);
}

/** A key ring of certificates that are in memory already. */
export async function keyRingOf(certificate: PublicKey): Promise<KeyRing> {
  return LoadedKeyRing.of([await describeKey(certificate)], [certificate]);
}

/** All user ids of a key ring, each once: the people who may approve, where the ring names approvers. */
export function userIdsOf(keyRing: KeyRing): readonly string[] {
  return [...new Set(keyRing.keys.flatMap((key) => key.userIds))];
}

/** The certificates behind a key ring, for this room only. */
export function certificatesOf(keyRing: KeyRing): readonly PublicKey[] {
  return LoadedKeyRing.certificatesOf(keyRing);
}

/** The keys of a ring as one binary file, which every reader reads whole. */
export function exportKeyRing(keyRing: KeyRing): Uint8Array {
  return Buffer.concat(certificatesOf(keyRing).map((certificate) => certificate.write()));
}

class LoadedKeyRing implements KeyRing {
  readonly keys: readonly KeyRingKey[];
  readonly #certificates: readonly PublicKey[];

  constructor(keys: readonly KeyRingKey[], certificates: readonly PublicKey[]) {
    this.keys = keys;
    this.#certificates = certificates;
  }

  static of(keys: readonly KeyRingKey[], certificates: readonly PublicKey[]): KeyRing {
    return new LoadedKeyRing(keys, certificates);
  }

  static certificatesOf(keyRing: KeyRing): readonly PublicKey[] {
    if (!(#certificates in keyRing)) throw new TypeError('this key ring was not made by readKeyRing');
    return keyRing.#certificates;
  }
}

async function readCertificates({ name, bytes }: KeyFile): Promise<PublicKey[]> {
  const refuse = (why: string, cause?: unknown): SigningError =>
    keyUnusable(
      'unreadable',
      `cannot read public keys from ${quote(name)}: ${why}; expected OpenPGP public keys`,
      cause,
    );
  try {
    const blocks = readKeyBlocks(bytes);
    if (blocks.some((block) => block.type === 'private')) {
      throw refuse('it holds a private key, which belongs nowhere but to its signer');
    }
    const read = await Promise.all(blocks.map(({ packets }) => readKeys({ binaryKeys: packets, config: KEY_CONFIG })));
    const certificates = read.flat().filter((key) => key.keyPacket.version === 4);
    if (certificates.length === 0) throw refuse('no key of version 4 is in it');
    if (certificates.some((key) => key.isPrivate())) throw refuse('it holds a private key');
    return certificates.map((certificate) => certificate.toPublic());
  } catch (cause) {
    if (cause instanceof SigningError) throw cause;
    throw refuse(cause instanceof KeyFileError ? cause.message : 'it is damaged or of an unknown form', cause);
  }
}

async function describeKey(certificate: PublicKey): Promise<KeyRingKey> {
  const expiry = await expiryOf(certificate);
  const material = keyMaterial(certificate.keyPacket);
  return {
    fingerprint: fingerprintOf(certificate),
    userIds: await certifiedUserIds(certificate),
    algorithm: 'refused' in material ? material.refused : material.name,
    ...(expiry instanceof Date && { expiresAt: expiry }),
  };
}
