import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClient } from './connect.ts';
import type { Configuration } from './configuration/index.ts';
import { setUpNamespace } from './setup.ts';

/** How `up` runs. */
export interface UpOptions {
  /** Folder of the database file and the logs; default `.countersign` beside the configuration. */
  readonly data?: string;
  /** Port of Temporal's web page on loopback; none where it is left out. */
  readonly uiPort?: number;
  readonly signal: AbortSignal;
  /** One line for people per event. */
  readonly say: (line: string) => void;
}

const RESTART_FIRST_MS = 1_000;
const RESTART_MOST_MS = 30_000;
const READY_TIMEOUT_MS = 60_000;
/** A process that ran this long was healthy: the next restart is quick again. */
const HEALTHY_MS = 60_000;
const GRACE_MS = 20_000;
/** Bad usage or configuration: starting again would not help. */
const EXIT_USAGE = 2;

/**
 * Runs everything on one machine: a Temporal development server with a database file, the orchestrator, and one worker
 * process per environment, so that no process holds the keys of two. A process that ends is started again. The same
 * configuration later runs against a Temporal cluster.
 */
export async function runUp(configuration: Configuration, options: UpOptions): Promise<void> {
  const { signal, say } = options;
  const data = options.data ?? path.join(path.dirname(configuration.file), '.countersign');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const supervise = async (program: SupervisedProgram): Promise<void> => {
    try {
      await keepRunning(program, { signal: either, say });
    } catch (error) {
      stop.abort(error);
    }
  };
  const running = [supervise(temporalServer(configuration, data, options.uiPort))];
  try {
    await untilReady(configuration, either);
    const { added } = await setUpNamespace(configuration);
    if (added.length > 0) say(`search attributes registered: ${added.join(', ')}`);
    for (const program of workers(configuration)) running.push(supervise(program));
    say(
      `countersign is up: Temporal at ${configuration.temporal.address}, environments ${configuration.route.join(', ')}`,
    );
    await Promise.all(running);
  } finally {
    stop.abort();
    await Promise.all(running);
  }
  if (!signal.aborted) throw stop.signal.reason;
}

interface SupervisedProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** Finds the `temporal` command on PATH, else in the cache that the demonstration fills. */
export function findTemporal(env: NodeJS.ProcessEnv = process.env): string {
  const cache =
    env['COUNTERSIGN_CACHE'] ?? path.join(env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'countersign');
  const folders = [...(env['PATH'] ?? '').split(path.delimiter), path.join(cache, 'bin')].filter(
    (folder) => folder !== '',
  );
  const found = folders.map((folder) => path.join(folder, 'temporal')).find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(
    'the program "temporal" was not found on PATH; install the Temporal CLI (your package manager, or "go install github.com/temporalio/cli/cmd/temporal@v1.5.1"), or use a Temporal cluster and "countersign worker"',
  );
}

function temporalServer({ temporal }: Configuration, data: string, uiPort: number | undefined): SupervisedProgram {
  const { hostname, port } = new URL(`tcp://${temporal.address}`);
  const ui = uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)];
  const file = path.join(data, 'temporal.db');
  const args = ['server', 'start-dev', '--ip', hostname, '--port', port, '--db-filename', file, ...ui];
  const namespace = temporal.namespace === 'default' ? [] : ['--namespace', temporal.namespace];
  return { name: 'temporal', command: findTemporal(), args: [...args, ...namespace, '--log-level', 'error'] };
}

function workers({ file, route }: Configuration): readonly SupervisedProgram[] {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  const worker = (name: string, ...args: string[]): SupervisedProgram => ({
    name,
    command: process.execPath,
    args: [main, '--config', file, 'worker', ...args],
  });
  return [worker('orchestrator', '--orchestrate'), ...route.map((name) => worker(name, '--environment', name))];
}

async function keepRunning(
  program: SupervisedProgram,
  { signal, say }: { readonly signal: AbortSignal; readonly say: (line: string) => void },
): Promise<void> {
  let wait = RESTART_FIRST_MS;
  const ended = (): boolean => signal.aborted;
  while (!ended()) {
    const began = Date.now();
    const code = await runOnce(program, signal);
    if (ended()) return;
    if (code === EXIT_USAGE) throw new Error(`${program.name} refused to start; its message is above`);
    if (Date.now() - began > HEALTHY_MS) wait = RESTART_FIRST_MS;
    say(`${program.name} ended (${code ?? 'by a signal'}); it is started again in ${wait / 1000} s`);
    await sleep(wait, undefined, { signal }).catch(() => undefined);
    wait = Math.min(wait * 2, RESTART_MOST_MS);
  }
}

/** A child that is told to end gets time to finish its short steps. */
async function runOnce({ command, args }: SupervisedProgram, signal: AbortSignal): Promise<number | null> {
  // A group of its own: an interrupt at the terminal reaches `up` alone, which then ends its children in order.
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  const stop = (): void => void stopChild(child);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code));
      if (signal.aborted) stop();
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await sleep(GRACE_MS, undefined, { ref: false });
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}

async function untilReady(configuration: Configuration, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    signal.throwIfAborted();
    try {
      const { close } = await connectClient(configuration);
      await close();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(200, undefined, { signal });
    }
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
