// @ts-check
// One installer at a time, across processes: vitest's workers, the demonstration and a second terminal share the cache.
import { mkdirSync, readFileSync, rmSync, rmdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cacheFolder } from './cache.mjs';

const POLL_MS = 200;
const BEAT_MS = 2_000;
/** Without a beat for this long the holder is dead, or its machine slept. */
const STALE_MS = 60_000;

/**
 * Runs `work` while no other process holds the lock `name`. A lock whose holder died is taken over.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @param {{ onWait?: () => void }} [options] `onWait` is called once, when another process holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(name, work, { onWait } = {}) {
  const file = path.join(cacheFolder('locks'), `${name}.lock`);
  let told = false;
  while (!tryTake(file)) {
    if (!told) onWait?.();
    told = true;
    if (isAbandoned(file)) breakLock(file);
    else await sleep(POLL_MS);
  }
  const beat = setInterval(() => touch(file), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    rmSync(file, { force: true });
  }
}

/** @param {string} file */
function tryTake(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} file */
function isAbandoned(file) {
  try {
    const holder = Number(readFileSync(file, 'utf8'));
    const silentMs = Date.now() - statSync(file).mtimeMs;
    // An empty file is a lock that is being taken at this moment: only time tells.
    return silentMs > STALE_MS || (holder > 0 && !isAlive(holder));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Only one process may remove an abandoned lock, and looks again first: else the second would remove the lock that
 * the first has just taken.
 * @param {string} file
 */
function breakLock(file) {
  const guard = `${file}.breaking`;
  try {
    mkdirSync(guard);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    dropOldGuard(guard);
    return;
  }
  if (isAbandoned(file)) rmSync(file, { force: true });
  rmdirSync(guard);
}

/** @param {string} guard */
function dropOldGuard(guard) {
  try {
    if (Date.now() - statSync(guard).mtimeMs > STALE_MS) rmdirSync(guard);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** @param {string} file */
function touch(file) {
  try {
    utimesSync(file, new Date(), new Date());
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code;
}
