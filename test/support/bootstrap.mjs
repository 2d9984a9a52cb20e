// @ts-check
// What a bare clone needs before anything else can run: the right Node, the dependencies, the compiled command.
// Uses nothing but Node itself.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from './parts/find-program.mjs';
import { withLock } from './parts/lock.mjs';
import { runQuietly } from './parts/run-quietly.mjs';
import { isSupportedNode } from './supported-node.mjs';

/** The project's folder. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

const SOURCES = ['workflows', 'activities', 'worker', 'cli'];
const BUILD_FILES = [
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'test/support/build.mjs',
  'test/support/pack-copy.mjs',
];
/** The build writes it last. */
const BUILD_RESULT = 'dist/workflow-bundle.js';

/** @typedef {(line: string) => void} Log */

/**
 * Checks Node, installs the dependencies where they are missing or do not fit the lock file, and compiles where the
 * result is missing or older than its sources. One line for each thing done; nothing where all is there.
 * @param {{ build?: boolean, log?: Log }} [options] `build: false` leaves the compiled command alone
 * @throws Error that says what to do, with the end of the failed program's output
 */
export async function ensureDependencies({ build = true, log = console.log } = {}) {
  checkNodeVersion();
  await inTurn(async () => {
    if (!dependenciesFit()) await installDependencies(log);
  });
  if (build) await ensureBuilt({ log });
}

/**
 * The second half of `ensureDependencies`, for those who go on where it fails.
 * @param {{ log?: Log }} [options]
 */
export async function ensureBuilt({ log = console.log } = {}) {
  await inTurn(async () => {
    if (!isBuilt()) await buildCommand(log);
  });
}

/**
 * Two commands in one clone do not install or compile at the same time.
 * @param {() => Promise<void>} work
 */
function inTurn(work) {
  const tree = createHash('sha256').update(root).digest('hex').slice(0, 16);
  return withLock(`work-tree-${tree}`, work);
}

/** @throws Error when this Node is not among those that package.json supports */
export function checkNodeVersion() {
  const { engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  if (isSupportedNode(process.versions.node, engines.node)) return;
  throw new Error(
    `check Node: this is ${process.versions.node}, expected ${engines.node}; install Node 20, 22 or 24 (https://nodejs.org)`,
  );
}

function dependenciesFit() {
  if (!existsSync(path.join(root, 'node_modules/.package-lock.json'))) return false;
  const stamp = stampFile();
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8') === lockDigest();
  // Installed by hand: npm's own copy of the lock file is as old as the installation.
  return modified('node_modules/.package-lock.json') >= modified('package-lock.json');
}

/** @param {Log} log */
async function installDependencies(log) {
  // Without scripts: none of the packages needs one, and compiling the command is the next step anyway.
  const [command, ...args] = npmCommand('ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund');
  await timed('installing dependencies (npm ci; once, well under a minute)', log, () => run(command, args));
  writeFileSync(stampFile(), lockDigest());
}

function stampFile() {
  return path.join(root, 'node_modules/.countersign-lock');
}

function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
}

function isBuilt() {
  if (!existsSync(path.join(root, BUILD_RESULT))) return false;
  const built = modified(BUILD_RESULT);
  const files = SOURCES.flatMap((folder) => filesBelow(path.join(root, folder))).map((file) => statSync(file).mtimeMs);
  return [...files, ...BUILD_FILES.map(modified)].every((time) => time <= built);
}

/** @param {Log} log */
async function buildCommand(log) {
  await timed('compiling the command and its workers (npm run build)', log, () =>
    run(process.execPath, ['test/support/build.mjs']),
  );
}

/**
 * The words that run npm: the one this process was started by, else the one on PATH.
 * @param {...string} args
 * @returns {[string, ...string[]]}
 */
export function npmCommand(...args) {
  const own = process.env['npm_execpath'];
  if (own !== undefined && path.basename(own) === 'npm-cli.js') return [process.execPath, own, ...args];
  const command = findProgram(['npm']);
  if (command === undefined) throw new Error('run npm: it is not on PATH; it comes with Node (https://nodejs.org)');
  return [command, ...args];
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
async function run(command, args) {
  const { ok, output } = await runQuietly(command, args, { cwd: root });
  if (!ok) throw new Error(`run ${path.basename(command)} ${args.join(' ')}: it failed\n${output}`);
}

/**
 * @param {string} what
 * @param {Log} log
 * @param {() => Promise<void>} work
 */
async function timed(what, log, work) {
  log(`${what} …`);
  const start = Date.now();
  await work();
  log(`${what}: done in ${((Date.now() - start) / 1000).toFixed(1)} s`);
}

/** @param {string} name */
function modified(name) {
  return statSync(path.join(root, name)).mtimeMs;
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const full = path.join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(full) : [full];
  });
}
