// @ts-check
import { chmodSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isExecutable } from './find-program.mjs';
import { runQuietly } from './run-quietly.mjs';
import { inWorkFolder } from './work-folder.mjs';

const DOWNLOAD_LIMIT_MS = 120_000;

/**
 * Lets the Temporal SDK fetch the released CLI, in a process of its own so that it can be given up.
 * @param {string} version
 * @param {string} target
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export async function downloadTemporal(version, target) {
  const script = fileURLToPath(new URL('download-temporal.mjs', import.meta.url));
  return inWorkFolder(async (folder) => {
    const result = await runQuietly(process.execPath, [script, version, folder], { timeoutMs: DOWNLOAD_LIMIT_MS });
    if (!result.ok) return result;
    const file = readdirSync(folder).find((name) => isExecutable(path.join(folder, name)));
    if (file === undefined) return { ok: false, output: 'the download left no program' };
    chmodSync(path.join(folder, file), 0o755);
    renameSync(path.join(folder, file), target);
    return result;
  });
}
