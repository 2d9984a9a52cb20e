// @ts-check
// Where built and fetched programs are kept: outside the work tree, so that a fresh clone finds them again.
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * The folder of the cache; it exists when the call returns. `COUNTERSIGN_CACHE` names another one.
 * @param {...string} below folders inside it
 * @returns {string}
 */
export function cacheFolder(...below) {
  const home = process.env['XDG_CACHE_HOME'] || path.join(os.homedir(), '.cache');
  const folder = path.resolve(process.env['COUNTERSIGN_CACHE'] || path.join(home, 'countersign'), ...below);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * An environment in which the cache's programs, and those of the system's own folders, are found by name.
 * @param {NodeJS.ProcessEnv} [base]
 * @returns {NodeJS.ProcessEnv}
 */
export function environmentWithCache(base = process.env) {
  const folders = [base['PATH'] ?? '', cacheFolder('bin'), '/usr/local/sbin', '/usr/sbin'];
  return { ...base, PATH: folders.filter((folder) => folder !== '').join(path.delimiter) };
}
