/** How long the answer to an opened upload is waited for when the copy is stopped: to know what to give up. */
export const OPENING_MS = 400;

/**
 * Runs `work` with a signal that follows `signal` by some milliseconds: for a request that leaves something behind at
 * the other side, whose answer is needed to clear it away.
 */
export async function withLateSignal<T>(
  signal: AbortSignal | undefined,
  delayMs: number,
  work: (late: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const follow = (): void => {
    timer = setTimeout(() => late.abort(signal?.reason), delayMs);
  };
  signal?.throwIfAborted();
  signal?.addEventListener('abort', follow, { once: true });
  try {
    return await work(late.signal);
  } finally {
    signal?.removeEventListener('abort', follow);
    clearTimeout(timer);
  }
}
