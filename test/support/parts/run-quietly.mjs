// @ts-check
import { spawn } from 'node:child_process';
import os from 'node:os';
import { track, untrack } from './tracked-children.mjs';

const KEPT_CHARACTERS = 8_000;
/** Installers leave the cores to whatever else runs. */
const NICE = 10;

/**
 * Runs a program to its end without showing its output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, timeoutMs?: number }} [options]
 * @returns {Promise<{ ok: boolean, output: string }>} with the end of what it said on both streams
 */
export function runQuietly(command, args, { env = process.env, cwd, timeoutMs = 1_800_000 } = {}) {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, [...args], { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const pid = child.pid;
    if (pid !== undefined) {
      track(pid);
      lowerPriority(pid);
    }
    const add = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk.toString('utf8')).slice(-KEPT_CHARACTERS);
    };
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    const timer = setTimeout(() => {
      output += `\nended after ${timeoutMs / 1000} s`;
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    }, timeoutMs);
    const finish = (/** @type {boolean} */ ok) => {
      clearTimeout(timer);
      if (pid !== undefined) untrack(pid);
      resolve({ ok, output: output.trim() });
    };
    child.once('error', (error) => {
      output += error.message;
      finish(false);
    });
    child.once('close', (code) => finish(code === 0));
  });
}

/** @param {number} pid */
function lowerPriority(pid) {
  try {
    os.setPriority(pid, NICE);
  } catch {
    // It runs at the usual priority then, or has ended.
  }
}
