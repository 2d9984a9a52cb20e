// @ts-check
// Real programs under tests: started with their last words at hand, ended by id, never left behind.
import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from './find-program.mjs';
import { track, untrack } from './tracked-children.mjs';

/** @typedef {import('./index.d.mts').StartOptions} StartOptions */
/** @typedef {import('./index.d.mts').RunningProcess} RunningProcess */

const KEPT_LINES = 100;
const READY_TIMEOUT_MS = 90_000;
const GRACE_MS = 10_000;

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {StartOptions} [options]
 * @returns {Promise<RunningProcess>}
 */
export async function startProcess(command, args, options = {}) {
  const name = options.name ?? command;
  const child = spawnChild(command, args, options);
  const output = collectOutput(child, options.onLine);
  const exited = whenExited(child);
  await whenSpawned(child, name);
  const pid = /** @type {number} */ (child.pid);
  track(pid);
  void exited.then(() => untrack(pid));

  /** @type {RunningProcess} */
  const running = {
    pid,
    name,
    exited,
    output,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    stop: (graceMs = GRACE_MS) => endProcess(running, 'SIGTERM', graceMs),
    kill: () => endProcess(running, 'SIGKILL', GRACE_MS),
  };
  if (options.ready) await waitUntilReady(running, options.ready, options.readyTimeoutMs ?? READY_TIMEOUT_MS);
  return running;
}

/**
 * Polls `check` until it is true; a check that throws counts as not yet.
 * @param {() => boolean | Promise<boolean>} check
 * @param {{ what: string, timeoutMs?: number, pollMs?: number }} options
 * @returns {Promise<void>}
 */
export async function waitUntil(check, { what, timeoutMs = READY_TIMEOUT_MS, pollMs = 50 }) {
  const end = Date.now() + timeoutMs;
  /** @type {unknown} */
  let last;
  while (Date.now() < end) {
    try {
      if (await check()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(pollMs);
  }
  throw new Error(`wait for ${what}: not within ${timeoutMs} ms`, { cause: last });
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {StartOptions} options
 */
function spawnChild(command, args, options) {
  const file = findProgram([command]);
  if (file === undefined) throw new Error(`start ${options.name ?? command}: no executable ${command} was found`);
  // Where the kernel offers it, the child also ends when this process is killed without a chance to clean up.
  const setpriv = process.platform === 'linux' ? findProgram(['setpriv']) : undefined;
  const [program, programArgs] = setpriv ? [setpriv, ['--pdeathsig', 'TERM', '--', file, ...args]] : [file, [...args]];
  return spawn(program, programArgs, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that the program's own children end with it.
    detached: true,
  });
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {((line: string) => void) | undefined} onLine
 * @returns {() => string}
 */
function collectOutput(child, onLine) {
  /** @type {string[]} */
  const lines = [];
  const add = (/** @type {string} */ line) => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    onLine?.(line);
  };
  for (const stream of [child.stdout, child.stderr]) {
    const decoder = new StringDecoder();
    let rest = '';
    stream?.on('data', (chunk) => {
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const line of parts) add(line);
    });
    stream?.on('end', () => rest !== '' && add(rest));
  }
  return () => lines.join('\n');
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} name
 * @returns {Promise<void>}
 */
function whenSpawned(child, name) {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new Error(`start ${name}: ${cause.message}`, { cause })));
  });
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<{ code: number | null, signal: NodeJS.Signals | null }>}
 */
function whenExited(child) {
  return new Promise((resolve) => {
    // 'close' comes after the last output, 'exit' may come before it; grandchildren can hold the pipes open for ever.
    child.once('exit', (code, signal) => {
      const done = () => resolve({ code, signal });
      child.once('close', done);
      setTimeout(done, 500).unref();
    });
  });
}

/**
 * @param {RunningProcess} running
 * @param {() => boolean | Promise<boolean>} ready
 * @param {number} timeoutMs
 */
async function waitUntilReady(running, ready, timeoutMs) {
  let ended = false;
  void running.exited.then(() => (ended = true));
  try {
    await waitUntil(async () => ended || (await ready()), { what: `${running.name} to be ready`, timeoutMs });
  } catch (cause) {
    await running.kill();
    throw new Error(`start ${running.name}: not ready within ${timeoutMs} ms${lastWords(running)}`, { cause });
  }
  if (!ended) return;
  const { code, signal } = await running.exited;
  throw new Error(`start ${running.name}: it ended at once with ${signal ?? `exit code ${code}`}${lastWords(running)}`);
}

/** @param {RunningProcess} running */
function lastWords(running) {
  const output = running.output();
  return output === '' ? ', without a word' : `, its last words:\n${output}`;
}

/**
 * @param {RunningProcess} running
 * @param {NodeJS.Signals} signal
 * @param {number} graceMs
 */
async function endProcess(running, signal, graceMs) {
  if (running.isRunning()) process.kill(running.pid, signal);
  const timer = setTimeout(() => killGroup(running.pid), graceMs);
  await running.exited;
  clearTimeout(timer);
  killGroup(running.pid);
}

/**
 * What a program leaves of its own group is of no use to anybody.
 * @param {number} pid
 */
function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left.
  }
}
