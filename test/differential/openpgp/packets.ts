/** OpenPGP as bytes, so that anything can be written: right, wrong, and what no program would write. */
export const TAG = {
  encryptedSessionKey: 1,
  signature: 2,
  symmetricSessionKey: 3,
  onePass: 4,
  publicKey: 6,
  compressed: 8,
  encrypted: 9,
  marker: 10,
  literal: 11,
  trust: 12,
  userId: 13,
  publicSubkey: 14,
  userAttribute: 17,
  padding: 21,
} as const;

/** How a packet says how long it is. */
export type HeaderForm =
  'new1' | 'new2' | 'new5' | 'old1' | 'old2' | 'old4' | 'indeterminate' | 'partial' | 'partial512';

export const HEADER_FORMS: readonly HeaderForm[] = [
  ...(['new1', 'new2', 'new5', 'old1', 'old2', 'old4', 'indeterminate', 'partial', 'partial512'] as const),
];

/** A packet; where the form cannot hold its length (or tag) the next one that can is taken. */
export function packet(tag: number, body: Uint8Array, form: HeaderForm = 'new5'): Buffer {
  if (form.startsWith('old') && tag < 16) return oldPacket(tag, body, form);
  if (form === 'indeterminate' && tag < 16) return Buffer.concat([Buffer.from([0x83 | (tag << 2)]), body]);
  if (form === 'partial' || form === 'partial512') return partialPacket(tag, Buffer.from(body), form);
  return Buffer.concat([Buffer.from([0xc0 | tag]), newLength(body.length, form), body]);
}

function oldPacket(tag: number, body: Uint8Array, form: HeaderForm): Buffer {
  const wanted = form === 'old1' ? 0 : form === 'old2' ? 1 : 2;
  const least = body.length < 2 ** 8 ? 0 : body.length < 2 ** 16 ? 1 : 2;
  const type = Math.max(wanted, least);
  const length = Buffer.alloc(1 << type);
  length.writeUIntBE(body.length, 0, length.length);
  return Buffer.concat([Buffer.from([0x80 | (tag << 2) | type]), length, body]);
}

function newLength(length: number, form: HeaderForm): Buffer {
  if (form === 'new1' && length < 192) return Buffer.from([length]);
  if (form !== 'new5' && length >= 192 && length < 8384) {
    return Buffer.from([((length - 192) >> 8) + 192, (length - 192) & 255]);
  }
  return Buffer.concat([Buffer.from([255]), uint32(length)]);
}

/** `partial` begins with a part shorter than the standard allows. */
function partialPacket(tag: number, body: Buffer, form: HeaderForm): Buffer {
  const exponent = form === 'partial' ? 5 : 9;
  const pieces: Buffer[] = [Buffer.from([0xc0 | tag])];
  let rest = body;
  while (rest.length > 2 ** exponent) {
    pieces.push(Buffer.from([0xe0 | exponent]), rest.subarray(0, 2 ** exponent));
    rest = rest.subarray(2 ** exponent);
  }
  return Buffer.concat([...pieces, newLength(rest.length, 'new1'), rest]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** A multiprecision integer, its leading zero bytes dropped. */
export function mpi(value: Uint8Array): Buffer {
  const first = value.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.alloc(0) : Buffer.from(value).subarray(first);
  const bits = digits.length === 0 ? 0 : digits.length * 8 - Math.clz32(digits[0] ?? 0) + 24;
  return Buffer.concat([uint16(bits), digits]);
}

export function subpacket(type: number, body: Uint8Array, { critical = false, long = false } = {}): Buffer {
  const length = body.length + 1;
  const header =
    long || length >= 8384 ? Buffer.concat([Buffer.from([255]), uint32(length)]) : newLength(length, 'new1');
  return Buffer.concat([header, Buffer.from([type | (critical ? 0x80 : 0)]), body]);
}
