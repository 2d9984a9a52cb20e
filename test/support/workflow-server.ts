import { bundleWorkflowCode } from '@temporalio/worker';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import path from 'node:path';
import { createEnvironmentActivities } from '../../activities/environment-activities.ts';
import type { EnvironmentSteps } from '../../activities/steps/index.ts';
import { PATIENCE } from '../../worker/orchestrator.ts';
import { setUpNamespace } from '../../worker/setup.ts';
import { copyQueue, environmentQueue, ORCHESTRATOR_QUEUE } from '../../workflows/domain/names.ts';
import { startTemporal } from './parts/index.mjs';
import type { TemporalOptions, TemporalServer } from './parts/index.mjs';

const root = path.resolve(import.meta.dirname, '../..');

// The worker's own side is loaded by Node's `require`, which reads no TypeScript: it comes from the build.
const dataConverter = { payloadConverterPath: path.join(root, 'dist/workflows/payload-converter.js') };

/** Bundles the workflow code from its sources. */
export async function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error: console.error };
  const workflowsPath = path.join(root, 'workflows/index.ts');
  const payloadConverterPath = path.join(root, 'workflows/payload-converter.ts');
  return await bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger: quiet });
}

/** A real Temporal development server with our search attributes, an orchestrator, and steps that a test scripts. */
export interface WorkflowServer {
  readonly server: TemporalServer;
  readonly client: Client;
  /** Serves one environment's queues with scripted steps; returns a function that stops doing so. */
  serve(environment: string, steps: EnvironmentSteps): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** Starts it; one per test file. */
export async function startWorkflowServer(options: TemporalOptions = {}): Promise<WorkflowServer> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const [server, workflowBundle] = await Promise.all([startTemporal(options), bundleWorkflows()]);
  const temporal = { address: server.address, namespace: server.namespace };
  await setUpNamespace({ temporal } as Parameters<typeof setUpNamespace>[0]);
  const native = await NativeConnection.connect({ address: server.address });
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection, namespace: server.namespace });
  const common = { connection: native, namespace: server.namespace, dataConverter };
  const stops = [
    runWorker(await Worker.create({ ...common, taskQueue: ORCHESTRATOR_QUEUE, workflowBundle, ...PATIENCE })),
  ];
  const serve = async (environment: string, steps: EnvironmentSteps): Promise<() => Promise<void>> => {
    const activities = createEnvironmentActivities(steps);
    const heartbeats = { maxHeartbeatThrottleInterval: '200 ms', defaultHeartbeatThrottleInterval: '200 ms' } as const;
    const queues = [environmentQueue(environment), copyQueue(environment)];
    const workers = queues.map((taskQueue) => Worker.create({ ...common, ...heartbeats, taskQueue, activities }));
    const running = (await Promise.all(workers)).map(runWorker);
    stops.push(...running);
    return async () => {
      await Promise.all(running.map((stop) => stop()));
    };
  };
  const stop = async (): Promise<void> => {
    await Promise.all(stops.map((end) => end()));
    await native.close();
    await connection.close();
    await server.stop();
  };
  return { server, client, serve, stop };
}

/** Runs a worker; the function that comes back ends it. */
function runWorker(worker: Worker): () => Promise<void> {
  const ended = worker.run();
  return async () => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    await ended;
  };
}
