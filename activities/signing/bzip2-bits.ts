/** The longest Huffman code of BZip2, in bits. */
export const MAX_CODE_LENGTH = 20;

/** What was wrong with the compressed data. */
export class Bzip2Error extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Bzip2Error';
  }
}

/** Thrown as soon as more than the limit has come out. */
export class Bzip2LimitError extends Bzip2Error {}

/** Thrown for bytes behind a whole stream. */
export class Bzip2TrailingError extends Bzip2Error {}

/** A canonical Huffman code, read bit by bit. */
export class HuffmanCode {
  readonly #counts = new Uint16Array(MAX_CODE_LENGTH + 1);
  readonly #symbols: readonly number[];

  constructor(lengths: readonly number[]) {
    for (const length of lengths) this.#counts[length] = (this.#counts[length] ?? 0) + 1;
    this.#symbols = lengths.map((_, symbol) => symbol).sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
  }

  read(input: BitReader): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MAX_CODE_LENGTH; length++) {
      code |= input.bits(1);
      const count = this.#counts[length] ?? 0;
      if (code - first < count) return this.#symbols[index + code - first] ?? 0;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Bzip2Error('unknown code');
  }
}

/** Reads bits from the most significant one on. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  bits(count: number): number {
    let value = 0;
    for (let wanted = count; wanted > 0;) {
      const byte = this.#bytes[this.#position >> 3];
      if (byte === undefined) throw new Bzip2Error('it ends too early');
      const left = 8 - (this.#position & 7);
      const taken = Math.min(left, wanted);
      value = value * 2 ** taken + ((byte >> (left - taken)) & ((1 << taken) - 1));
      this.#position += taken;
      wanted -= taken;
    }
    return value;
  }

  atEnd(): boolean {
    return Math.ceil(this.#position / 8) === this.#bytes.length;
  }
}
