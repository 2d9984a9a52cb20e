// @ts-check
// Programs built from their Go modules, or fetched by the Temporal SDK, into the cache's `bin`.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, isExecutable } from './find-program.mjs';
import { runQuietly } from './run-quietly.mjs';
import { inWorkFolder } from './work-folder.mjs';

const DOWNLOAD_LIMIT_MS = 120_000;
/** Go is often installed without being put on PATH. */
const GO_FOLDER = '/usr/local/go/bin/go';

/** @returns {string | undefined} the `go` command */
export function findGo() {
  return findProgram(['go']) ?? (isExecutable(GO_FOLDER) ? GO_FOLDER : undefined);
}

/**
 * @param {{ module: string, program: string }} source
 * @param {string} target where the program is put, whole or not at all
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export async function buildFromModule({ module, program }, target) {
  const go = findGo();
  if (go === undefined) return { ok: false, output: 'go is not installed' };
  return inWorkFolder(async (folder) => {
    const env = { ...process.env, ...goFolders(go, folder), GOBIN: folder };
    const result = await runQuietly(go, ['install', module], { env, cwd: folder });
    if (result.ok) renameSync(path.join(folder, program), target);
    return result;
  });
}

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

/**
 * Go's own caches where they are in use; else folders that are dropped after the build: two gigabytes for one program.
 * @param {string} go
 * @param {string} folder
 * @returns {NodeJS.ProcessEnv}
 */
function goFolders(go, folder) {
  const { stdout } = spawnSync(go, ['env', 'GOMODCACHE', 'GOCACHE', 'GOFLAGS'], { encoding: 'utf8' });
  const [modules = '', builds = '', flags = ''] = (stdout ?? '').split('\n');
  return {
    ...(!existsSync(builds) && { GOCACHE: path.join(folder, 'builds') }),
    // Go makes its modules read-only, which would keep them from being dropped.
    ...(!existsSync(modules) && {
      GOPATH: path.join(folder, 'go'),
      GOMODCACHE: path.join(folder, 'modules'),
      GOFLAGS: `${flags} -modcacherw`.trim(),
    }),
  };
}
