/** BZip2 as simply as the format allows: one block, two equal code tables whose codes all have one length. */
export function compressBzip2(data: Uint8Array): Buffer {
  const bits = new BitWriter();
  bits.write(0x425a6831, 32);
  const plain = encodeRuns(data);
  const checksum = crc(data);
  if (plain.length > 0) writeBlock(bits, plain, checksum);
  bits.write(0x177245, 24);
  bits.write(0x385090, 24);
  bits.write(plain.length > 0 ? checksum : 0, 32);
  return bits.bytes();
}

/** Four equal bytes are followed by a count of further ones. */
function encodeRuns(data: Uint8Array): number[] {
  const encoded: number[] = [];
  for (let i = 0; i < data.length;) {
    let run = 1;
    while (run < 255 && data[i + run] === data[i]) run++;
    for (let j = 0; j < Math.min(run, 4); j++) encoded.push(data[i] ?? 0);
    if (run >= 4) encoded.push(run - 4);
    i += run;
  }
  return encoded;
}

function writeBlock(bits: BitWriter, plain: readonly number[], checksum: number): void {
  const { last, origin } = transform(plain);
  const symbols = [...new Set(last)].sort((a, b) => a - b);
  bits.write(0x314159, 24);
  bits.write(0x265359, 24);
  bits.write(checksum, 32);
  bits.write(0, 1);
  bits.write(origin, 24);
  const rows = Array.from({ length: 16 }, (_, row) => symbols.filter((symbol) => symbol >> 4 === row));
  for (const row of rows) bits.write(row.length > 0 ? 1 : 0, 1);
  for (const [index, row] of rows.entries()) {
    if (row.length === 0) continue;
    for (let column = 0; column < 16; column++) bits.write(row.includes(index * 16 + column) ? 1 : 0, 1);
  }
  const coded = moveToFront(last, symbols);
  const alphabet = symbols.length + 2;
  const length = Math.max(1, Math.ceil(Math.log2(alphabet)));
  const selectors = Math.ceil(coded.length / 50);
  bits.write(2, 3);
  bits.write(selectors, 15);
  for (let i = 0; i < selectors; i++) bits.write(0, 1);
  for (let table = 0; table < 2; table++) {
    bits.write(length, 5);
    for (let i = 0; i < alphabet; i++) bits.write(0, 1);
  }
  for (const symbol of coded) bits.write(symbol, length);
}

function transform(plain: readonly number[]): { last: number[]; origin: number } {
  const twice = [...plain, ...plain];
  const rotations = plain.map((_, index) => index);
  rotations.sort((a, b) => {
    for (let i = 0; i < plain.length; i++) {
      const difference = (twice[a + i] ?? 0) - (twice[b + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return a - b;
  });
  const last = rotations.map((start) => twice[start + plain.length - 1] ?? 0);
  return { last, origin: rotations.indexOf(0) };
}

function moveToFront(last: readonly number[], symbols: readonly number[]): number[] {
  const front = [...symbols];
  const coded: number[] = [];
  let run = 0;
  const writeRun = (): void => {
    for (; run > 0; run = (run - 1) >> 1) coded.push(run % 2 === 1 ? 0 : 1);
  };
  for (const byte of last) {
    const position = front.indexOf(byte);
    if (position === 0) {
      run++;
      continue;
    }
    writeRun();
    coded.push(position + 1);
    front.splice(position, 1);
    front.unshift(byte);
  }
  writeRun();
  return [...coded, symbols.length + 1];
}

function crc(data: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of data) {
    value ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  }
  return ~value >>> 0;
}

class BitWriter {
  readonly #bits: number[] = [];

  write(value: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) this.#bits.push(Math.floor(value / 2 ** i) % 2);
  }

  bytes(): Buffer {
    const bytes = Buffer.alloc(Math.ceil(this.#bits.length / 8));
    for (const [index, bit] of this.#bits.entries()) bytes[index >> 3]! |= bit << (7 - (index & 7));
    return bytes;
  }
}
