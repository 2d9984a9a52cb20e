/** What a progress bar says beside the bytes. */
export interface Rate {
  /** Bytes per second, over the last few seconds. */
  readonly bytesPerSecond: number;
  /** Milliseconds until the end at this rate; null where nothing moves. */
  readonly leftMs: number | null;
}

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

const WINDOW_MS = 10_000;
const MINIMUM_MS = 500;

/** Measures how fast bytes arrive, from samples at irregular times. */
export class RateMeter {
  readonly #samples: Sample[] = [];

  /** Takes a sample; fewer bytes than before mean a new attempt, and measuring begins anew. */
  add(at: number, bytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && bytes < last.bytes) this.#samples.length = 0;
    this.#samples.push({ at, bytes });
    // One sample older than the window stays, or slow heartbeats would leave nothing to compare with.
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? at) <= at - WINDOW_MS) this.#samples.shift();
  }

  /** The rate so far, or null where it is too early to tell. */
  read(total: number): Rate | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < MINIMUM_MS) return null;
    const bytesPerSecond = ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
    const left = Math.max(total - last.bytes, 0);
    return { bytesPerSecond, leftMs: bytesPerSecond > 0 ? (left / bytesPerSecond) * 1000 : null };
  }
}
