import { malformed, readMpi, readNumber, slice } from './packets.ts';
import { SUBPACKET, Subpackets } from './subpackets.ts';

/** The fields of a signature packet; nothing in it is trustworthy before the signature was checked. */
export interface SignaturePacket {
  readonly version: 3 | 4;
  /** 0x00 binary, 0x01 text; further classes in keys (RFC 4880 section 5.2.1). */
  readonly type: number;
  readonly keyAlgorithm: number;
  readonly hashAlgorithm: number;
  /** Upper-case hex, 16 digits; zeros where the signature does not say who made it. */
  readonly issuerKeyId: string;
  /** Upper-case hex, where what is signed gives it. */
  readonly issuerFingerprint?: string;
  readonly created: Date;
  readonly expires?: Date;
  /** What is hashed behind the data. */
  readonly hashSuffix: Uint8Array;
  /** The algorithm's integers. */
  readonly integers: readonly Uint8Array[];
  /** What the signature covers of its own statements; empty in version 3. */
  readonly hashed: Subpackets;
  readonly unhashed: Subpackets;
}

const NO_SUBPACKETS = new Subpackets(new Uint8Array());
const NOBODY = '0'.repeat(16);
const MAX_AREA = 10_000;
const MIN_SIZE = 16;
/** How many integers the algorithms write; those that cannot sign write none. */
const INTEGERS: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 1, 17: 2, 19: 2, 22: 2 };

/**
 * Parses a signature packet of version 3 or 4 (RFC 4880 section 5.2; version 2 has the form of 3).
 * @throws SigningError `signature-invalid`, reason `structure`.
 */
export function parseSignaturePacket(body: Uint8Array): SignaturePacket {
  const version = readNumber(body, 0, 1);
  if (body.length < MIN_SIZE) throw malformed('a signature packet of a few bytes');
  if (version === 2 || version === 3) return parseVersion3(body);
  if (version === 4) return parseVersion4(body);
  throw malformed(`version ${version} of a signature, which readers do not know; expected 4`);
}

function parseVersion3(body: Uint8Array): SignaturePacket {
  const keyAlgorithm = readNumber(body, 15, 1);
  return {
    version: 3,
    type: readNumber(body, 2, 1),
    created: new Date(readNumber(body, 3, 4) * 1000),
    issuerKeyId: hex(slice(body, 7, 8)),
    keyAlgorithm,
    hashAlgorithm: readNumber(body, 16, 1),
    hashSuffix: slice(body, 2, 5),
    integers: readIntegers(body, 19, keyAlgorithm),
    hashed: NO_SUBPACKETS,
    unhashed: NO_SUBPACKETS,
  };
}

function parseVersion4(body: Uint8Array): SignaturePacket {
  const hashedEnd = 6 + readNumber(body, 4, 2);
  const hashed = readArea(body, 6, hashedEnd);
  const unhashedEnd = hashedEnd + 2 + readNumber(body, hashedEnd, 2);
  const unhashed = readArea(body, hashedEnd + 2, unhashedEnd);
  const signed = slice(body, 0, hashedEnd);
  const keyAlgorithm = readNumber(body, 2, 1);
  const created = hashed.number(SUBPACKET.created) ?? 0;
  const expires = addSeconds(created, hashed.number(SUBPACKET.expires));
  const trailer = Buffer.alloc(6);
  trailer.writeUInt16BE(0x04ff);
  trailer.writeUInt32BE(signed.length, 2);
  return {
    version: 4,
    type: readNumber(body, 1, 1),
    keyAlgorithm,
    hashAlgorithm: readNumber(body, 3, 1),
    ...readIssuer(hashed, unhashed),
    created: new Date(created * 1000),
    ...(expires !== undefined && { expires }),
    hashSuffix: Buffer.concat([signed, trailer]),
    integers: readIntegers(body, unhashedEnd + 2, keyAlgorithm),
    hashed,
    unhashed,
  };
}

/** A lifetime's end; undefined for none. Readers count in 32 bits, so that a very long life has ended long ago. */
export function addSeconds(start: number, lifetime: number | undefined): Date | undefined {
  if (lifetime === undefined || lifetime === 0) return undefined;
  const end = (start + lifetime) % 2 ** 32;
  return end === 0 ? undefined : new Date(end * 1000);
}

function readArea(body: Uint8Array, start: number, end: number): Subpackets {
  if (end - start > MAX_AREA) throw malformed(`${end - start} bytes of subpackets; at most ${MAX_AREA}`);
  return new Subpackets(slice(body, start, end - start));
}

function readIssuer(
  hashed: Subpackets,
  unhashed: Subpackets,
): Pick<SignaturePacket, 'issuerKeyId' | 'issuerFingerprint'> {
  const keyId = hashed.first(SUBPACKET.issuer) ?? unhashed.first(SUBPACKET.issuer);
  const issuerKeyId = keyId === undefined ? NOBODY : hex(keyId.subarray(0, 8));
  const versioned = hashed.first(SUBPACKET.issuerFingerprint);
  const isOfVersion4 = versioned?.length === 21 && versioned[0] === 4;
  return { issuerKeyId, ...(isOfVersion4 && { issuerFingerprint: hex(versioned.subarray(1)) }) };
}

/** Bytes behind the integers are in no hash and say nothing; readers pass over them. */
function readIntegers(body: Uint8Array, start: number, keyAlgorithm: number): Uint8Array[] {
  slice(body, 0, start);
  const integers: Uint8Array[] = [];
  let position = start;
  while (integers.length < (INTEGERS[keyAlgorithm] ?? 0)) {
    const { value, end } = readMpi(body, position);
    integers.push(value);
    position = end;
  }
  return integers;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase();
}
