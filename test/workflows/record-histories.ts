/**
 * Records the histories that `replay.test.ts` replays: one file per way a promotion can go, with scripted steps on a
 * real Temporal server. Run it at each release, and keep the older files: promotions that wait for weeks are always
 * older than the code that carries them on.
 *
 *   node --import ./test/support/typescript-loader.mjs test/workflows/record-histories.ts VERSION
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { ORCHESTRATOR_QUEUE, rebuildId } from '../../workflows/domain/names.ts';
import type { PromotionStatus } from '../../workflows/domain/promotion.ts';
import { ANN, DIGEST, peopleGate, scriptEnvironment } from '../support/scripted-steps.ts';
import type { ScriptedEnvironment } from '../support/scripted-steps.ts';
import { startWorkflowServer } from '../support/workflow-server.ts';

type Environments = readonly [ScriptedEnvironment, ScriptedEnvironment];
type Scenario = (handle: WorkflowHandle, environments: Environments) => Promise<void>;

const SCENARIOS: Readonly<
  Record<string, { readonly prepare?: (environments: Environments) => void; readonly play: Scenario }>
> = {
  approved: { play: (handle) => decide(handle, 'approve') },
  rejected: { play: (handle) => decide(handle, 'reject') },
  expired: {
    prepare: ([, prod]) => (prod.facts = { ...prod.facts, gate: peopleGate({ deadlineMs: 500 }) }),
    play: () => Promise.resolve(),
  },
  'stalled-and-retried': {
    prepare: ([, prod]) => prod.fail('triggerRebuild', 'rebuild-refused'),
    play: async (handle) => {
      await decide(handle, 'approve');
      await until(handle, ({ stall }) => stall !== null);
      await handle.signal('retry', { stall: 1 });
    },
  },
  aborted: {
    play: async (handle) => {
      await until(handle, ({ condition }) => condition === 'deciding');
      await handle.signal('abort', { by: 'op', reason: 'wrong image' });
    },
  },
  // A promotion that failed or was forgotten: git shows what stands, and only the rest is done.
  replayed: {
    prepare: ([dev, prod]) => {
      dev.standing = { standing: 'last', commit: 'e'.repeat(40), decisions: [] };
      prod.facts = { ...prod.facts, gate: peopleGate({ before: 'sign' }) };
    },
    play: (handle) => decide(handle, 'approve'),
  },
};

const [version = 'current'] = process.argv.slice(2);
const folder = path.resolve(import.meta.dirname, '../histories');
const workflows = await startWorkflowServer();
try {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    const route = ['dev', 'prod'];
    const environments: Environments = [
      scriptEnvironment('dev', route, { kind: 'none' }),
      scriptEnvironment('prod', route, peopleGate()),
    ];
    scenario.prepare?.(environments);
    const stops = await Promise.all(environments.map(({ environment, steps }) => workflows.serve(environment, steps)));
    const image = { name: 'shop/web', tag: '1.4', digest: DIGEST };
    const started = name === 'replayed' ? { started: '2026-01-01T00:00:00.000Z' } : {};
    const handle = await workflows.client.workflow.start('promotion', {
      taskQueue: ORCHESTRATOR_QUEUE,
      workflowId: `promotion/shop/web:1.4@${DIGEST}`,
      args: [{ image, entry: 'dev', to: 'prod', requestedBy: 'ci', ...started }],
    });
    await scenario.play(handle, environments);
    await handle.result();
    const { program, address } = workflows.server;
    const show = ['workflow', 'show', '--address', address, '--workflow-id', handle.workflowId, '--output', 'json'];
    const { stdout } = await promisify(execFile)(program, show, { maxBuffer: 64 * 1024 * 1024 });
    await writeFile(path.join(folder, `${version}-${name}.json`), scrub(stdout));
    console.log(`${version}-${name}.json`);
    if (name === 'approved') await recordRebuild();
    await Promise.all(stops.map((stop) => stop()));
  }
} finally {
  await workflows.stop();
}

/** The rebuild workflow that the promotion to prod has shared, alone in this case. */
async function recordRebuild(): Promise<void> {
  const { program, address } = workflows.server;
  await workflows.client.workflow.getHandle(rebuildId('prod')).result();
  const show = ['workflow', 'show', '--address', address, '--workflow-id', rebuildId('prod'), '--output', 'json'];
  const { stdout } = await promisify(execFile)(program, show, { maxBuffer: 64 * 1024 * 1024 });
  await writeFile(path.join(folder, `${version}-rebuild.json`), scrub(stdout));
  console.log(`${version}-rebuild.json`);
}

/** Without the names of the machine it was recorded on. */
function scrub(history: string): string {
  const root = path.resolve(import.meta.dirname, '../..');
  return history.replaceAll(`${root}/`, '').replaceAll(/"identity": "[^"]*"/g, '"identity": "recorded"');
}

async function decide(handle: WorkflowHandle, verdict: 'approve' | 'reject'): Promise<void> {
  const { run } = await until(handle, ({ condition }) => condition === 'deciding');
  await handle.signal(verdict, { environment: 'prod', digest: DIGEST, run, by: ANN, reason: 'as recorded' });
}

async function until(handle: WorkflowHandle, check: (status: PromotionStatus) => boolean): Promise<PromotionStatus> {
  for (;;) {
    const status = await handle.query<PromotionStatus>('status');
    if (check(status)) return status;
    await sleep(50);
  }
}
