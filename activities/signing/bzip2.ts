import {
  BitReader,
  Bzip2Error,
  Bzip2LimitError,
  Bzip2TrailingError,
  HuffmanCode,
  MAX_CODE_LENGTH,
} from './bzip2-bits.ts';

/**
 * BZip2 with a limit on what comes out. Node has no BZip2, and decoders that fill a block before anybody looks at its
 * size turn a few dozen bytes into 45 MB; GnuPG can write such signatures and every reader takes them.
 */
const BLOCK_MAGIC = 0x314159265359;
const END_MAGIC = 0x177245385090;
const GROUP_SIZE = 50;

/**
 * Decompresses one BZip2 stream.
 * @throws Bzip2LimitError past `limit` bytes; Bzip2Error for anything else, also for bytes behind the stream.
 */
export function decompressBzip2(compressed: Uint8Array, limit: number): Uint8Array {
  const input = new BitReader(compressed);
  const level = input.bits(32) - 0x425a6830;
  if (level < 1 || level > 9) throw new Bzip2Error('no BZip2 header');
  const output = new Output(limit);
  // One buffer for all blocks: empty blocks are short, and a fresh 900 kB for each of them would be the bomb.
  const block = new Uint8Array(level * 100_000);
  const maxBlocks = 2 * Math.ceil(limit / block.length) + 1;
  let combined = 0;
  for (let blocks = 0; ; blocks++) {
    const magic = input.bits(24) * 0x1000000 + input.bits(24);
    const expected = input.bits(32);
    if (magic === END_MAGIC) {
      if (expected !== combined >>> 0) throw new Bzip2Error('wrong checksum');
      break;
    }
    if (magic !== BLOCK_MAGIC) throw new Bzip2Error('no block begins here');
    if (blocks === maxBlocks) throw new Bzip2LimitError(`more than ${maxBlocks} blocks`);
    output.beginBlock();
    readBlock(input, block, output);
    const checksum = output.endBlock();
    if (checksum !== expected) throw new Bzip2Error('wrong block checksum');
    combined = ((combined << 1) | (combined >>> 31)) ^ checksum;
  }
  if (!input.atEnd()) throw new Bzip2TrailingError('bytes behind the end');
  return output.bytes();
}

function readBlock(input: BitReader, block: Uint8Array, output: Output): void {
  if (input.bits(1) === 1) throw new Bzip2Error('randomised blocks are obsolete');
  const origin = input.bits(24);
  const symbols = readSymbolMap(input);
  const tables = readTables(input, symbols.length + 2);
  const length = readMoveToFront(input, { symbols, tables, block });
  if (origin >= length) throw new Bzip2Error('start pointer outside the block');
  invertTransform(block.subarray(0, length), origin, output);
}

function readSymbolMap(input: BitReader): number[] {
  const rows = input.bits(16);
  const symbols: number[] = [];
  for (let row = 0; row < 16; row++) {
    if ((rows & (0x8000 >> row)) === 0) continue;
    const columns = input.bits(16);
    for (let column = 0; column < 16; column++) {
      if ((columns & (0x8000 >> column)) !== 0) symbols.push(row * 16 + column);
    }
  }
  if (symbols.length === 0) throw new Bzip2Error('no symbols');
  return symbols;
}

interface Tables {
  readonly selectors: readonly number[];
  readonly codes: readonly HuffmanCode[];
}

function readTables(input: BitReader, alphabetSize: number): Tables {
  const count = input.bits(3);
  const selectorCount = input.bits(15);
  if (count < 2 || count > 6 || selectorCount === 0) throw new Bzip2Error('wrong number of code tables');
  const order = Array.from({ length: count }, (_, index) => index);
  const selectors: number[] = [];
  for (let i = 0; i < selectorCount; i++) {
    let index = 0;
    while (input.bits(1) === 1) if (++index >= count) throw new Bzip2Error('wrong selector');
    const [selected = 0] = order.splice(index, 1);
    order.unshift(selected);
    selectors.push(selected);
  }
  const codes = order.map(() => readCode(input, alphabetSize));
  return { selectors, codes };
}

function readCode(input: BitReader, alphabetSize: number): HuffmanCode {
  const lengths: number[] = [];
  let length = input.bits(5);
  for (let i = 0; i < alphabetSize; i++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_LENGTH) throw new Bzip2Error('wrong code length');
      if (input.bits(1) === 0) break;
      length += input.bits(1) === 0 ? 1 : -1;
    }
    lengths.push(length);
  }
  return new HuffmanCode(lengths);
}

function readMoveToFront(
  input: BitReader,
  { symbols, tables, block }: { symbols: readonly number[]; tables: Tables; block: Uint8Array },
): number {
  const blockSize = block.length;
  const front = [...symbols];
  const end = symbols.length + 1;
  let length = 0;
  let run = 0;
  let runBit = 1;
  for (let decoded = 0; ; decoded++) {
    const code = tables.codes[tables.selectors[Math.floor(decoded / GROUP_SIZE)] ?? -1];
    if (code === undefined) throw new Bzip2Error('not enough selectors');
    const symbol = code.read(input);
    if (symbol <= 1) {
      run += runBit << symbol;
      runBit *= 2;
      if (run > blockSize) throw new Bzip2Error('block too long');
      continue;
    }
    if (length + run + (symbol === end ? 0 : 1) > blockSize) throw new Bzip2Error('block too long');
    block.fill(front[0] ?? 0, length, length + run);
    length += run;
    run = 0;
    runBit = 1;
    if (symbol === end) return length;
    const [byte = 0] = front.splice(symbol - 1, 1);
    front.unshift(byte);
    block[length++] = byte;
  }
}

/** Inverts the Burrows-Wheeler transform and hands the bytes over in order. */
function invertTransform(block: Uint8Array, origin: number, output: Output): void {
  const starts = new Uint32Array(257);
  for (const byte of block) starts[byte + 1] = (starts[byte + 1] ?? 0) + 1;
  for (let i = 1; i < 257; i++) starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0);
  const next = new Uint32Array(block.length);
  for (let index = 0; index < block.length; index++) {
    const byte = block[index] ?? 0;
    const position = starts[byte] ?? 0;
    next[position] = index;
    starts[byte] = position + 1;
  }
  let position = next[origin] ?? 0;
  for (let i = 0; i < block.length; i++) {
    output.push(block[position] ?? 0);
    position = next[position] ?? 0;
  }
}

/** Undoes the first run-length step (four equal bytes are followed by a count) and keeps the block's checksum. */
class Output {
  readonly #limit: number;
  #buffer = new Uint8Array(4096);
  #length = 0;
  #checksum = 0;
  #last = -1;
  #repeated = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  beginBlock(): void {
    this.#checksum = 0xffffffff;
    this.#last = -1;
    this.#repeated = 0;
  }

  endBlock(): number {
    return ~this.#checksum >>> 0;
  }

  push(byte: number): void {
    if (this.#repeated === 4) {
      this.#repeated = 0;
      for (let i = 0; i < byte; i++) this.#append(this.#last);
      this.#last = -1;
      return;
    }
    this.#repeated = byte === this.#last ? this.#repeated + 1 : 1;
    this.#last = byte;
    this.#append(byte);
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }

  #append(byte: number): void {
    if (this.#length === this.#limit) throw new Bzip2LimitError(`more than ${this.#limit} bytes come out`);
    if (this.#length === this.#buffer.length) {
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#buffer[this.#length++] = byte;
    this.#checksum = (this.#checksum << 8) ^ (CRC_TABLE[(this.#checksum >>> 24) ^ byte] ?? 0);
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  return value;
});
