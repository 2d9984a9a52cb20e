import { malformed, readMpi, readNewLength, readNumber, slice } from './packets.ts';

/** The fields of a signature packet; nothing in it is trustworthy before `checkSignature`. */
export interface SignaturePacket {
  readonly version: 3 | 4;
  /** 0x00 binary, 0x01 text. */
  readonly type: number;
  readonly keyAlgorithm: number;
  readonly hashAlgorithm: number;
  /** Upper-case hex, 16 digits. */
  readonly issuerKeyId: string;
  /** Upper-case hex, where the signer gave it. */
  readonly issuerFingerprint?: string;
  readonly created: Date;
  readonly expires?: Date;
  /** What is hashed behind the data. */
  readonly hashSuffix: Uint8Array;
  /** The first two bytes of the hash. */
  readonly hashStart: Uint8Array;
  /** The algorithm's integers. */
  readonly integers: readonly Uint8Array[];
}

const SUBPACKET = { created: 2, expires: 3, issuer: 16, notation: 20, userId: 28, issuerFingerprint: 33 } as const;
/** Critical subpackets whose meaning is honoured, or has no bearing on a document's signature. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  SUBPACKET.created,
  SUBPACKET.expires,
  SUBPACKET.issuer,
  SUBPACKET.userId,
  SUBPACKET.issuerFingerprint,
]);
const MAX_INTEGERS = 2;
/** RSA, ECDSA and legacy EdDSA. */
const WITH_INTEGERS = new Set([1, 3, 19, 22]);

/**
 * Parses a signature packet of version 3 or 4 (RFC 4880 section 5.2).
 * @throws SigningError `signature-invalid`, reason `structure`.
 */
export function parseSignaturePacket(body: Uint8Array): SignaturePacket {
  const version = readNumber(body, 0, 1);
  if (version === 3) return parseVersion3(body);
  if (version === 4) return parseVersion4(body);
  throw malformed(`version ${version} of a signature, which readers do not know; expected 4`);
}

function parseVersion3(body: Uint8Array): SignaturePacket {
  if (readNumber(body, 1, 1) !== 5) throw malformed('a damaged signature packet');
  return {
    version: 3,
    type: readNumber(body, 2, 1),
    created: new Date(readNumber(body, 3, 4) * 1000),
    issuerKeyId: hex(slice(body, 7, 8)),
    keyAlgorithm: readNumber(body, 15, 1),
    hashAlgorithm: readNumber(body, 16, 1),
    hashSuffix: slice(body, 2, 5),
    hashStart: slice(body, 17, 2),
    integers: readIntegers(body, 19, readNumber(body, 15, 1)),
  };
}

function parseVersion4(body: Uint8Array): SignaturePacket {
  const hashedEnd = 6 + readNumber(body, 4, 2);
  const hashed = readSubpackets(slice(body, 6, hashedEnd - 6));
  const unhashedEnd = hashedEnd + 2 + readNumber(body, hashedEnd, 2);
  const unhashed = readSubpackets(slice(body, hashedEnd + 2, unhashedEnd - hashedEnd - 2));
  const signed = slice(body, 0, hashedEnd);
  const created = single(hashed, SUBPACKET.created, 4);
  if (created === undefined) throw malformed('a signature without its time');
  const createdSeconds = readNumber(created, 0, 4);
  const lifetime = single(hashed, SUBPACKET.expires, 4);
  const seconds = lifetime === undefined ? 0 : readNumber(lifetime, 0, 4);
  const trailer = Buffer.alloc(6);
  trailer.writeUInt16BE(0x04ff);
  trailer.writeUInt32BE(signed.length, 2);
  return {
    version: 4,
    type: readNumber(body, 1, 1),
    keyAlgorithm: readNumber(body, 2, 1),
    hashAlgorithm: readNumber(body, 3, 1),
    ...readIssuer(hashed, unhashed),
    created: new Date(createdSeconds * 1000),
    ...(seconds > 0 && { expires: new Date((createdSeconds + seconds) * 1000) }),
    hashSuffix: Buffer.concat([signed, trailer]),
    hashStart: slice(body, unhashedEnd, 2),
    integers: readIntegers(body, unhashedEnd + 2, readNumber(body, 2, 1)),
  };
}

type Subpackets = readonly { readonly type: number; readonly body: Uint8Array }[];

function readSubpackets(area: Uint8Array): Subpackets {
  const subpackets: { type: number; body: Uint8Array }[] = [];
  let position = 0;
  while (position < area.length) {
    const { length, headerSize } = readSubpacketLength(area, position);
    const content = slice(area, position + headerSize, length);
    const type = readNumber(content, 0, 1);
    if ((type & 0x80) !== 0 && !UNDERSTOOD.has(type & 0x7f)) {
      throw malformed(`a critical subpacket of type ${type & 0x7f} that is not understood`);
    }
    subpackets.push({ type: type & 0x7f, body: content.subarray(1) });
    position += headerSize + length;
  }
  return subpackets;
}

/** Like a packet's length, except that 224 to 254 continue the two-byte form (RFC 4880 section 5.2.3.1). */
function readSubpacketLength(area: Uint8Array, position: number): { length: number; headerSize: number } {
  const first = readNumber(area, position, 1);
  if (first < 224 || first === 255) return readNewLength(area, position);
  return { length: ((first - 192) << 8) + readNumber(area, position + 1, 1) + 192, headerSize: 2 };
}

function readIssuer(
  hashed: Subpackets,
  unhashed: Subpackets,
): Pick<SignaturePacket, 'issuerKeyId' | 'issuerFingerprint'> {
  const versioned =
    single(hashed, SUBPACKET.issuerFingerprint, 21) ?? single(unhashed, SUBPACKET.issuerFingerprint, 21);
  if (versioned !== undefined && versioned[0] !== 4) throw malformed('a signer whose key is not of version 4');
  const fingerprint = versioned === undefined ? undefined : hex(versioned.subarray(1));
  const keyId = single(hashed, SUBPACKET.issuer, 8) ?? single(unhashed, SUBPACKET.issuer, 8);
  const issuerKeyId = keyId === undefined ? fingerprint?.slice(-16) : hex(keyId);
  if (issuerKeyId === undefined) throw malformed('a signature that does not say who made it');
  if (fingerprint !== undefined && !fingerprint.endsWith(issuerKeyId)) throw malformed('two different signers named');
  return { issuerKeyId, ...(fingerprint !== undefined && { issuerFingerprint: fingerprint }) };
}

/** The only subpacket of a type; two of one type can be read in two ways. */
function single(area: Subpackets, type: number, size: number): Uint8Array | undefined {
  const found = area.filter((subpacket) => subpacket.type === type);
  const [first] = found;
  if (first === undefined) return undefined;
  if (found.length > 1 || first.body.length !== size)
    throw malformed(`subpacket ${type} repeated or of the wrong size`);
  return first.body;
}

function readIntegers(body: Uint8Array, start: number, keyAlgorithm: number): Uint8Array[] {
  // Other algorithms write other things; none of them counts, which is said where the key is looked at.
  if (!WITH_INTEGERS.has(keyAlgorithm)) return [];
  const integers: Uint8Array[] = [];
  let position = start;
  while (position < body.length) {
    if (integers.length === MAX_INTEGERS) throw malformed('bytes behind the signature');
    const { value, end } = readMpi(body, position);
    integers.push(value);
    position = end;
  }
  return integers;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase();
}
