import { checkCertificate } from './check-certificate.ts';
import type { Certificate } from './check-certificate.ts';
import { TAG, writePacket } from './packets.ts';
import type {
  CertificateSignature,
  CertificateUser,
  ReadCertificates,
  UncheckedCertificate,
} from './read-certificates.ts';

/** A certificate of a ring, and the packets that it was read from. */
export interface Collected {
  readonly certificate: Certificate;
  readonly packets: Uint8Array;
}

interface CollectorOptions {
  /** Also keys of algorithms that GnuPG does not know, so that they can be told of. */
  readonly keepUnreadable?: boolean;
  /** Keys that were made later are left out; none unless given. */
  readonly madeUntil?: Date;
}

/** Puts certificates together as GnuPG does in a key ring of its own: each once, with all that is known of it. */
export class CertificateCollector {
  readonly #certificates = new Map<string, { unchecked: UncheckedCertificate; certificate: Certificate }>();
  readonly #keepUnreadable: boolean;
  readonly #madeUntil: Date | undefined;

  constructor({ keepUnreadable = false, madeUntil }: CollectorOptions = {}) {
    this.#keepUnreadable = keepUnreadable;
    this.#madeUntil = madeUntil;
  }

  /** Whether anything of it was taken: a new key needs a user id that it certified itself. */
  add({ certificates, revocations }: ReadCertificates): boolean {
    let added = false;
    for (let index = 0; index <= certificates.length; index++) {
      for (const { after, signature } of revocations) if (after === index) this.#revoke(signature);
      const unchecked = certificates[index];
      if (unchecked !== undefined && this.#addOne(unchecked)) added = true;
    }
    return added;
  }

  collected(): Collected[] {
    return [...this.#certificates.values()].map(({ unchecked, certificate }) => ({
      certificate,
      packets: writeCertificate(unchecked),
    }));
  }

  #addOne(unchecked: UncheckedCertificate): boolean {
    const { fingerprint } = unchecked.primary;
    const known = this.#certificates.get(fingerprint);
    if (known !== undefined) {
      merge(known.unchecked, unchecked);
      this.#certificates.set(fingerprint, { ...known, certificate: checkCertificate(known.unchecked) });
      return true;
    }
    const certificate = checkCertificate(unchecked);
    if (!this.#isImported(unchecked, certificate)) return false;
    this.#certificates.set(fingerprint, { unchecked, certificate });
    return true;
  }

  #isImported({ primary, users }: UncheckedCertificate, certificate: Certificate): boolean {
    if (this.#madeUntil !== undefined && primary.created > this.#madeUntil) return false;
    if (!('refused' in primary.material)) return certificate.users.length > 0;
    return users.length > 0 && this.#keepUnreadable;
  }

  #revoke(signature: CertificateSignature): void {
    for (const [fingerprint, { unchecked }] of this.#certificates) {
      if (!fingerprint.endsWith(signature.packet.issuerKeyId)) continue;
      unchecked.signatures.push(signature);
      this.#certificates.set(fingerprint, { unchecked, certificate: checkCertificate(unchecked) });
    }
  }
}

function merge(into: UncheckedCertificate, from: UncheckedCertificate): void {
  mergeSignatures(into.signatures, from.signatures);
  for (const user of from.users) {
    const known = into.users.find((other) => other.tag === user.tag && isSame(other.body, user.body));
    if (known === undefined) into.users.push(user);
    else mergeSignatures(known.signatures, user.signatures);
  }
  for (const subkey of from.subkeys) {
    const known = into.subkeys.find((other) => other.key.fingerprint === subkey.key.fingerprint);
    if (known === undefined) into.subkeys.push(subkey);
    else mergeSignatures(known.signatures, subkey.signatures);
  }
}

function mergeSignatures(into: CertificateSignature[], from: readonly CertificateSignature[]): void {
  for (const signature of from) {
    if (!into.some((known) => isSame(known.body, signature.body))) into.push(signature);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function writeCertificate({ primary, signatures, users, subkeys }: UncheckedCertificate): Uint8Array {
  const write = (list: readonly CertificateSignature[]): Uint8Array[] =>
    list.map(({ body }) => writePacket(TAG.signature, body));
  return Buffer.concat([
    writePacket(TAG.publicKey, primary.body),
    ...write(signatures),
    ...users.flatMap((user: CertificateUser) => [writePacket(user.tag, user.body), ...write(user.signatures)]),
    ...subkeys.flatMap(({ key, signatures: own }) => [writePacket(TAG.publicSubkey, key.body), ...write(own)]),
  ]);
}
