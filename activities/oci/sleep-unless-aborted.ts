import { setTimeout as sleep } from 'node:timers/promises';

/** Waits; throws the reason of `signal` as it is. */
export async function sleepUnlessAborted(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {
    signal?.throwIfAborted();
  });
}
