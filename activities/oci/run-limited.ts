import pLimit from 'p-limit';

/**
 * Runs `work` over all items, a limited number at once. The first failure stops the others and is thrown when they
 * have ended, so that nothing goes on behind the caller's back.
 */
export async function runLimited<T>(
  items: readonly T[],
  { concurrency, signal }: { readonly concurrency: number; readonly signal: AbortSignal | undefined },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const limit = pLimit(concurrency);
  const failures: unknown[] = [];
  await limit.map(items, async (item) => {
    if (either.aborted) return;
    try {
      await work(item, either);
    } catch (error) {
      failures.push(error);
      failed.abort(error);
    }
  });
  signal?.throwIfAborted();
  if (failures.length > 0) throw failures[0];
}
