import type { CopyHeartbeat } from '../../workflows/domain/steps.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { Descriptor } from './descriptor.ts';

/** How far a copy is. Plain data: it travels in heartbeats. */
export type CopyProgress = Required<CopyHeartbeat>;

/** How a blob came to be at the target. */
export type BlobOutcome = 'copied' | 'mounted' | 'skipped';

/** Tells what becomes of one blob. */
export interface BlobCounter {
  readonly sent: (bytes: number) => void;
  /** The target has exactly so many bytes: what was sent beyond them was sent for nothing. */
  readonly standsAt: (offset: number) => void;
  /** Where an upload that can be resumed goes on. */
  readonly uploadedAt: (location: string) => void;
  /** Bytes that came from the source and were not for the target, which has them. */
  readonly readAgain: (bytes: number) => void;
  /** It is at the target. */
  readonly finished: (outcome: BlobOutcome) => void;
  /** It is not, and nothing more is done about it for now. */
  readonly failed: () => void;
}

/** What was counted in the end. */
export interface CopyCounts {
  readonly bytesCopied: number;
  /** Of all blobs, each once, however they came. */
  readonly bytesTotal: number;
  /** Sent to the target, or read from the source, more than once, because something broke. */
  readonly bytesRepeated: number;
  readonly blobsCopied: number;
  readonly blobsMounted: number;
  readonly blobsSkipped: number;
}

interface Flight {
  readonly size: number;
  bytesDone: number;
  location?: string;
}

const KEPT_DIGESTS = 200;
/** Often enough for people and heartbeats, seldom enough to cost nothing. */
const REPORT_EVERY_MS = 100;

/** Counts what a copy does, and tells about it. */
export class CopyCounter {
  readonly #report: ((progress: CopyProgress) => void) | undefined;
  readonly #counts: Record<BlobOutcome, number> = { copied: 0, mounted: 0, skipped: 0 };
  readonly #digestsDone: Digest[] = [];
  readonly #inFlight = new Map<Digest, Flight>();
  #bytesTotal = 0;
  #blobsTotal = 0;
  #bytesFinished = 0;
  #bytesCopied = 0;
  #bytesRepeated = 0;
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

  /** Bytes of blobs that are not at the target yet. */
  get bytesLeft(): number {
    return this.#bytesTotal - this.#bytesFinished;
  }

  /** Begins to count a blob. One that turns out to be missing at the end is begun again. */
  begin({ digest, size }: Descriptor): BlobCounter {
    const flight: Flight = { size, bytesDone: 0 };
    this.#inFlight.set(digest, flight);
    return {
      sent: (bytes) => {
        flight.bytesDone += bytes;
        if (performance.now() - this.#reportedAt >= REPORT_EVERY_MS) this.#tell();
      },
      standsAt: (offset) => {
        this.#bytesRepeated += Math.max(flight.bytesDone - offset, 0);
        flight.bytesDone = offset;
      },
      uploadedAt: (location) => {
        flight.location = location;
        this.#tell();
      },
      readAgain: (bytes) => {
        this.#bytesRepeated += bytes;
      },
      finished: (outcome) => {
        this.#inFlight.delete(digest);
        this.#counts[outcome] += 1;
        if (outcome === 'copied') this.#bytesCopied += size;
        this.#bytesFinished += size;
        this.#digestsDone.push(digest);
        if (this.#digestsDone.length > KEPT_DIGESTS) this.#digestsDone.shift();
        this.#tell();
      },
      failed: () => {
        this.#inFlight.delete(digest);
      },
    };
  }

  result(): CopyCounts {
    const { copied, mounted, skipped } = this.#counts;
    return {
      bytesCopied: this.#bytesCopied,
      bytesTotal: this.#bytesTotal,
      bytesRepeated: this.#bytesRepeated,
      blobsCopied: copied,
      blobsMounted: mounted,
      blobsSkipped: skipped,
    };
  }

  #tell(): void {
    this.#reportedAt = performance.now();
    const flights = [...this.#inFlight];
    this.#report?.({
      bytesDone: flights.reduce((sum, [, { bytesDone }]) => sum + bytesDone, this.#bytesFinished),
      bytesTotal: this.#bytesTotal,
      blobsDone: this.#counts.copied + this.#counts.mounted + this.#counts.skipped,
      blobsTotal: this.#blobsTotal,
      digestsDone: [...this.#digestsDone],
      inFlight: flights.map(([digest, { bytesDone, size }]) => ({ digest, bytesDone, size })),
      uploads: flights.flatMap(([digest, { location }]) => (location === undefined ? [] : [{ digest, location }])),
    });
  }
}

/** Bytes of all blobs together. */
export function sizeOf(blobs: readonly Descriptor[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}
