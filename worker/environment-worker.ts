import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from '@temporalio/worker';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { createEnvironmentActivities } from '../activities/environment-activities.ts';
import { createEnvironmentSteps } from '../activities/steps/index.ts';
import { connectWorker } from './connect.ts';
import type { Configuration } from './configuration/index.ts';
import { openEnvironment } from './environment-context.ts';
import type { WorkerCall } from './orchestrator.ts';
import { runWorkers } from './run-workers.ts';
import { shutDownRuntime } from './telemetry.ts';
import { copyQueue, environmentQueue } from '../workflows/domain/names.ts';

const SHORT_STEPS_AT_ONCE = 20;
/** Memory and the registries' limits, not processors, bound how many copies run at once. */
const COPIES_AT_ONCE = 2;
const CACHE_PREFIX = 'countersign-cache-';

/**
 * Runs the activities of one environment, in a process that holds that environment's secrets and no other's: one queue
 * for short steps, one for copies.
 */
export async function runEnvironmentWorker(
  configuration: Configuration,
  environment: string,
  { logger, signal }: WorkerCall,
): Promise<void> {
  const cacheDirectory = await makeCacheDirectory(environment);
  try {
    const { context, close } = await openEnvironment(configuration, environment, cacheDirectory);
    const { fingerprint, expiresAt } = await context.readSigningKey();
    const connection = await connectWorker(configuration);
    try {
      const activities = createEnvironmentActivities(createEnvironmentSteps(context));
      const workers = await createWorkers(configuration, environment, { connection, activities });
      logger.info(
        { environment, fingerprint, expires: expiresAt?.toISOString() ?? 'never' },
        'environment worker polls',
      );
      await runWorkers(workers, signal);
    } finally {
      await connection.close();
      await close();
    }
  } finally {
    await shutDownRuntime();
    await rm(cacheDirectory, { recursive: true, force: true });
  }
}

async function createWorkers(
  { temporal }: Configuration,
  environment: string,
  { connection, activities }: { connection: NativeConnection; activities: object },
): Promise<readonly Worker[]> {
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace: temporal.namespace,
    activities,
    // The SDK's throttle follows the heartbeat timeout; without these a cancellation arrives after many seconds.
    maxHeartbeatThrottleInterval: '500 ms',
    defaultHeartbeatThrottleInterval: '500 ms',
    shutdownGraceTime: '1 second',
    shutdownForceTime: '15 seconds',
  };
  const short = {
    ...common,
    taskQueue: environmentQueue(environment),
    maxConcurrentActivityTaskExecutions: SHORT_STEPS_AT_ONCE,
  };
  const copies = { ...common, taskQueue: copyQueue(environment), maxConcurrentActivityTaskExecutions: COPIES_AT_ONCE };
  return await Promise.all([Worker.create(short), Worker.create(copies)]);
}

/** One cache per process, since its lock does not reach farther; what dead processes left behind is removed. */
async function makeCacheDirectory(environment: string): Promise<string> {
  const prefix = `${CACHE_PREFIX}${environment}-`;
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(prefix) ? Number(/^\d+/.exec(name.slice(prefix.length))?.[0]) : Number.NaN;
    // In a container every process has the same id, and ours has made nothing yet.
    if (pid > 0 && (pid === process.pid || !isAlive(pid)))
      await rm(path.join(tmpdir(), name), { recursive: true, force: true });
  }
  return await mkdtemp(path.join(tmpdir(), `${prefix}${process.pid}-`));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
