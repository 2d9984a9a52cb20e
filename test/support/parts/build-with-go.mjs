// @ts-check
// Go programs built into the cache's `bin`: published ones from their modules, ours from a folder of this project.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, isExecutable } from './find-program.mjs';
import { runQuietly } from './run-quietly.mjs';
import { inWorkFolder } from './work-folder.mjs';

/**
 * @typedef {object} PublishedModule
 * @property {string} module what `go install` is told, with the version
 * @property {string} program the name that it gives the program
 */

/**
 * @typedef {object} OwnModule
 * @property {string} folder holds `go.mod` and `go.sum`; relative to the project's folder
 * @property {string} [package] the program's package; default: that of the folder
 * @property {readonly string[]} [tags] build tags
 */

/** @typedef {PublishedModule | OwnModule} GoSource */

/** Go is often installed without being put on PATH. */
const GO_FOLDER = '/usr/local/go/bin/go';
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

/** @returns {string | undefined} the `go` command */
export function findGo() {
  return findProgram(['go']) ?? (isExecutable(GO_FOLDER) ? GO_FOLDER : undefined);
}

/**
 * @param {GoSource} source
 * @param {string} target where the program is put, whole or not at all
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
export async function buildWithGo(source, target) {
  const go = findGo();
  if (go === undefined) return { ok: false, output: 'go is not installed' };
  return inWorkFolder(async (folder) => {
    const program = path.join(folder, 'module' in source ? source.program : 'program');
    const env = { ...process.env, ...goFolders(go, folder), GOBIN: folder };
    const place = 'module' in source ? { args: [], cwd: folder } : { args: ['-o', program], cwd: inProject(source) };
    const [verb, ...rest] = wordsOf(source);
    const result = await runQuietly(go, [verb, ...place.args, ...rest], { env, cwd: place.cwd });
    if (result.ok) renameSync(program, target);
    return result;
  });
}

/**
 * The command line that builds it, for people.
 * @param {GoSource} source
 */
export function commandOf(source) {
  return ['go', ...('folder' in source ? ['-C', source.folder] : []), ...wordsOf(source)].join(' ');
}

/**
 * Tells one state of a folder's program from another, so that a change is built and not taken from the cache.
 * @param {OwnModule} source
 */
export function fingerprintOf(source) {
  const hash = createHash('sha256').update(JSON.stringify(wordsOf(source)));
  const folder = inProject(source);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort())
    if (/\.(go|mod|sum|c|h)$/.test(name)) hash.update(`\0${name}\0`).update(readFileSync(path.join(folder, name)));
  return hash.digest('hex').slice(0, 12);
}

/**
 * @param {GoSource} source
 * @returns {[string, ...string[]]}
 */
function wordsOf(source) {
  if ('module' in source) return ['install', source.module];
  const { tags = [], package: name = '.' } = source;
  return ['build', '-trimpath', ...(tags.length > 0 ? ['-tags', tags.join(',')] : []), name];
}

/** @param {OwnModule} source */
function inProject({ folder }) {
  return path.join(ROOT, folder);
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
