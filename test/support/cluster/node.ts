/** The node: one process that holds namespaces of its own, and programs started inside them that end with it. */
import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { waitUntil } from '../parts/index.mjs';
import {
  API_SERVICE_ADDRESS,
  MARK,
  NODE_ADDRESS,
  NODE_NAME,
  SERVICE_NETWORK,
  belongsTo,
  nodeProcess,
} from './place.ts';
import type { Place } from './place.ts';

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Makes the namespaces. They stay when this process ends. */
export async function startNode(place: Place): Promise<void> {
  mkdirSync(place.logs, { recursive: true });
  const variables = { FOLDER: place.folder, NODE_ADDRESS, API_SERVICE_ADDRESS, SERVICE_NETWORK, NODE_NAME };
  const script = path.join(import.meta.dirname, 'node-init.sh');
  const namespaces = ['--net', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child'];
  const holder = detach(place, 'node', {
    command: ['unshare', ...namespaces, 'bash', script],
    env: { ...variables, CGROUP: place.cgroup },
  });
  const hasEnded = (): boolean => holder.exitCode !== null || holder.signalCode !== null;
  const ready = (): boolean => hasEnded() || existsSync(path.join(place.folder, 'ready'));
  await waitUntil(ready, { what: "the node's namespaces", timeoutMs: 20_000 });
  if (hasEnded() || nodeProcess(place) === undefined) {
    throw new Error(`start the node: its first process ended\n${lastWords(place, 'node')}`);
  }
}

/** What is started inside the node, and stays there until the node ends. */
export interface Service {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program in all of the node's namespaces; its output goes to `log/<name>.log`. */
export function startInNode(place: Place, name: string, { command, env }: Service): void {
  const pid = nodeProcess(place);
  if (pid === undefined) throw new Error(`start ${name}: the node does not run`);
  detach(place, name, { command: [...enter(pid), ...command], ...(env && { env }) });
}

/** Runs a program in all of the node's namespaces to its end. */
export async function runInNode(place: Place, command: readonly string[], input?: string): Promise<string> {
  const pid = nodeProcess(place);
  if (pid === undefined) throw new Error(`run ${command[0]}: the node does not run`);
  const [program = '', ...args] = [...enter(pid), ...command];
  const running = promisify(execFile)(program, args, { env: environmentOf(place), maxBuffer: 64 * 1024 * 1024 });
  // A program that reads nothing may have ended before we write.
  running.child.stdin?.on('error', () => undefined);
  running.child.stdin?.end(input ?? '');
  return (await running).stdout;
}

/** The end of what a program of the cluster said. */
export function lastWords(place: Place, name: string): string {
  const file = path.join(place.logs, `${name}.log`);
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15).join('\n') : '';
}

/** Every process of the cluster, wherever it is: also what an interrupted start left. */
export function processesOf(place: Place, pids: readonly number[]): readonly number[] {
  return pids.filter((pid) => pid !== process.pid && belongsTo(place, pid));
}

function enter(pid: number): readonly string[] {
  return ['nsenter', '--target', String(pid), '--net', '--mount', '--pid', '--uts', '--ipc', '--'];
}

function environmentOf(place: Place): Readonly<Record<string, string>> {
  return { PATH: SYSTEM_PATH, HOME: place.folder, TMPDIR: path.join(place.folder, 'tmp'), [MARK]: place.folder };
}

function detach(place: Place, name: string, { command, env }: Service) {
  mkdirSync(path.join(place.folder, 'tmp'), { recursive: true });
  const log = openSync(path.join(place.logs, `${name}.log`), 'a');
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    env: { ...environmentOf(place), ...env },
    cwd: place.folder,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  child.unref();
  return child;
}
