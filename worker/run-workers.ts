import type { Worker } from '@temporalio/worker';
import { serveHealth } from './health.ts';

/**
 * Runs workers of one process together until `signal` or the end of one; one that fails ends all, with its error. Where
 * `COUNTERSIGN_HEALTH` names an address they can be asked there whether they poll.
 */
export async function runWorkers(workers: readonly Worker[], signal?: AbortSignal): Promise<void> {
  const stop = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const listenAt = process.env['COUNTERSIGN_HEALTH'] ?? '';
  const isPolling = (): boolean => workers.every((worker) => worker.getState() === 'RUNNING');
  const health = listenAt === '' ? undefined : await serveHealth(listenAt, isPolling);
  signal?.addEventListener('abort', stop, { once: true });
  const runs = workers.map(async (worker) => {
    try {
      await worker.run();
    } finally {
      stop();
    }
  });
  // Told to end before there was anything to end.
  if (signal?.aborted === true) stop();
  try {
    const results = await Promise.allSettled(runs);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } finally {
    signal?.removeEventListener('abort', stop);
    await health?.close();
  }
}
