import { signatureInvalid } from './error.ts';
import type { SigningError } from './error.ts';

/** Packet tags that matter here (RFC 4880 section 4.3). */
export const TAG = {
  signature: 2,
  onePassSignature: 4,
  secretKey: 5,
  publicKey: 6,
  secretSubkey: 7,
  compressed: 8,
  marker: 10,
  literal: 11,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
} as const;

/** One packet, its lengths resolved. */
export interface Packet {
  readonly tag: number;
  readonly body: Uint8Array;
  /** True when no length was given and the packet took everything up to the end. */
  readonly indeterminate: boolean;
  /** True when it claims to be longer than what is there. */
  readonly cut: boolean;
}

/** More packets than this are no container signature; stops before any work is done on them. */
const MAX_PACKETS = 8;
/** 4 MiB in the parts of 512 bytes that the standard allows at least. */
const MAX_PARTS = 8192;

/**
 * Splits a message into OpenPGP packets: old and new headers, partial and indeterminate lengths.
 * @throws SigningError `signature-invalid`, reason `structure`.
 */
export function readPackets(untrusted: Uint8Array): Packet[] {
  const packets: Packet[] = [];
  for (const packet of eachPacket(untrusted)) {
    if (packets.length === MAX_PACKETS) throw malformed(`more than ${MAX_PACKETS} packets`);
    // Readers take what they need of the last signature, and do not miss what nothing is said in.
    if (packet.cut && packet.tag !== TAG.signature) throw cutShort();
    packets.push(packet);
  }
  return packets;
}

/**
 * The packets one after the other, as far as they are whole.
 * @throws SigningError where no packet begins or one is cut, after all those before it.
 */
export function* eachPacket(bytes: Uint8Array): Generator<Packet, void> {
  let position = 0;
  while (position < bytes.length) {
    const header = bytes[position] ?? 0;
    if ((header & 0x80) === 0) throw malformed(`no packet begins at byte ${position}`);
    const read = (header & 0x40) === 0 ? readOldPacket : readNewPacket;
    const { packet, end } = read(bytes, position);
    yield packet;
    position = end;
  }
}

/**
 * The body of the compressed packet that a message is, or undefined for another message. Readers take all the rest of the
 * message for it, whatever its length says, unless it comes in parts.
 */
export function readCompressed(untrusted: Uint8Array): Uint8Array | undefined {
  const header = untrusted[0] ?? 0;
  const isNew = (header & 0x40) !== 0;
  if ((isNew ? header & 0x3f : (header & 0x3c) >> 2) !== TAG.compressed) return undefined;
  if (!isNew) {
    const lengthType = header & 0x03;
    const start = lengthType === 3 ? 1 : 1 + (1 << lengthType);
    slice(untrusted, 0, start);
    return untrusted.subarray(start);
  }
  const { partial, headerSize } = readNewLength(untrusted, 1);
  if (!partial) return untrusted.subarray(1 + headerSize);
  const { packet, end } = readNewPacket(untrusted, 0);
  if (end < untrusted.length) throw malformed('packets behind the compressed one');
  return packet.body;
}

interface ReadPacket {
  readonly packet: Packet;
  readonly end: number;
}

function readOldPacket(bytes: Uint8Array, start: number): ReadPacket {
  const header = bytes[start] ?? 0;
  const tag = (header & 0x3c) >> 2;
  const lengthType = header & 0x03;
  if (lengthType === 3) {
    const body = bytes.subarray(start + 1);
    return { packet: { tag, body, indeterminate: true, cut: false }, end: bytes.length };
  }
  const size = 1 << lengthType;
  return takeBody(bytes, { tag, start: start + 1 + size, length: readNumber(bytes, start + 1, size) });
}

function readNewPacket(bytes: Uint8Array, start: number): ReadPacket {
  const tag = (bytes[start] ?? 0) & 0x3f;
  const { length, partial, headerSize } = readNewLength(bytes, start + 1);
  if (!partial) return takeBody(bytes, { tag, start: start + 1 + headerSize, length });
  if (tag !== TAG.literal && tag !== TAG.compressed) throw malformed(`packet ${tag} must not have partial lengths`);
  return readParts(bytes, { tag, start: start + 1 });
}

function takeBody(
  bytes: Uint8Array,
  { tag, start, length }: { readonly tag: number; readonly start: number; readonly length: number },
): ReadPacket {
  const body = bytes.subarray(start, start + length);
  return { packet: { tag, body, indeterminate: false, cut: body.length < length }, end: start + body.length };
}

/** Puts the parts of a packet together, of which there may be so many that they alone would fill the memory. */
function readParts(bytes: Uint8Array, { tag, start }: { readonly tag: number; readonly start: number }): ReadPacket {
  const parts: Uint8Array[] = [];
  for (let position = start; ;) {
    if (parts.length === MAX_PARTS) throw malformed(`a packet of more than ${MAX_PARTS} parts`);
    const { length, partial, headerSize } = readNewLength(bytes, position);
    parts.push(slice(bytes, position + headerSize, length));
    position += headerSize + length;
    if (partial) continue;
    return { packet: { tag, body: Buffer.concat(parts), indeterminate: false, cut: false }, end: position };
  }
}

/** A new-format length at `position`; also the form of subpacket lengths, which are never partial. */
export function readNewLength(
  bytes: Uint8Array,
  position: number,
): { readonly length: number; readonly partial: boolean; readonly headerSize: number } {
  const first = readNumber(bytes, position, 1);
  if (first < 192) return { length: first, partial: false, headerSize: 1 };
  if (first < 224) {
    const length = ((first - 192) << 8) + readNumber(bytes, position + 1, 1) + 192;
    return { length, partial: false, headerSize: 2 };
  }
  if (first < 255) return { length: 2 ** (first & 0x1f), partial: true, headerSize: 1 };
  return { length: readNumber(bytes, position + 1, 4), partial: false, headerSize: 5 };
}

/** A big-endian number of `size` bytes (at most 4) at `position`. */
export function readNumber(bytes: Uint8Array, position: number, size: number): number {
  let value = 0;
  for (const byte of slice(bytes, position, size)) value = value * 256 + byte;
  return value;
}

/** The `length` bytes at `position`; bytes that are not there are an error, never cut short. */
export function slice(bytes: Uint8Array, position: number, length: number): Uint8Array {
  if (position + length > bytes.length) throw cutShort();
  return bytes.subarray(position, position + length);
}

/** A multiprecision integer at `position`, without its leading zero bytes. */
export function readMpi(bytes: Uint8Array, position: number): { readonly value: Uint8Array; readonly end: number } {
  const length = Math.ceil(readNumber(bytes, position, 2) / 8);
  const value = slice(bytes, position + 2, length);
  const firstSet = value.findIndex((byte) => byte !== 0);
  return { value: value.subarray(firstSet < 0 ? value.length : firstSet), end: position + 2 + length };
}

function cutShort(): SigningError {
  return malformed('it ends in the middle of a packet');
}

/** The error for bytes that are not the one form of message that is accepted. */
export function malformed(what: string, cause?: unknown): SigningError {
  return signatureInvalid('structure', `not a container signature: ${what}`, cause);
}

/** A packet in the form that every version of every reader takes: old header, length of four bytes. */
export function writePacket(tag: number, body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(tag < 16 ? 5 : 6);
  header.writeUInt32BE(body.length, header.length - 4);
  header[0] = tag < 16 ? 0x80 | (tag << 2) | 2 : 0xc0 | tag;
  if (tag >= 16) header[1] = 0xff;
  return Buffer.concat([header, body]);
}
