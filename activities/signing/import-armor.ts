/**
 * The packets that GnuPG reads from a key file: binary, or one or more armoured blocks, whose packets it joins. It reads
 * armour more loosely than `readKeyBlocks`, and in places more strictly; what it makes of a file decides what a cluster
 * trusts, so this does the same.
 */
export function importedPackets(file: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  let position = 0;
  while (position < file.length) {
    if (isBinary(file, position)) return Buffer.concat([...pieces, file.subarray(position)]);
    const reader = new ArmorReader(file, position);
    if (!reader.findBlock()) break;
    const block = reader.readBlock();
    // A wrong checksum ends the reading of the file with an error; so does a byte that begins no packet.
    if (block === undefined) return Buffer.concat([...pieces, Buffer.alloc(1)]);
    // An empty block is the end of the file to GnuPG.
    if (block.length === 0) break;
    pieces.push(block);
    position = reader.position;
  }
  return Buffer.concat(pieces);
}

const HEADER = /^-----BEGIN PGP (?:PUBLIC KEY BLOCK|PRIVATE KEY BLOCK|SECRET KEY BLOCK)-----[ \t\r]*$/;
const HEADER_FIELD = /:(?: |\r|$)/;
const MAX_LINE = 20_000;
const PAD = 0x3d;
const CHECKSUM_DIGITS = 4;
/** Packet types that a file may begin with; another one is no binary file to GnuPG. */
const FIRST_PACKETS = new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 61, 63]);
const MAY_BE_ENDLESS = new Set([8, 9, 11, 16, 18, 61, 63]);

class ArmorReader {
  position: number;
  readonly #file: Uint8Array;

  constructor(file: Uint8Array, position: number) {
    this.#file = file;
    this.position = position;
  }

  /** Goes to the first line of data behind the next header. */
  findBlock(): boolean {
    for (let line = this.#nextLine(); ; line = this.#nextLine()) {
      if (line === undefined) return false;
      if (line.length < MAX_LINE && HEADER.test(line)) break;
    }
    for (;;) {
      const start = this.position;
      const line = this.#nextLine();
      if (line === undefined || line.trim() === '') return true;
      // What is no header field is data already.
      if (HEADER_FIELD.test(line)) continue;
      this.position = start;
      return true;
    }
  }

  /** The bytes up to the padding or checksum; undefined where the checksum is wrong. */
  readBlock(): Uint8Array | undefined {
    const digits: number[] = [];
    let ended = false;
    while (!ended && this.position < this.#file.length) {
      const character = this.#file[this.position++] ?? 0;
      if (character === PAD) ended = true;
      const digit = DIGITS[character];
      if (digit !== undefined) digits.push(digit);
    }
    const block = joinDigits(digits);
    if (!ended) return block;
    while (' \t\r\n='.includes(String.fromCharCode(this.#file[this.position] ?? 0))) this.position++;
    const checksum: number[] = [];
    while (checksum.length < CHECKSUM_DIGITS) {
      const digit = DIGITS[this.#file[this.position] ?? 0];
      if (digit === undefined) break;
      checksum.push(digit);
      this.position++;
    }
    this.#nextLine();
    // None at all is allowed.
    if (checksum.length === 0) return block;
    return checksum.length === CHECKSUM_DIGITS && joinDigits(checksum).readUIntBE(0, 3) === crc24(block)
      ? block
      : undefined;
  }

  #nextLine(): string | undefined {
    if (this.position >= this.#file.length) return undefined;
    const lineFeed = this.#file.indexOf(0x0a, this.position);
    const end = lineFeed < 0 ? this.#file.length : lineFeed;
    const line = Buffer.from(this.#file.subarray(this.position, end)).toString('latin1');
    this.position = end + 1;
    return line;
  }
}

function isBinary(file: Uint8Array, position: number): boolean {
  const header = file[position] ?? 0;
  if ((header & 0x80) === 0) return false;
  const isNew = (header & 0x40) !== 0;
  const tag = isNew ? header & 0x3f : (header & 0x3c) >> 2;
  const length = file[position + 1] ?? 0;
  const isEndless = isNew ? length >= 224 && length < 255 : (header & 0x03) === 3;
  return FIRST_PACKETS.has(tag) && (!isEndless || MAY_BE_ENDLESS.has(tag));
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const DIGITS: Readonly<Record<number, number>> = Object.fromEntries(
  Array.from(ALPHABET, (letter, value) => [letter.charCodeAt(0), value]),
);

/** A single digit that is left over makes a byte, too. */
function joinDigits(digits: readonly number[]): Buffer {
  const text = digits.map((digit) => ALPHABET[digit]).join('');
  const joined = Buffer.from(text, 'base64');
  const last = digits.at(-1) ?? 0;
  return digits.length % 4 === 1 ? Buffer.concat([joined, Buffer.from([(last << 2) & 0xff])]) : joined;
}

/** RFC 4880 section 6.1. */
export function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ ((crc & 0x800000) === 0 ? 0 : 0x1864cfb);
  }
  return crc & 0xffffff;
}
