import { deflateRawSync, deflateSync } from 'node:zlib';
import { compressBzip2 } from '../../../differential/openpgp/bzip2.ts';
import { compressedBody } from '../../../differential/openpgp/messages.ts';
import { TAG, packet, uint32 } from '../../../differential/openpgp/packets.ts';
import { MiB } from './makings.ts';
import type { Messages } from './makings.ts';

const UNFOLDED = 16 * MiB;
/** 50,000,000 zero bytes as bzip2 1.0.8 writes them. */
const BZIP2_ZEROS = Buffer.from(
  'QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZk8TsPQAfaMEAwAAAEAAIIAAwzAmqaZUiDapSIPF3JFOFCQj9cpgw',
  'base64',
);
const ALGORITHMS: Readonly<Record<string, (zeros: Buffer) => Buffer>> = {
  ZIP: (zeros) => Buffer.concat([Buffer.from([1]), deflateRawSync(zeros)]),
  ZLIB: (zeros) => Buffer.concat([Buffer.from([2]), deflateSync(zeros)]),
  BZip2: () => Buffer.concat([Buffer.from([3]), BZIP2_ZEROS]),
};

function bombsOf(name: string, compress: (zeros: Buffer) => Buffer): Messages {
  const zeros = (): Buffer => compress(Buffer.alloc(UNFOLDED));
  const plain = (): Buffer => packet(TAG.compressed, zeros(), 'indeterminate');
  const literal = (): Buffer => Buffer.concat([Buffer.from([0xcb, 0xff]), uint32(UNFOLDED), Buffer.alloc(UNFOLDED)]);
  return {
    [`${name} bomb`]: plain,
    [`${name} bomb in a packet with a length`]: () => packet(TAG.compressed, zeros()),
    [`${name} bomb in parts`]: () => packet(TAG.compressed, zeros(), 'partial512'),
    [`${name} bomb twice compressed`]: () => nest(plain(), 1),
    [`${name} bomb five times compressed`]: () => nest(plain(), 5),
    [`${name} bomb that opens as a literal`]: () => packet(TAG.compressed, compress(literal()), 'indeterminate'),
    [`${name} bomb with a cut end`]: () => plain().subarray(0, -3),
  };
}

/** Small messages that want to be large, and large ones that want to be slow. */
export const BOMBS: Messages = {
  ...(Object.assign({}, ...Object.entries(ALGORITHMS).map(([name, compress]) => bombsOf(name, compress))) as Messages),
  'compression 40 deep': () => nest(Buffer.from('x'), 40),
  '4 MiB of ZIP that gives nothing': () =>
    packet(TAG.compressed, Buffer.concat([Buffer.from([1]), storedBlocks(4 * MiB - 20)])),
  'BZip2 of empty blocks': () => bzip2(emptyBlocks(60_000)),
  'BZip2 of many small blocks': () => bzip2(smallBlocks(1000)),
  '1 MiB of BZip2': () => bzip2(Buffer.concat([Buffer.from('BZh9'), Buffer.alloc(MiB, 0x5a)])),
  '4 MiB of BZip2': () => bzip2(Buffer.alloc(4 * MiB - 20, 0x5a)),
  'unknown compression of 4 MiB': () =>
    packet(TAG.compressed, Buffer.concat([Buffer.from([9]), Buffer.alloc(4 * MiB - 20)])),
};

function bzip2(stream: Buffer): Buffer {
  return packet(TAG.compressed, Buffer.concat([Buffer.from([3]), stream]));
}

function nest(inner: Buffer, times: number): Buffer {
  let nested = inner;
  for (let i = 0; i < times; i++) nested = packet(TAG.compressed, compressedBody(1, nested), 'indeterminate');
  return nested;
}

/** Deflate blocks of no bytes. */
function storedBlocks(size: number): Buffer {
  return Buffer.alloc(Math.floor(size / 5) * 5, Buffer.from('000000ffff', 'hex'));
}

function emptyBlocks(size: number): Buffer {
  const block = Buffer.from('314159265359', 'hex');
  return Buffer.concat([Buffer.from('BZh9'), Buffer.alloc(Math.floor(size / 6) * 6, block)]);
}

/** Blocks of one byte each, good but for the sum of them all. */
function smallBlocks(count: number): Buffer {
  const bits = (bytes: Buffer): string => Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const whole = bits(compressBzip2(Buffer.from('a')));
  const end = whole.lastIndexOf('000101110111001001000101001110000101000010010000');
  const stream = bits(Buffer.from('BZh9')) + whole.slice(32, end).repeat(count) + whole.slice(end);
  const bytes = stream.match(/.{1,8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte.padEnd(8, '0'), 2)));
}
