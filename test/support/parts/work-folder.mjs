// @ts-check
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from './cache.mjs';

/**
 * Runs `work` with an empty folder in the cache, so that moving what it made to its place there is one step.
 * @template T
 * @param {(folder: string) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function inWorkFolder(work) {
  const folder = mkdtempSync(path.join(cacheFolder('work'), 'build-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
