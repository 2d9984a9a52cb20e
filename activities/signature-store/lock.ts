/**
 * Whoever waits for a key, by key. It must be shared by all stores of the process, because two stores opened on one
 * cache directory do not know of each other; a key nobody waits for leaves nothing behind.
 */
const tails = new Map<string, Promise<void>>();

/**
 * Runs `work` alone for `key` within this process, in the order of the calls.
 * A call that is aborted while it waits rejects with the signal's reason and never runs.
 */
export async function exclusively<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const before = tails.get(key) ?? Promise.resolve();
  let release = (): void => undefined;
  const done = new Promise<void>((resolve) => (release = resolve));
  const tail = before.then(() => done);
  tails.set(key, tail);
  try {
    await unlessAborted(before, signal);
    return await work();
  } finally {
    release();
    if (tails.get(key) === tail) tails.delete(key);
  }
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it is aborted. */
export async function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    stop = () => signal.removeEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop();
  }
}
