/**
 * How many requests per second a registry takes, found out from its refusals. A registry that limits by a bucket of
 * tokens has emptied it whenever it answers 429: what it let through between two refusals, divided by the time between
 * them, is the rate at which the bucket fills, however large it is, unless the bucket was full in between and spilt.
 * So that is the least it can be, and the rate at which it refused is the most.
 */

export interface PaceOptions {
  /** Requests per second that are never exceeded, known from the registry's documentation. Default: none. */
  readonly requestsPerSecond?: number | undefined;
}

/** Refusals so close to each other are one: requests that were on their way together. */
const SAME_REFUSAL_MS = 250;
/** Below the measured rate, so that the bucket fills a little and a late request finds a token. */
const SAFETY = 0.985;
/** Where the least is so near the most, the bucket has not spilt, and the least is the truth. */
const NEAR = 0.5;
/** Where it is not: how far to go back, and up to where to come forward again quickly. */
const RETREAT = { to: 0.8, ceiling: 0.97 } as const;
/** How long to wait before more is tried, and how much more: below what is thought to be the ceiling, and above it. */
const EAGER = { afterMs: 1_000, factor: 1.5 } as const;
const STEADY = { afterMs: 30_000, factor: 1.02 } as const;
const SLOWEST = 0.2;

/** When the next request may be sent. All times are milliseconds of one monotonic clock. */
export class RequestPace {
  readonly #known: number | undefined;
  #rate: number | undefined;
  #ceiling = Number.POSITIVE_INFINITY;
  #next = 0;
  #notBefore = 0;
  #refusedAt: number | undefined;
  #grownAt = 0;
  #accepted = 0;

  constructor({ requestsPerSecond }: PaceOptions = {}) {
    this.#known = requestsPerSecond;
    this.#rate = requestsPerSecond;
  }

  /** Requests per second that are allowed now; undefined while no limit is known. */
  get rate(): number | undefined {
    return this.#rate;
  }

  /** The end of the pause that the registry asked for. */
  get notBefore(): number {
    return this.#notBefore;
  }

  /** Takes the next place in the queue: the time at which its request may be sent, which nobody else gets. */
  reserve(now: number): number {
    this.#grow(now);
    const at = Math.max(now, this.#next, this.#notBefore);
    if (this.#rate !== undefined) this.#next = at + 1000 / this.#rate;
    return at;
  }

  /** The registry took a request. */
  accepted(): void {
    this.#accepted += 1;
  }

  /** The registry wants to be left alone for a while, which says nothing about how many requests it takes otherwise. */
  pause(now: number, pauseMs: number): void {
    this.#notBefore = Math.max(this.#notBefore, now + pauseMs);
  }

  /** The registry wants fewer requests, and none at all for `pauseMs`. Returns whether this is news. */
  refused(now: number, pauseMs: number): boolean {
    const last = this.#refusedAt;
    const isNews = last === undefined || (now > this.#notBefore && now - last > SAME_REFUSAL_MS);
    this.pause(now, pauseMs);
    this.#grownAt = this.#notBefore;
    if (!isNews) return false;
    if (last !== undefined) this.#settleOn(Math.max((this.#accepted * 1000) / (now - last), SLOWEST));
    this.#refusedAt = now;
    this.#accepted = 0;
    return true;
  }

  #settleOn(least: number): void {
    const most = this.#rate;
    if (most === undefined) this.#set(least);
    else if (least >= most * NEAR) {
      this.#set(Math.min(least, most) * SAFETY);
      this.#ceiling = this.#rate ?? least;
    } else {
      this.#set(most * RETREAT.to);
      this.#ceiling = most * RETREAT.ceiling;
    }
  }

  #grow(now: number): void {
    if (this.#rate === undefined) return;
    const isBelow = this.#rate < this.#ceiling;
    const { afterMs, factor } = isBelow ? EAGER : STEADY;
    if (now - this.#grownAt < afterMs) return;
    this.#grownAt = now;
    this.#set(isBelow ? Math.min(this.#rate * factor, this.#ceiling) : this.#rate * factor);
  }

  #set(rate: number): void {
    this.#rate = this.#known === undefined ? rate : Math.min(rate, this.#known);
  }
}
