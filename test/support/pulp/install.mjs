// @ts-check
// What a real Pulp needs: PostgreSQL and Redis from the system, Pulp itself in a virtual environment in the cache.
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../parts/cache.mjs';
import { findProgram } from '../parts/find-program.mjs';
import { findElevation, installPackages } from '../parts/install-packages.mjs';
import { withLock } from '../parts/lock.mjs';
import { runQuietly } from '../parts/run-quietly.mjs';

const PACKAGES = ['pulpcore==3.123.1', 'pulp-container==2.30.0'];
const POSTGRES_FOLDER = '/usr/lib/postgresql';
const DEBIAN = { postgres: 'postgresql', redis: 'redis-server', python: 'python3-venv' };

/**
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<import('./install.d.mts').PulpPrograms>}
 */
export async function ensurePulp({ log = (line) => console.error(`pulp: ${line}`) } = {}) {
  await ensurePackages(log);
  const postgres = findPostgres();
  const redis = findRedis();
  if (postgres === undefined || redis === undefined) {
    throw new Error('find or install Pulp: apt-get install postgresql redis-server, or put both on PATH');
  }
  const pulp = await withLock('pulp', () => ensureEnvironment(log), {
    onWait: () => log('another process is installing Pulp, waiting'),
  });
  const major = path.basename(path.dirname(postgres));
  return { pulp: path.join(pulp, 'bin'), postgres, redis, version: `${versionName()}-${major}` };
}

/** @param {(line: string) => void} log */
async function ensurePackages(log) {
  const missing = () => [
    ...(findPostgres() === undefined ? [DEBIAN.postgres] : []),
    ...(findRedis() === undefined ? [DEBIAN.redis] : []),
    ...(findPython() === undefined ? [DEBIAN.python] : []),
  ];
  const elevation = missing().length > 0 ? findElevation() : undefined;
  if (elevation === undefined) return;
  log(`installing ${missing().join(', ')} with apt-get …`);
  const { ok, output } = await installPackages(missing, elevation);
  if (!ok) throw new Error(`find or install Pulp: apt-get failed:\n${output}`);
}

/**
 * The virtual environment; it carries paths of its own, so it is made where it stays and counts once it is marked.
 * @param {(line: string) => void} log
 */
async function ensureEnvironment(log) {
  const folder = path.join(cacheFolder('pulp'), versionName());
  const mark = path.join(folder, 'complete');
  if (existsSync(mark)) return folder;
  const python = findPython();
  if (python === undefined) throw new Error('find or install Pulp: expected python3 on PATH');
  log(`installing ${PACKAGES.join(', ')} with pip, once …`);
  const start = Date.now();
  rmSync(folder, { recursive: true, force: true });
  await mustRun(python, ['-m', 'venv', folder]);
  await mustRun(path.join(folder, 'bin', 'pip'), ['install', '--quiet', ...PACKAGES]);
  writeFileSync(`${mark}.new`, `${PACKAGES.join('\n')}\n`);
  renameSync(`${mark}.new`, mark);
  log(`installed in ${((Date.now() - start) / 1000).toFixed(0)} s`);
  return folder;
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
async function mustRun(command, args) {
  const { ok, output } = await runQuietly(command, args);
  if (!ok) throw new Error(`find or install Pulp: ${path.basename(command)} failed:\n${output}`);
}

/** Debian keeps the programs of the server off PATH. */
function findPostgres() {
  const versions = existsSync(POSTGRES_FOLDER) ? readdirSync(POSTGRES_FOLDER) : [];
  const folders = versions
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => path.join(POSTGRES_FOLDER, version, 'bin'));
  const found = folders.find((folder) => existsSync(path.join(folder, 'initdb')));
  const onPath = findProgram(['initdb']);
  return found ?? (onPath === undefined ? undefined : path.dirname(onPath));
}

function findRedis() {
  return findProgram(['redis-server']);
}

function findPython() {
  return findProgram(['python3']);
}

function versionName() {
  return PACKAGES.map((one) => one.replace('==', '-')).join('_');
}
