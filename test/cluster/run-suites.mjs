// @ts-check
// Runs the suites; started by run.mjs inside the network namespace of the node.
import { startVitest } from 'vitest/node';
import { root } from '../support/bootstrap.mjs';

const names = process.argv.slice(2);
const vitest = await startVitest('test', names, {
  config: false,
  root,
  watch: false,
  include: ['test/cluster/*-suite.ts'],
  testTimeout: 300_000,
  hookTimeout: 600_000,
  fileParallelism: false,
  reporters: ['verbose'],
});
await vitest.close();
