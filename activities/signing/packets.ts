import { signatureInvalid } from './error.ts';
import type { SigningError } from './error.ts';

/** Packet tags that matter here (RFC 4880 section 4.3). */
export const TAG = { signature: 2, onePassSignature: 4, compressed: 8, literal: 11 } as const;

/** One packet, its lengths resolved. */
export interface Packet {
  readonly tag: number;
  readonly body: Uint8Array;
  /** True when no length was given and the packet took everything up to the end. */
  readonly indeterminate: boolean;
}

/** More packets than this are no container signature; stops before any work is done on them. */
const MAX_PACKETS = 8;

/**
 * Splits bytes into OpenPGP packets: old and new headers, partial and indeterminate lengths.
 * @throws SigningError `signature-invalid`, reason `structure`.
 */
export function readPackets(untrusted: Uint8Array): Packet[] {
  const packets: Packet[] = [];
  let position = 0;
  while (position < untrusted.length) {
    if (packets.length === MAX_PACKETS) throw malformed(`more than ${MAX_PACKETS} packets`);
    const header = untrusted[position] ?? 0;
    if ((header & 0x80) === 0) throw malformed(`no packet begins at byte ${position}`);
    const read = (header & 0x40) === 0 ? readOldPacket : readNewPacket;
    const { packet, end } = read(untrusted, position);
    packets.push(packet);
    position = end;
  }
  return packets;
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
    return { packet: { tag, body: bytes.subarray(start + 1), indeterminate: true }, end: bytes.length };
  }
  const size = 1 << lengthType;
  const bodyStart = start + 1 + size;
  const body = slice(bytes, bodyStart, readNumber(bytes, start + 1, size));
  return { packet: { tag, body, indeterminate: false }, end: bodyStart + body.length };
}

function readNewPacket(bytes: Uint8Array, start: number): ReadPacket {
  const tag = (bytes[start] ?? 0) & 0x3f;
  const chunks: Uint8Array[] = [];
  let position = start + 1;
  for (;;) {
    const { length, partial, headerSize } = readNewLength(bytes, position);
    if (partial && tag !== TAG.literal && tag !== TAG.compressed) {
      throw malformed(`packet ${tag} must not have partial lengths`);
    }
    const chunk = slice(bytes, position + headerSize, length);
    chunks.push(chunk);
    position += headerSize + length;
    if (!partial) break;
  }
  const [first] = chunks;
  const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
  return { packet: { tag, body, indeterminate: false }, end: position };
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
  if (position + length > bytes.length) throw malformed('it ends in the middle of a packet');
  return bytes.subarray(position, position + length);
}

/** A multiprecision integer at `position`, without its leading zero bytes. */
export function readMpi(bytes: Uint8Array, position: number): { readonly value: Uint8Array; readonly end: number } {
  const length = Math.ceil(readNumber(bytes, position, 2) / 8);
  const value = slice(bytes, position + 2, length);
  const firstSet = value.findIndex((byte) => byte !== 0);
  return { value: value.subarray(firstSet < 0 ? value.length : firstSet), end: position + 2 + length };
}

/** The error for bytes that are not the one form of message that is accepted. */
export function malformed(what: string, cause?: unknown): SigningError {
  return signatureInvalid('structure', `not a container signature: ${what}`, cause);
}
