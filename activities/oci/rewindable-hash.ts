import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { splitDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';

/** How far apart the places are from which a stretch can be checked again. */
const MARK_EVERY_BYTES = 256 * 1024;

interface Mark {
  readonly position: number;
  readonly hash: Hash;
}

/** A stretch of the stream that comes a second time. */
export interface Replay {
  /** Where it has to begin, so that it can be told whether it is the same. */
  readonly from: number;
  readonly update: (piece: Uint8Array) => void;
  /** Whether everything up to the place where the stream stands has come again, and was the same. */
  readonly isSame: () => boolean;
}

/**
 * The digest of a stream of which a stretch may have to be read again: a registry may have stored less of an upload
 * than it was sent. A hash cannot be continued from a place in the middle, so copies of it are kept on the way.
 */
export class RewindableHash {
  readonly #expected: Digest;
  readonly #hash: Hash;
  #marks: Mark[];
  #position = 0;

  constructor(digest: Digest) {
    this.#expected = digest;
    this.#hash = createHash(splitDigest(digest).algorithm);
    this.#marks = [{ position: 0, hash: this.#hash.copy() }];
  }

  /** Bytes that were hashed. */
  get position(): number {
    return this.#position;
  }

  update(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#position += piece.length;
    const last = this.#marks.at(-1)?.position ?? 0;
    if (this.#position - last >= MARK_EVERY_BYTES) {
      this.#marks.push({ position: this.#position, hash: this.#hash.copy() });
    }
  }

  /** Bytes before `position` are stored: hardly anybody will go back behind them, and who does begins at 0. */
  forgetBefore(position: number): void {
    const first = this.#marks.findLastIndex((mark) => mark.position <= position);
    if (first > 1) this.#marks = [...this.#marks.slice(0, 1), ...this.#marks.slice(first)];
  }

  /** Begins to check a stretch that starts at `position` or, where that is not known, a little before. */
  replay(position: number): Replay {
    const mark = this.#marks.findLast((one) => one.position <= position) ?? this.#marks[0];
    if (mark === undefined) throw new Error('expected a mark at the beginning');
    const hash = mark.hash.copy();
    return {
      from: mark.position,
      update: (piece) => void hash.update(piece),
      isSame: () => hash.copy().digest('hex') === this.#hash.copy().digest('hex'),
    };
  }

  /** Whether what was hashed has the expected digest. */
  matches(): boolean {
    return this.#hash.copy().digest('hex') === splitDigest(this.#expected).hex;
  }
}
