import { SigningError } from './error.ts';
import { TAG, eachPacket, malformed, readMpi, readNumber, slice } from './packets.ts';
import type { Packet } from './packets.ts';
import { readPublicKey } from './public-key.ts';
import type { PublicKey } from './public-key.ts';
import { parseSignaturePacket } from './signature-packet.ts';
import type { SignaturePacket } from './signature-packet.ts';

/** A signature as it stands in a key file; whether it is good is told by `checkCertificate`. */
export interface CertificateSignature {
  readonly body: Uint8Array;
  readonly packet: SignaturePacket;
}

/** A user id or a picture, with the signatures that follow it. */
export interface CertificateUser {
  readonly tag: typeof TAG.userId | typeof TAG.userAttribute;
  readonly body: Uint8Array;
  readonly signatures: CertificateSignature[];
}

export interface CertificateSubkey {
  readonly key: PublicKey;
  readonly signatures: CertificateSignature[];
}

/** A certificate, sorted but not judged: anybody may have added to it. */
export interface UncheckedCertificate {
  readonly primary: PublicKey;
  readonly signatures: CertificateSignature[];
  readonly users: CertificateUser[];
  readonly subkeys: CertificateSubkey[];
}

/** What packets of keys hold, read as GnuPG imports them. */
export interface ReadCertificates {
  readonly certificates: readonly UncheckedCertificate[];
  /** Revocations that stand alone, for keys read before. */
  readonly revocations: readonly { readonly after: number; readonly signature: CertificateSignature }[];
  /** Why reading ended before the end of the packets; what was being read then is lost, and all behind it. */
  readonly damage?: SigningError;
  readonly hasPrivate: boolean;
}

const KEY_REVOCATION = 0x20;
/** Session keys, one-pass signatures, encrypted data: in a key file they are keys that were damaged. */
const OF_MESSAGES = new Set([1, 3, 4, 9, 18, 19, 20]);
const MAX_USER_ID = 2048;

/** Sorts the packets of a key file. */
export function readCertificates(packets: Uint8Array): ReadCertificates {
  const reader = new CertificateReader();
  try {
    for (const packet of eachPacket(packets)) reader.add(packet);
    reader.finish();
  } catch (error) {
    if (!(error instanceof SigningError)) throw error;
    return { ...reader.result(), damage: error };
  }
  return reader.result();
}

class CertificateReader {
  readonly #certificates: UncheckedCertificate[] = [];
  readonly #revocations: { after: number; signature: CertificateSignature }[] = [];
  #current: UncheckedCertificate | undefined;
  /** Where the next signature belongs; undefined where it is left out. */
  #signatures: CertificateSignature[] | undefined;
  /** True while packets of a key of another version go by. */
  #skipping = false;
  #hasPrivate = false;

  add(packet: Packet): void {
    if (packet.indeterminate || packet.cut) throw malformed('a packet that does not end');
    switch (packet.tag) {
      case TAG.publicKey:
      case TAG.secretKey:
        this.#beginCertificate(packet);
        break;
      case TAG.publicSubkey:
      case TAG.secretSubkey:
        this.#addSubkey(packet);
        break;
      case TAG.userId:
      case TAG.userAttribute:
        this.#addUser(packet.tag, packet.body);
        break;
      case TAG.signature:
        this.#addSignature(packet.body);
        break;
      case TAG.marker:
        if (Buffer.from(packet.body).toString('latin1') !== 'PGP') throw malformed('a damaged marker packet');
        break;
      default:
        if (OF_MESSAGES.has(packet.tag)) throw malformed(`packet ${packet.tag}, which is of messages`);
    }
  }

  finish(): void {
    if (this.#current !== undefined) this.#certificates.push(this.#current);
    this.#current = undefined;
  }

  result(): ReadCertificates {
    return { certificates: this.#certificates, revocations: this.#revocations, hasPrivate: this.#hasPrivate };
  }

  #beginCertificate(packet: Packet): void {
    this.#signatures = undefined;
    this.#skipping = readNumber(packet.body, 0, 1) !== 4;
    // The one before is not finished by it: what comes behind such a key is lost together with what stands before it.
    if (this.#skipping) return;
    this.finish();
    const signatures: CertificateSignature[] = [];
    this.#current = { primary: this.#readKey(packet), signatures, users: [], subkeys: [] };
    this.#signatures = signatures;
  }

  #addSubkey(packet: Packet): void {
    const version = readNumber(packet.body, 0, 1);
    if (version !== 4) throw malformed(`a subkey of version ${version}`);
    const subkey: CertificateSubkey = { key: this.#readKey(packet), signatures: [] };
    if (this.#current === undefined || this.#skipping) return;
    this.#current.subkeys.push(subkey);
    this.#signatures = subkey.signatures;
  }

  #addUser(tag: CertificateUser['tag'], body: Uint8Array): void {
    this.#signatures = undefined;
    if (this.#current === undefined || this.#skipping) return;
    if (tag === TAG.userId && body.length > MAX_USER_ID) return;
    const known = this.#current.users.find((user) => user.tag === tag && Buffer.from(user.body).equals(body));
    const user = known ?? { tag, body, signatures: [] };
    if (known === undefined) this.#current.users.push(user);
    this.#signatures = user.signatures;
  }

  #addSignature(body: Uint8Array): void {
    const signature = { body, packet: parseSignaturePacket(body) };
    if (this.#skipping) return;
    if (this.#current !== undefined) this.#signatures?.push(signature);
    else if (signature.packet.type === KEY_REVOCATION) {
      this.#revocations.push({ after: this.#certificates.length, signature });
    }
  }

  #readKey({ tag, body }: Packet): PublicKey {
    const isSecret = tag === TAG.secretKey || tag === TAG.secretSubkey;
    if (isSecret) this.#hasPrivate = true;
    return readPublicKey(isSecret ? publicHalf(body) : body);
  }
}

/** How many integers the public half has; on a curve there is the curve's name before them. */
const INTEGERS: Readonly<Record<number, number>> = { 1: 2, 2: 2, 3: 2, 16: 3, 17: 4, 18: 1, 19: 1, 20: 3, 22: 1 };
const ON_A_CURVE = new Set([18, 19, 22]);
const ECDH = 18;

function publicHalf(body: Uint8Array): Uint8Array {
  const algorithm = readNumber(body, 5, 1);
  const integers = INTEGERS[algorithm];
  if (integers === undefined) throw malformed(`a private key of algorithm ${algorithm}`);
  let end = 6;
  if (ON_A_CURVE.has(algorithm)) end += 1 + readNumber(body, end, 1);
  for (let index = 0; index < integers; index++) end = readMpi(body, end).end;
  if (algorithm === ECDH) end += 1 + readNumber(body, end, 1);
  return slice(body, 0, end);
}
