// @ts-check
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** Daemons live in folders that are not on the PATH of ordinary users. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/opt/homebrew/bin', '/opt/homebrew/sbin'];

/**
 * The first executable of these names on PATH, then in the system's folders for daemons.
 * @param {readonly string[]} names
 * @returns {string | undefined} an absolute path
 */
export function findProgram(names) {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...SYSTEM_FOLDERS];
  for (const name of names) {
    for (const folder of folders) {
      const file = path.resolve(folder, name);
      if (folder !== '' && isExecutable(file)) return file;
    }
  }
  return undefined;
}

/**
 * @param {string} file
 * @returns {boolean}
 */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
