/** The end of what was sent of a blob: a connection that breaks loses what stood in its buffers, which can be megabytes. */
export class SentTail {
  readonly #ring: Buffer;
  /** Where the bytes that are kept begin and end in the blob. */
  #from = 0;
  #to = 0;

  constructor(bytes: number) {
    this.#ring = Buffer.allocUnsafe(bytes);
  }

  /** Keeps a piece that stands at `from`; one that does not follow on the last one takes the place of all. */
  keep(piece: Uint8Array, from: number): void {
    const size = this.#ring.length;
    if (from !== this.#to) this.#from = from;
    this.#to = from + piece.length;
    this.#from = Math.max(this.#from, this.#to - size);
    for (let done = Math.max(piece.length - size, 0); done < piece.length;) {
      const at = (from + done) % size;
      const now = piece.subarray(done, done + size - at);
      this.#ring.set(now, at);
      done += now.length;
    }
  }

  /** A stretch up to the end of what was sent, in pieces that stay as they are until more is kept; undefined where it is not all here. */
  between(offset: number, end: number): readonly Uint8Array[] | undefined {
    if (offset < this.#from || offset > end || end !== this.#to) return undefined;
    const size = this.#ring.length;
    const pieces: Uint8Array[] = [];
    for (let position = offset; position < this.#to;) {
      const at = position % size;
      const length = Math.min(PIECE_BYTES, size - at, this.#to - position);
      pieces.push(this.#ring.subarray(at, at + length));
      position += length;
    }
    return pieces;
  }
}

const PIECE_BYTES = 256 * 1024;

/**
 * What is kept by the blobs of one copy: nothing, until an upload breaks off. Then it costs a copy in memory of every
 * byte, and saves reading from the source once more what the target has not got.
 */
export class SentTails {
  readonly #bytesEach: number;
  #isNeeded = false;

  /** @param bytes for all blobs that are on their way at once. */
  constructor({ bytes, blobs }: { readonly bytes: number; readonly blobs: number }) {
    this.#bytesEach = Math.max(Math.floor(bytes / blobs), 1);
  }

  /** An upload broke off: others will. */
  need(): void {
    this.#isNeeded = true;
  }

  /** Undefined while nothing broke. */
  open(): SentTail | undefined {
    return this.#isNeeded ? new SentTail(this.#bytesEach) : undefined;
  }
}
