// @ts-check
// `npm run test:pulp [-- NAME]`: our reader and store of registry signatures against a real Pulp, which is installed
// where it is missing. Outside `npm test`: it takes two minutes, and half a gigabyte of memory.
import { startVitest } from 'vitest/node';
import { ensureDependencies, root } from '../bootstrap.mjs';
import { ensureParts, environmentWithCache } from '../parts/index.mjs';
import { ensurePulp } from './install.mjs';

await ensureDependencies({ build: false });
process.env['PATH'] = environmentWithCache()['PATH'];
// Before the tests, whose hooks should not wait for an installer.
await ensureParts(['skopeo', 'gpg', 'openssl']);
await ensurePulp();
const [testNamePattern] = process.argv.slice(2);
const vitest = await startVitest('test', [], {
  config: false,
  root,
  watch: false,
  include: ['test/support/pulp/*-suite.ts'],
  testTimeout: 600_000,
  hookTimeout: 900_000,
  fileParallelism: false,
  ...(testNamePattern !== undefined && { testNamePattern }),
});
await vitest.close();
