import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { ReplayWorkerOptions } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleWorkflows } from '../support/workflow-server.ts';

const folder = path.resolve(import.meta.dirname, '../histories');
const recorded = readdirSync(folder).filter((name) => name.endsWith('.json'));
let options: ReplayWorkerOptions;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  options = { workflowBundle: await bundleWorkflows() };
}, 60_000);

describe('recorded histories', () => {
  it('are there for every way a promotion can go', () => {
    for (const way of ['approved', 'rejected', 'expired', 'aborted', 'stalled-and-retried', 'replayed', 'rebuild']) {
      expect(recorded.some((name) => name.endsWith(`-${way}.json`))).toBe(true);
    }
  });

  it.each(recorded)('replay on the present code: %s', async (name) => {
    await Worker.runReplayHistory(options, read(name));
  });

  it('would not replay on code that takes other steps', async () => {
    const changed = readFileSync(path.join(folder, recorded[0]!), 'utf8').replaceAll(
      '"name": "assess"',
      '"name": "asses"',
    );
    await expect(Worker.runReplayHistory(options, historyFromJSON(JSON.parse(changed)))).rejects.toThrow(
      DeterminismViolationError,
    );
  });
});

function read(name: string): ReturnType<typeof historyFromJSON> {
  return historyFromJSON(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
}
