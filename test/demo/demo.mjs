// @ts-check
// `npm run demo`: a whole company on loopback, and one image on its way from development to production.
// Plain Node up to the point where everything is installed and built; the rest is in demo.ts.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureDependencies } from '../support/bootstrap.mjs';
import { ensureParts } from '../support/parts/index.mjs';

const PARTS = /** @type {const} */ ([
  ...['temporal', 'skopeo', 'docker-registry'],
  ...['git', 'git-http-backend', 'gpg'],
]);

const USAGE = `usage: npm run demo [-- --keep] [-- --interactive]

Installs or builds what is missing, starts a whole company on loopback (Temporal, three registries, three git
repositories, three signature servers, four workers), and promotes an image from dev through qa to prod.

  --interactive  wait for you to approve with the command in another terminal
  --keep         leave everything up at the end, with addresses and commands to play with, until Ctrl-C
  --help         this text

Ends with 0 where all went as it should, 1 where something failed, 2 for bad usage, 130 or 143 when interrupted.`;

/** @returns {{ keep: boolean, interactive: boolean } | undefined} */
function readWords() {
  const flag = /** @type {const} */ ({ type: 'boolean', default: false });
  const options = { keep: flag, interactive: flag, help: { ...flag, short: 'h' } };
  try {
    const { values } = parseArgs({ options });
    if (!values.help) return { keep: values.keep, interactive: values.interactive };
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

const options = readWords();
const startedAt = Date.now();
const log = (/** @type {string} */ line) => console.log(line);
try {
  await ensureDependencies({ build: false, log });
  await Promise.all([ensureBuilt({ log }), ensureParts(PARTS, { log })]);
  await import('../support/typescript-loader.mjs');
} catch (error) {
  console.error(messageOf(error));
  process.exit(1);
}
const { runDemo } = await import('./demo.ts');
// Idle connections would keep the process; nothing of it is of use any more.
process.exit(await runDemo({ ...options, startedAt }));
