import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { connectClient, connectWorker } from './connect.ts';
import type { ConnectedClient } from './connect.ts';
import type { Configuration } from './configuration/index.ts';
import { runWorkers } from './run-workers.ts';
import { missingSearchAttributes } from './setup.ts';
import { shutDownRuntime } from './telemetry.ts';
import { ORCHESTRATOR_QUEUE } from '../workflows/domain/names.ts';

/** What a worker process is given beside its configuration. */
export interface WorkerCall {
  readonly logger: Logger;
  /** Aborted: the worker finishes its short steps and ends. */
  readonly signal?: AbortSignal;
}

/**
 * Runs the workflows. It holds no secret. Before it polls, it replays the open promotions: code that does not fit them
 * would block every one of them at its next step.
 */
export async function runOrchestrator(configuration: Configuration, call: WorkerCall): Promise<void> {
  try {
    const replayed = await prepareToPoll(configuration);
    await runWorkflows(configuration, replayed, call);
  } finally {
    await shutDownRuntime();
  }
}

async function runWorkflows(
  configuration: Configuration,
  replayed: number,
  { logger, signal }: WorkerCall,
): Promise<void> {
  const connection = await connectWorker(configuration);
  try {
    const worker = await Worker.create({
      connection,
      namespace: configuration.temporal.namespace,
      taskQueue: ORCHESTRATOR_QUEUE,
      ...workflowCode(),
    });
    logger.info({ queue: ORCHESTRATOR_QUEUE, replayed }, 'orchestrator polls');
    await runWorkers([worker], signal);
  } finally {
    await connection.close();
  }
}

/**
 * How long one workflow task may compute. The library ends it after 5 seconds, an option that it has and does not tell of.
 * On a busy machine the replay of a promotion that thousands of signals were sent to takes as long, and Node aborts the
 * whole process where microtasks of a vm are ended by its timeout (nodejs/node#38503).
 */
export const PATIENCE: object = { isolateExecutionTimeout: '1 minute' };

/** Where the workflow code is: bundled by the build, so that a worker starts without a bundler. */
export function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'dataConverter'> {
  const codePath = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (!existsSync(codePath)) throw new Error(`there is no workflow bundle at ${codePath}; run "npm run build"`);
  const payloadConverterPath = fileURLToPath(new URL('../workflows/payload-converter.js', import.meta.url));
  return { ...PATIENCE, workflowBundle: { codePath }, dataConverter: { payloadConverterPath } };
}

/** Checks the namespace and replays what is open, over one connection; returns how many were replayed. */
async function prepareToPoll(configuration: Configuration): Promise<number> {
  const connected = await connectClient(configuration);
  try {
    await checkNamespace(configuration, connected);
    return await replayOpenPromotions(connected);
  } finally {
    await connected.close();
  }
}

async function checkNamespace({ temporal }: Configuration, { connection }: ConnectedClient): Promise<void> {
  const missing = await missingSearchAttributes(connection, temporal.namespace);
  if (missing.length === 0) return;
  throw new Error(
    `the Temporal namespace ${temporal.namespace} lacks the search attributes ${missing.join(', ')}; run "countersign setup" once`,
  );
}

async function replayOpenPromotions({ client }: ConnectedClient): Promise<number> {
  const open = client.workflow.list({ query: `TaskQueue = '${ORCHESTRATOR_QUEUE}' AND ExecutionStatus = 'Running'` });
  const results = Worker.runReplayHistories(workflowCode(), open.intoHistories({ concurrency: 4 }));
  let replayed = 0;
  for await (const { workflowId, error } of results) {
    if (error !== undefined) {
      throw new Error(
        `the workflow code does not fit the open promotion ${workflowId}: ${error.message}; run the version that it was started with, or add a patch`,
        { cause: error },
      );
    }
    replayed += 1;
  }
  return replayed;
}
