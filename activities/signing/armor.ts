import { crc24 } from './import-armor.ts';

/** What an armoured or binary key file holds. */
export interface KeyBlock {
  readonly type: 'public' | 'private';
  readonly packets: Uint8Array;
}

const BLOCK = /-----BEGIN PGP (PUBLIC|PRIVATE) KEY BLOCK-----[ \t]*\r?\n([^]*?)\r?\n-----END PGP \1 KEY BLOCK-----/g;
const ARMOR_BEGIN = /-----BEGIN PGP /g;
const HEADER = /^[A-Za-z-]+: /;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Thrown for a file that is not one or more OpenPGP keys. */
export class KeyFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'KeyFileError';
  }
}

/**
 * The blocks of a key file: one if it is binary, else every armoured one (a file of several is usual, and GnuPG reads
 * all of them).
 * @throws KeyFileError when nothing is found, or a block is damaged.
 */
export function readKeyBlocks(file: Uint8Array): KeyBlock[] {
  const [first] = file;
  if (first === undefined) throw new KeyFileError('the file is empty');
  if ((first & 0x80) !== 0) return [{ type: isSecret(first) ? 'private' : 'public', packets: file }];
  const text = Buffer.from(file.buffer, file.byteOffset, file.byteLength).toString('latin1');
  const blocks = [...text.matchAll(BLOCK)].map(([, type, body]): KeyBlock => ({
    type: type === 'PRIVATE' ? 'private' : 'public',
    packets: dearmor(body ?? ''),
  }));
  if (blocks.length === 0) throw new KeyFileError('no OpenPGP key block is in it');
  if (blocks.length !== (text.match(ARMOR_BEGIN) ?? []).length) {
    throw new KeyFileError('an armoured block in it has no end, or is no key');
  }
  return blocks;
}

function isSecret(header: number): boolean {
  const tag = (header & 0x40) === 0 ? (header & 0x3c) >> 2 : header & 0x3f;
  return tag === 5 || tag === 7;
}

function dearmor(body: string): Uint8Array {
  const lines = body.split(/\r?\n/).map((line) => line.trimEnd());
  const headers = lines.findIndex((line) => !HEADER.test(line));
  const content = lines.slice(Math.max(headers, 0)).filter((line) => line !== '');
  const checksum = content.at(-1)?.startsWith('=') === true ? content.pop() : undefined;
  const base64 = content.join('');
  if (base64 === '' || !BASE64.test(base64)) throw new KeyFileError('an armoured block in it is damaged');
  const packets = Buffer.from(base64, 'base64');
  if (checksum !== undefined && checksum !== `=${checksumOf(packets)}`) {
    throw new KeyFileError('the checksum of an armoured block in it is wrong');
  }
  return packets;
}

function checksumOf(packets: Uint8Array): string {
  const bytes = Buffer.alloc(3);
  bytes.writeUIntBE(crc24(packets), 0, 3);
  return bytes.toString('base64');
}
