import { RegistryError } from './error.ts';
import { RequestPace } from './request-pace.ts';
import { sleepUnlessAborted } from './sleep-unless-aborted.ts';

export interface LimiterOptions {
  /** Requests per second that are never exceeded. Default: none; what the registry allows is found out. */
  readonly requestsPerSecond?: number | undefined;
  /** The longest time that a request waits for the registry before it is given back as `rate-limited`. */
  readonly patienceMs: number;
}

/** What became of a request, as far as it says something about how much the registry can take. */
export interface LimiterOutcome {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
}

/** A request that may be sent. It must be settled, once. */
export interface Admission {
  /** With the answer's head; without one where the exchange broke. */
  readonly settle: (outcome?: LimiterOutcome) => void;
}

/** As many at once as the most careful peers begin with. */
const FIRST_WINDOW = 8;
const WIDEST_WINDOW = 32;
/** Where a registry asks to be left alone and does not say for how long; doubled each time, up to the longest. */
const PAUSE = { firstMs: 500, longestMs: 30_000 } as const;
/** Answers to requests that were on their way together are one complaint. */
const SAME_COMPLAINT_MS = 250;
const OVERLOAD = 503;
const TOO_MANY = 429;

/**
 * The one gate that every request to one host passes, whichever copy it belongs to: so many at once (grown on success,
 * halved where the registry says that it is too much), so many per second once a limit was met, and none before the
 * time at which the registry wants to hear from us again.
 */
export class RegistryLimiter {
  readonly #pace: RequestPace;
  readonly #patienceMs: number;
  readonly #queue: (() => void)[] = [];
  #window = FIRST_WINDOW;
  /** Before the first complaint the window doubles in each round, after it one is added. */
  #isProbing = true;
  #inFlight = 0;
  #complaints = 0;
  #halvedAt = Number.NEGATIVE_INFINITY;

  constructor({ requestsPerSecond, patienceMs }: LimiterOptions) {
    this.#pace = new RequestPace({ requestsPerSecond });
    this.#patienceMs = patienceMs;
  }

  /** Requests at once that are allowed now. */
  get window(): number {
    return Math.floor(this.#window);
  }

  /**
   * Waits until a request may be sent.
   * @param options `resumes`: the request goes on with a transfer that holds a place elsewhere, so it waits for none here.
   * @throws RegistryError `rate-limited` where the registry asked for more patience than there is.
   */
  async admit(
    subject: string,
    signal: AbortSignal | undefined,
    { resumes = false }: { readonly resumes?: boolean } = {},
  ): Promise<Admission> {
    this.#requirePatience(subject);
    if (!resumes) await this.#takePlace(signal);
    try {
      await this.#waitForTurn(subject, signal);
    } catch (error) {
      if (!resumes) this.#leavePlace();
      throw error;
    }
    let isSettled = false;
    return {
      settle: (outcome) => {
        if (isSettled) return;
        isSettled = true;
        if (outcome !== undefined) this.#learn(outcome);
        if (!resumes) this.#leavePlace();
      },
    };
  }

  /** The pause may grow while a request waits: then it queues up again, so that not all that waited go at once. */
  async #waitForTurn(subject: string, signal: AbortSignal | undefined): Promise<void> {
    for (let at = this.#pace.reserve(performance.now()); ;) {
      const waitMs = at - performance.now();
      if (waitMs > 0) await sleepUnlessAborted(waitMs, signal);
      if (at >= this.#pace.notBefore) return;
      this.#requirePatience(subject);
      at = this.#pace.reserve(performance.now());
    }
  }

  #requirePatience(subject: string): void {
    const pauseMs = Math.ceil(this.#pace.notBefore - performance.now());
    if (pauseMs <= this.#patienceMs) return;
    const seconds = Math.ceil(pauseMs / 1000);
    const message = `${subject}: the registry asked for a pause that ends in ${seconds} s, longer than is waited here`;
    throw new RegistryError('rate-limited', message, { retryAfterMs: pauseMs });
  }

  async #takePlace(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#queue.length === 0 && this.#inFlight < this.window) {
      this.#inFlight += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        const place = this.#queue.indexOf(enter);
        if (place >= 0) this.#queue.splice(place, 1);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#queue.push(enter);
    });
  }

  #leavePlace(): void {
    this.#inFlight -= 1;
    while (this.#inFlight < this.window) {
      const enter = this.#queue.shift();
      if (enter === undefined) return;
      this.#inFlight += 1;
      enter();
    }
  }

  #learn({ status, retryAfterMs }: LimiterOutcome): void {
    if (status === TOO_MANY) {
      if (this.#pace.refused(performance.now(), retryAfterMs ?? this.#ownPause())) this.#halve();
    } else if (status === OVERLOAD) {
      if (retryAfterMs !== undefined) this.#pace.pause(performance.now(), retryAfterMs);
      if (performance.now() - this.#halvedAt > SAME_COMPLAINT_MS) this.#halve();
    } else {
      this.#complaints = 0;
      this.#pace.accepted();
      this.#window = Math.min(WIDEST_WINDOW, this.#window + (this.#isProbing ? 1 : 1 / this.#window));
    }
  }

  #halve(): void {
    this.#isProbing = false;
    this.#complaints += 1;
    this.#halvedAt = performance.now();
    this.#window = Math.max(1, this.#window / 2);
  }

  #ownPause(): number {
    return Math.min(PAUSE.firstMs * 2 ** this.#complaints, PAUSE.longestMs);
  }
}
