import { sleepUnlessAborted } from './sleep-unless-aborted.ts';

/** Bytes that may go ahead of the rate, so that short pauses need no timer. */
const AHEAD_MS = 50;

/** Keeps all streams of one copy together below a number of bytes per second. */
export class ByteThrottle {
  readonly #bytesPerMs: number;
  /** When everything that was spent has been paid for. */
  #paidAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** Settles when the next bytes may be spent; undefined where that is now. */
  spend(bytes: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    const now = performance.now();
    this.#paidAt = Math.max(this.#paidAt, now) + bytes / this.#bytesPerMs;
    const waitMs = this.#paidAt - now;
    return waitMs <= AHEAD_MS ? undefined : sleepUnlessAborted(waitMs, signal);
  }
}
