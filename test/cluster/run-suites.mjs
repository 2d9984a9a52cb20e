// @ts-check
// Runs the suites; started by run.mjs inside the network namespace of the node.
import { startVitest } from 'vitest/node';
import { root } from '../support/bootstrap.mjs';

const names = process.argv.slice(2);
// One test of a suite: COUNTERSIGN_TEST_NAME='copies an image'.
const pattern = process.env['COUNTERSIGN_TEST_NAME'];
const vitest = await startVitest('test', names, {
  config: false,
  root,
  watch: false,
  ...(pattern !== undefined && { testNamePattern: pattern }),
  include: ['test/cluster/*-suite.ts'],
  testTimeout: 300_000,
  hookTimeout: 600_000,
  fileParallelism: false,
  reporters: ['verbose'],
});
await vitest.close();
