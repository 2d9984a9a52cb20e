// @ts-check
// One run of a command as a phase of the tests, and what all phases come to.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './bootstrap.mjs';
import { environmentWithCache } from './parts/cache.mjs';

/** @typedef {{ file: string, ms: number }} FileTime */
/** @typedef {{ passed: number, failed: number, skipped: number, files: readonly FileTime[] }} Counts */
/** @typedef {Counts & { name: string, seconds: number }} Phase */

const PHASE_LIMIT_MS = 45 * 60_000;
const SLOWEST = 10;
/** @type {Counts} */
const NOTHING = { passed: 0, failed: 0, skipped: 0, files: [] };

/**
 * Runs vitest with the reporter for people and, beside it, the one that is counted.
 * @param {string} name of the phase
 * @param {{ args: readonly string[], node?: string }} options `node` is the binary that runs it
 * @returns {Promise<Phase>}
 */
export async function runVitest(name, { args, node = process.execPath }) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cs-report-'));
  const report = path.join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const env = environmentWithCache();
  // What the tests start as `node` is the version under test.
  env['PATH'] = [path.dirname(node), env['PATH']].join(path.delimiter);
  try {
    return await runPhase(name, [node, 'node_modules/vitest/vitest.mjs', 'run', ...args, ...reporters], {
      env,
      count: () => (existsSync(report) ? countReport(readFileSync(report, 'utf8')) : NOTHING),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs a command with its output shown. A run that fails without a failed test counts as one failure.
 * @param {string} name
 * @param {readonly string[]} command
 * @param {{ env?: NodeJS.ProcessEnv, count?: () => Counts }} [options]
 * @returns {Promise<Phase>}
 */
export async function runPhase(name, [program = '', ...args], { env = process.env, count = () => NOTHING } = {}) {
  console.log(`\n── ${name} ──`);
  const start = Date.now();
  const problem = await runShown(program, args, env);
  const counts = count();
  const failed = problem !== undefined && counts.failed === 0 ? 1 : counts.failed;
  if (problem !== undefined) console.log(`${name}: ${problem}`);
  return { ...counts, failed, name, seconds: (Date.now() - start) / 1000 };
}

/**
 * Prints time and counts of each phase, the slowest files, and as the last line the sum. Sets the exit code: 1 when
 * something failed or no test ran.
 * @param {readonly Phase[]} phases
 */
export function printSummary(phases) {
  const { lines, ok } = summarize(phases, process.uptime());
  process.exitCode = ok ? 0 : 1;
  console.log(`\n${lines.join('\n')}`);
}

/**
 * @param {readonly Phase[]} phases
 * @param {number} seconds from the first line to the last, waiting included
 * @returns {{ lines: string[], ok: boolean }}
 */
export function summarize(phases, seconds) {
  const sum = (/** @type {'passed' | 'failed' | 'skipped'} */ key) =>
    phases.reduce((total, phase) => total + phase[key], 0);
  const slowest = phases
    .flatMap(({ name, files }) => files.map(({ file, ms }) => ({ file, ms, name })))
    .sort((one, other) => other.ms - one.ms)
    .slice(0, SLOWEST);
  const ran = sum('passed') + sum('failed') > 0;
  return {
    ok: ran && sum('failed') === 0,
    lines: [
      ...(slowest.length > 0 ? ['slowest test files:'] : []),
      ...slowest.map(({ file, ms, name }) => `  ${(ms / 1000).toFixed(1).padStart(6)} s  ${file} (${name})`),
      'phases:',
      ...phases.map((phase) => `  ${phase.seconds.toFixed(1).padStart(6)} s  ${phase.name}: ${formatCounts(phase)}`),
      `  ${seconds.toFixed(1).padStart(6)} s  in all`,
      ...(ran ? [] : ['no test ran']),
      formatCounts({ passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped'), files: [] }),
    ],
  };
}

/**
 * Counts vitest's JSON report. A file that failed before any of its tests could is one failure.
 * @param {string} report
 * @returns {Counts}
 */
export function countReport(report) {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(report);
  /** @type {{ name: string, status: string, startTime: number, endTime: number, assertionResults: { status: string }[] }[]} */
  const results = testResults;
  const broken = results.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
  );
  return {
    passed: numPassedTests,
    failed: numFailedTests + broken.length,
    skipped: numPendingTests + numTodoTests,
    files: results.map(({ name, startTime, endTime }) => ({
      file: path.relative(root, name),
      ms: Math.max(0, endTime - startTime),
    })),
  };
}

/** @param {Counts} counts */
function formatCounts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | undefined>} what went wrong
 */
function runShown(program, args, env) {
  return new Promise((resolve) => {
    const child = spawn(program, [...args], { cwd: root, env, stdio: 'inherit' });
    const timer = setTimeout(() => child.kill('SIGKILL'), PHASE_LIMIT_MS);
    const finish = (/** @type {string | undefined} */ problem) => {
      clearTimeout(timer);
      resolve(problem);
    };
    child.once('error', (error) => finish(error.message));
    child.once('exit', (code, signal) =>
      finish(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`),
    );
  });
}
