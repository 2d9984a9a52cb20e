import { quote } from '../../workflows/domain/digest.ts';
import { KeyFileError, readKeyBlocks } from './armor.ts';
import type { KeyBlock } from './armor.ts';
import { isRevokedBy, revokersOf } from './check-certificate.ts';
import type { Certificate } from './check-certificate.ts';
import { CertificateCollector } from './collect-certificates.ts';
import type { Collected } from './collect-certificates.ts';
import { keyUnusable } from './error.ts';
import type { SigningError } from './error.ts';
import { importedPackets } from './import-armor.ts';
import { readCertificates } from './read-certificates.ts';
import { standingOfPrimary } from './standing.ts';

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
 * GnuPG reader knows (version 6) are left out, as readers do; a file of which nothing is left is an error, and so is one
 * that is damaged or holds a private key: what people configure is to be what they think it is.
 * @throws SigningError `key-unusable`, naming the file.
 */
export async function readKeyRing(files: readonly KeyFile[]): Promise<KeyRing> {
  const collector = new CertificateCollector({ keepUnreadable: true });
  for (const file of files) collectStrictly(file, collector);
  return await Promise.resolve(LoadedKeyRing.of(collector.collected()));
}

/**
 * Imports keys as a reader with GnuPG does when it evaluates a policy: from every file what can be read of it, of private
 * keys the public half. The ring may be empty.
 */
export function importKeyRing(files: readonly Uint8Array[], { now }: { readonly now: Date }): KeyRing {
  const collector = new CertificateCollector({ madeUntil: now });
  for (const file of files) collector.add(readCertificates(importedPackets(file)));
  return LoadedKeyRing.of(collector.collected());
}

/** A key ring of one certificate, given as packets. */
export function keyRingOf(packets: Uint8Array): KeyRing {
  const collector = new CertificateCollector();
  collector.add(readCertificates(packets));
  return LoadedKeyRing.of(collector.collected());
}

/** All user ids of a key ring, each once: the people who may approve, where the ring names approvers. */
export function userIdsOf(keyRing: KeyRing): readonly string[] {
  return [...new Set(keyRing.keys.flatMap((key) => key.userIds))];
}

/** The certificates behind a key ring, for this room only. */
export function certificatesOf(keyRing: KeyRing): readonly Certificate[] {
  return LoadedKeyRing.open(keyRing).map(({ certificate }) => certificate);
}

/** The keys of a ring as one binary file, which every reader reads whole. */
export function exportKeyRing(keyRing: KeyRing): Uint8Array {
  return Buffer.concat(LoadedKeyRing.open(keyRing).map(({ packets }) => packets));
}

class LoadedKeyRing implements KeyRing {
  readonly keys: readonly KeyRingKey[];
  readonly #collected: readonly Collected[];

  private constructor(collected: readonly Collected[]) {
    this.keys = collected.map(({ certificate }) => describeKey(certificate));
    this.#collected = collected;
  }

  static of(collected: readonly Collected[]): KeyRing {
    return new LoadedKeyRing(collected.map((entry) => ({ ...entry, certificate: withRevokers(entry, collected) })));
  }

  static open(keyRing: KeyRing): readonly Collected[] {
    if (!(#collected in keyRing)) throw new TypeError('this key ring was not made by readKeyRing');
    return keyRing.#collected;
  }
}

function collectStrictly({ name, bytes }: KeyFile, collector: CertificateCollector): void {
  const refuse = (why: string, cause?: unknown): SigningError =>
    keyUnusable(
      'unreadable',
      `cannot read public keys from ${quote(name)}: ${why}; expected OpenPGP public keys`,
      cause,
    );
  const read = readBlocks(bytes, refuse).map(({ packets }) => readCertificates(packets));
  if (read.some((part) => part.hasPrivate)) {
    throw refuse('it holds a private key, which belongs nowhere but to its signer');
  }
  if (read.every((part) => part.certificates.length === 0)) throw refuse('no key of version 4 is in it');
  const damaged = read.find((part) => part.damage !== undefined);
  if (damaged !== undefined) throw refuse('it is damaged or of an unknown form', damaged.damage);
  const added = read.map((part) => collector.add(part));
  if (!added.includes(true)) throw refuse('no key in it has a user id that it certified itself');
}

function readBlocks(bytes: Uint8Array, refuse: (why: string, cause?: unknown) => SigningError): KeyBlock[] {
  try {
    return readKeyBlocks(bytes);
  } catch (cause) {
    if (cause instanceof KeyFileError) throw refuse(cause.message, cause);
    throw cause;
  }
}

/** A key may name others that can revoke it; they count where they are in the same ring. */
function withRevokers({ certificate }: Collected, collected: readonly Collected[]): Certificate {
  if (certificate.revoked || certificate.foreignRevocations.length === 0) return certificate;
  const named = revokersOf(certificate);
  const revokers = collected
    .map((other) => other.certificate.primary)
    .filter(({ fingerprint }) => named.includes(fingerprint));
  return isRevokedBy(certificate, revokers) ? { ...certificate, revoked: true } : certificate;
}

function describeKey(certificate: Certificate): KeyRingKey {
  const { material, fingerprint } = certificate.primary;
  const { expiresAt } = standingOfPrimary(certificate, new Date());
  return {
    fingerprint,
    userIds: certificate.users.flatMap(({ id }) => (id === undefined ? [] : [id])),
    algorithm: 'refused' in material ? material.refused : material.name,
    ...(expiresAt !== undefined && { expiresAt }),
  };
}
