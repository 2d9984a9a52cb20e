import { setMaxListeners } from 'node:events';
import type { LimitFunction } from 'p-limit';
import pLimit from 'p-limit';

/** How many of which items are worked on at once. */
export interface Limits<T> {
  /** One number for all; or the limit that an item falls under. */
  readonly concurrency: number | ((item: T) => LimitFunction);
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs `work` over all items, a limited number at once. The first failure stops the others and is thrown when they
 * have ended, so that nothing goes on behind the caller's back.
 */
export async function runLimited<T>(
  items: readonly T[],
  { concurrency, signal }: Limits<T>,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  // Every item listens to it, and some of them more than once.
  setMaxListeners(0, failed.signal);
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  setMaxListeners(0, either);
  const limitOf = typeof concurrency === 'number' ? sameLimit(concurrency) : concurrency;
  const failures: unknown[] = [];
  const tasks = items.map((item) =>
    limitOf(item)(async () => {
      if (either.aborted) return;
      try {
        await work(item, either);
      } catch (error) {
        failures.push(error);
        failed.abort(error);
      }
    }),
  );
  await Promise.all(tasks);
  signal?.throwIfAborted();
  if (failures.length > 0) throw failures[0];
}

function sameLimit(concurrency: number): () => LimitFunction {
  const limit = pLimit(concurrency);
  return () => limit;
}
