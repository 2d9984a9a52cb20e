// @ts-check
// `npm test`: everything, from a bare clone. `npm test -- --quick` leaves out what needs real programs and other
// versions of Node; `npm test -- NAME …` runs the test files whose paths contain one of the names, nothing else.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ensureBuilt, ensureDependencies, npmCommand, root } from './bootstrap.mjs';
import { runUnderNodeVersions } from './node-versions.mjs';
import { MissingPartsError, ensureParts } from './parts/index.mjs';
import { printSummary, runPhase, runVitest } from './run-vitest.mjs';

/** @typedef {import('./run-vitest.mjs').Phase} Phase */
/** @typedef {import('./parts/index.d.mts').PartName} PartName */

const PARTS = /** @type {const} */ ([
  ...['temporal', 'skopeo', 'docker-registry', 'apache2'],
  ...['git', 'git-http-backend', 'gpg', 'openssl', 'sshd', 'htpasswd'],
  ...['distribution-3', 'judge', 'oras', 'referrers-registry', 'tekton-validate', 'shellcheck'],
]);

const PARTS_ENDING = '.parts.test.ts';
const USAGE = 'usage: npm test [-- --quick | -- NAME …]';

/** @returns {Promise<Phase[]>} */
async function runQuick() {
  const phases = await build();
  phases.push(await runPhase('check', npmCommand('run', '--silent', 'check')));
  phases.push(await runProject('unit'));
  return phases;
}

/** @returns {Promise<Phase[]>} */
async function runAll() {
  // Building Temporal takes minutes on an empty cache: it goes on beside everything that does not need it.
  const prepared = prepareParts();
  const phases = await runQuick();
  phases.push(...(await runUnderNodeVersions({ withOwn: false })));
  await prepared;
  phases.push(await runProject('parts'));
  return phases;
}

/**
 * @param {readonly string[]} names
 * @returns {Promise<Phase[]>}
 */
async function runSome(names) {
  const files = readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((file) => `test/${file.split(path.sep).join('/')}`)
    .filter((file) => file.endsWith('.test.ts') && names.some((name) => file.includes(name)));
  if (files.length === 0) {
    console.log(`no test file below test/ has ${names.join(' or ')} in its path`);
    return [];
  }
  const phases = await build();
  if (files.some((file) => !file.endsWith(PARTS_ENDING))) phases.push(await runProject('unit', names));
  if (files.some((file) => file.endsWith(PARTS_ENDING))) {
    await prepareParts();
    phases.push(await runProject('parts', names));
  }
  return phases;
}

/**
 * @param {'unit' | 'parts'} project
 * @param {readonly string[]} [names]
 */
function runProject(project, names = []) {
  return runVitest(project, { args: ['--project', project, ...names] });
}

/**
 * Sources that do not compile are one failure; most tests say more about them than that.
 * @returns {Promise<Phase[]>}
 */
async function build() {
  const start = Date.now();
  try {
    await ensureBuilt();
    return [];
  } catch (error) {
    console.log(messageOf(error));
    return [{ name: 'build', passed: 0, failed: 1, skipped: 0, files: [], seconds: (Date.now() - start) / 1000 }];
  }
}

/**
 * What cannot be had is told; the tests that need it then fail, the others still say how they are.
 * @param {readonly PartName[]} [names]
 * @returns {Promise<void>}
 */
async function prepareParts(names = PARTS) {
  try {
    await ensureParts(names, { log: (line) => console.log(`parts: ${line}`) });
  } catch (error) {
    console.log(`parts: ${messageOf(error)}`);
    if (error instanceof MissingPartsError && error.parts.length < names.length) {
      await prepareParts(names.filter((name) => !error.parts.includes(name)));
    }
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

const words = process.argv.slice(2);
const quick = words.includes('--quick');
const names = words.filter((word) => word !== '--quick');
if (names.some((name) => name.startsWith('-')) || (quick && names.length > 0)) {
  console.error(USAGE);
  process.exit(2);
}
try {
  await ensureDependencies({ build: false });
} catch (error) {
  console.log(`${messageOf(error)}\n0 passed, 1 failed`);
  process.exit(1);
}
printSummary(await (quick ? runQuick() : names.length > 0 ? runSome(names) : runAll()));
