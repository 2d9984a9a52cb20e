import { describe, expect, it } from 'vitest';
import { RegistryLimiter } from '../../../activities/oci/registry-limiter.ts';
import { RequestPace } from '../../../activities/oci/request-pace.ts';

/** A registry's bucket of tokens, on a clock of its own. */
class Bucket {
  #tokens: number;
  #filledAt = 0;
  readonly #perSecond: number;
  readonly #size: number;

  constructor(perSecond: number, size: number) {
    [this.#perSecond, this.#size, this.#tokens] = [perSecond, size, size];
  }

  take(now: number): boolean {
    this.#tokens = Math.min(this.#size, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

interface Simulation {
  readonly perSecond: number;
  readonly burst: number;
  readonly seconds: number;
  /** What the registry says with a 429. */
  readonly retryAfterMs: number;
  /** Between the moment a request is sent and its answer. */
  readonly latencyMs: number;
  /** How much of what is allowed must be used. Default: 0.95; less where every probe costs a pause that nothing makes up for. */
  readonly used?: number;
}

/** Sends as fast as the pace allows, some requests at once, without any real time passing. */
function simulate({ perSecond, burst, seconds, retryAfterMs, latencyMs }: Simulation) {
  const [pace, bucket] = [new RequestPace(), new Bucket(perSecond, burst)];
  const counts = { accepted: 0, refused: 0 };
  const senders = Array.from({ length: 8 }, () => ({ at: 0 }));
  for (;;) {
    const sender = senders.reduce((first, one) => (one.at < first.at ? one : first));
    const sendAt = pace.reserve(sender.at);
    if (sendAt > sender.at) {
      sender.at = sendAt;
      while (sender.at < pace.notBefore) sender.at = pace.reserve(sender.at);
    }
    if (sender.at > seconds * 1000) return counts;
    const isTaken = bucket.take(sender.at);
    const answeredAt = sender.at + latencyMs;
    if (isTaken) pace.accepted();
    else pace.refused(answeredAt, retryAfterMs);
    counts[isTaken ? 'accepted' : 'refused'] += 1;
    sender.at = answeredAt;
  }
}

describe('RequestPace', () => {
  it.each([
    { perSecond: 50, burst: 50, seconds: 200, retryAfterMs: 1000, latencyMs: 2 },
    { perSecond: 50, burst: 1, seconds: 600, retryAfterMs: 1000, latencyMs: 2, used: 0.9 },
    { perSecond: 50, burst: 200, seconds: 200, retryAfterMs: 1000, latencyMs: 30 },
    { perSecond: 83, burst: 500, seconds: 300, retryAfterMs: 2000, latencyMs: 5 },
    { perSecond: 10, burst: 10, seconds: 600, retryAfterMs: 1000, latencyMs: 100 },
  ])('uses nearly all that a bucket of tokens allows, and is hardly ever refused: %j', (simulation: Simulation) => {
    const { accepted, refused } = simulate(simulation);
    const allowed = simulation.perSecond * simulation.seconds;
    expect(accepted / allowed).toBeGreaterThan(simulation.used ?? 0.95);
    expect(refused / (accepted + refused)).toBeLessThan(0.01);
  });

  it('is not held up where nothing was ever refused', () => {
    const pace = new RequestPace();
    for (let now = 0; now < 100; now++) expect(pace.reserve(now)).toBe(now);
    expect(pace.rate).toBeUndefined();
  });

  it('keeps to a rate that is known, from the first request on', () => {
    const pace = new RequestPace({ requestsPerSecond: 10 });
    expect([0, 0, 0].map(() => pace.reserve(0))).toEqual([0, 100, 200]);
  });

  it('takes refusals of requests that were on their way together for one', () => {
    const pace = new RequestPace();
    expect(pace.refused(1000, 500)).toBe(true);
    expect(pace.refused(1001, 500)).toBe(false);
    expect(pace.notBefore).toBe(1501);
    expect(pace.refused(1800, 500)).toBe(true);
  });

  it('never comes before the end of a pause, nor all at once after it', () => {
    const pace = new RequestPace({ requestsPerSecond: 100 });
    pace.pause(0, 2000);
    expect([0, 0, 0].map(() => pace.reserve(10))).toEqual([2000, 2010, 2020]);
  });
});

describe('RegistryLimiter', () => {
  const open = (): RegistryLimiter => new RegistryLimiter({ patienceMs: 1000 });
  const ok = { status: 200, retryAfterMs: undefined };

  it('lets eight requests in, then more as the registry shows that it can take them', async () => {
    const limiter = open();
    const first = await Promise.all(Array.from({ length: 8 }, () => limiter.admit('test', undefined)));
    let isIn = false;
    const ninth = limiter.admit('test', undefined).then((admission) => {
      isIn = true;
      return admission;
    });
    await Promise.resolve();
    expect(isIn).toBe(false);
    first[0]!.settle(ok);
    await ninth;
    expect(limiter.window).toBe(9);
  });

  it.each([429, 503])('halves the requests at once, once for answers of %i that come together', async (status) => {
    const limiter = open();
    const admitted = await Promise.all(Array.from({ length: 8 }, () => limiter.admit('test', undefined)));
    for (const admission of admitted) admission.settle({ status, retryAfterMs: 0 });
    expect(limiter.window).toBe(4);
  });

  it('grows slowly once the registry has complained', async () => {
    const limiter = open();
    (await limiter.admit('test', undefined)).settle({ status: 503, retryAfterMs: undefined });
    for (let count = 0; count < 4; count++) (await limiter.admit('test', undefined)).settle(ok);
    expect(limiter.window).toBe(4);
    for (let count = 0; count < 2; count++) (await limiter.admit('test', undefined)).settle(ok);
    expect(limiter.window).toBe(5);
  });

  it('sends nobody before the end of the pause that the registry asked for', async () => {
    const limiter = open();
    (await limiter.admit('test', undefined)).settle({ status: 429, retryAfterMs: 80 });
    const begun = performance.now();
    await limiter.admit('test', undefined);
    expect(performance.now() - begun).toBeGreaterThan(70);
  });

  it('says at once that a pause is too long to be waited for', async () => {
    const limiter = open();
    (await limiter.admit('test', undefined)).settle({ status: 429, retryAfterMs: 60_000 });
    const failure: unknown = await limiter.admit('fetch x', undefined).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'rate-limited', message: expect.stringMatching(/^fetch x: .* 60 s/) });
    expect((failure as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(59_000);
  });

  it('gives the place of a request that was given up to the next one', async () => {
    const limiter = open();
    const held = await Promise.all(Array.from({ length: 8 }, () => limiter.admit('test', undefined)));
    const controller = new AbortController();
    const waiting = limiter.admit('test', controller.signal).catch((error: unknown) => error);
    const next = limiter.admit('test', undefined);
    controller.abort('enough');
    expect(await waiting).toBe('enough');
    held[0]!.settle();
    held[0]!.settle();
    await next;
  });

  it('lets a transfer go on that holds a place elsewhere', async () => {
    const limiter = open();
    await Promise.all(Array.from({ length: 8 }, () => limiter.admit('test', undefined)));
    await limiter.admit('test', undefined, { resumes: true });
  });
});
