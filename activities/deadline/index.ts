/** A time limit that can be combined with other signals. */

/**
 * A signal that is aborted after some milliseconds, with the error that `AbortSignal.timeout` gives. One of that kind
 * is forgotten by the garbage collector when nothing but `AbortSignal.any` refers to it, and then never fires
 * (nodejs/node#57736); this one is held by its timer. It keeps no process alive.
 */
export function deadlineAfter(ms: number): AbortSignal {
  const controller = new AbortController();
  const timeout = new DOMException('The operation was aborted due to timeout', 'TimeoutError');
  setTimeout(() => controller.abort(timeout), ms).unref();
  return controller.signal;
}

/**
 * Waits for work, or for its signal: undici, for one, hears of an abort only when a connection stands.
 * @param late gets what the work brings after all, so that it can be given up.
 * @throws what the work throws; the reason of the signal.
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  late: (result: T) => void = () => undefined,
): Promise<T> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (signal.aborted) work.then(late, () => undefined);
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
