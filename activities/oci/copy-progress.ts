import type { Digest } from '../../workflows/domain/digest.ts';
import type { Descriptor } from './descriptor.ts';

/** How far a copy is. Plain data: it travels in heartbeats. */
export interface CopyProgress {
  /** Bytes of blobs that are at the target, or were sent there. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly blobsDone: number;
  readonly blobsTotal: number;
  /** The last 200 blobs that are at the target. */
  readonly digestsDone: readonly Digest[];
}

/** How a blob came to be at the target. */
export type BlobOutcome = 'copied' | 'mounted' | 'skipped';

const KEPT_DIGESTS = 200;
/** Often enough for people and heartbeats, seldom enough to cost nothing. */
const REPORT_EVERY_MS = 100;

/** Counts what a copy does, and tells about it. */
export class CopyCounter {
  readonly #report: ((progress: CopyProgress) => void) | undefined;
  readonly #counts: Record<BlobOutcome, number> = { copied: 0, mounted: 0, skipped: 0 };
  readonly #digestsDone: Digest[] = [];
  #bytesTotal = 0;
  #blobsTotal = 0;
  #bytesDone = 0;
  #bytesCopied = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(report: ((progress: CopyProgress) => void) | undefined) {
    this.#report = report;
  }

  /** What has to be there in the end. */
  expect(blobs: readonly Descriptor[]): void {
    this.#blobsTotal = blobs.length;
    this.#bytesTotal = sizeOf(blobs);
    this.#tell();
  }

  /** Bytes were sent; a negative number where they were sent for nothing. */
  sent(bytes: number): void {
    this.#bytesDone += bytes;
    if (performance.now() - this.#reportedAt >= REPORT_EVERY_MS) this.#tell();
  }

  /** A blob is at the target. The bytes of one that was copied were counted while they were sent. */
  finished({ digest, size }: Descriptor, outcome: BlobOutcome): void {
    this.#counts[outcome] += 1;
    if (outcome === 'copied') this.#bytesCopied += size;
    else this.#bytesDone += size;
    this.#digestsDone.push(digest);
    if (this.#digestsDone.length > KEPT_DIGESTS) this.#digestsDone.shift();
    this.#tell();
  }

  result(): {
    readonly bytesCopied: number;
    readonly bytesTotal: number;
    readonly blobsCopied: number;
    readonly blobsMounted: number;
    readonly blobsSkipped: number;
  } {
    const { copied, mounted, skipped } = this.#counts;
    return {
      bytesCopied: this.#bytesCopied,
      bytesTotal: this.#bytesTotal,
      blobsCopied: copied,
      blobsMounted: mounted,
      blobsSkipped: skipped,
    };
  }

  #tell(): void {
    this.#reportedAt = performance.now();
    this.#report?.({
      bytesDone: this.#bytesDone,
      bytesTotal: this.#bytesTotal,
      blobsDone: this.#counts.copied + this.#counts.mounted + this.#counts.skipped,
      blobsTotal: this.#blobsTotal,
      digestsDone: [...this.#digestsDone],
    });
  }
}

/** Bytes of all blobs together. */
export function sizeOf(blobs: readonly Descriptor[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}
