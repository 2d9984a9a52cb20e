// @ts-check
// `npm run check`: types, rules and format, side by side; what each of them has to say comes when it has ended.
import { spawn } from 'node:child_process';
import { root } from './bootstrap.mjs';

const CHECKS = {
  types: ['tsc', '--noEmit'],
  'types of scripts': ['tsc', '-p', 'test/support/tsconfig.scripts.json'],
  rules: ['eslint', '.', '--max-warnings', '0'],
  format: ['prettier', '--check', '.', '--log-level', 'warn'],
};

/**
 * @param {readonly string[]} command
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
function run([program = '', ...args]) {
  return new Promise((resolve) => {
    const child = spawn(`node_modules/.bin/${program}`, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += String(piece)));
    child.on('error', (error) => resolve({ ok: false, output: error.message }));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

const results = await Promise.all(
  Object.entries(CHECKS).map(async ([name, command]) => {
    const { ok, output } = await run(command);
    if (!ok) console.log(`${name}: failed\n${output}`);
    return ok;
  }),
);
process.exit(results.every(Boolean) ? 0 : 1);
