import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gate } from '../../workflows/domain/gate.ts';
import type { PromotionInput, PromotionResult, PromotionStatus } from '../../workflows/domain/promotion.ts';
import { ORCHESTRATOR_QUEUE } from '../../workflows/domain/names.ts';
import { ANN, BOB, DIGEST, OTHER_DIGEST, peopleGate, scriptEnvironment } from '../support/scripted-steps.ts';
import type { ScriptedEnvironment } from '../support/scripted-steps.ts';
import { startWorkflowServer } from '../support/workflow-server.ts';
import type { WorkflowServer } from '../support/workflow-server.ts';

const run = promisify(execFile);
const NONE: Gate = { kind: 'none' };
let workflows: WorkflowServer;
let stops: (() => Promise<void>)[] = [];
let counter = 0;

beforeAll(async () => {
  workflows = await startWorkflowServer();
});

afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await workflows.stop();
});

describe('a promotion', () => {
  it('runs every step of every environment in order and ends as released', async () => {
    const { environments, start } = await route(NONE, peopleGate());
    const handle = await start();
    await decide(handle, 'approve', ANN);
    expect(await handle.result()).toMatchObject({
      outcome: 'released',
      environment: environments[1]!.environment,
      leftBehind: [],
    });
    expect(environments[0]!.calls).toEqual([
      'describe',
      'assess',
      'copy',
      'sign',
      'propose',
      'copy',
      'sign',
      'publish',
      'keepSignatures',
      'triggerRebuild',
      'confirm',
      'copy',
      'release',
    ]);
    expect(environments[1]!.calls).toEqual([
      'describe',
      'assess',
      'verify',
      'copy',
      'sign',
      'propose',
      'describe',
      'copy',
      'sign',
      'publish',
      'keepSignatures',
      'triggerRebuild',
      'confirm',
      'copy',
      'verify',
      'release',
    ]);
    const [published] = environments[1]!.inputs('publish');
    expect(published!.decisions).toEqual([{ verdict: 'approve', by: ANN, at: expect.any(String) }]);
  });

  it.each(['copy', 'sign'] as const)(
    'asks before %s where the gate says so, so that the key signs nothing unapproved',
    async (before) => {
      const { environments, start } = await route(peopleGate({ before }));
      const handle = await start();
      await untilDeciding(handle);
      expect(environments[0]!.calls.includes('sign')).toBe(false);
      expect(environments[0]!.calls.includes('copy')).toBe(before === 'sign');
      await decide(handle, 'approve', ANN);
      await handle.result();
      expect(environments[0]!.inputs('sign')[0]!.decisions).toHaveLength(1);
    },
  );

  it('waits for the whole quorum, and a rejection ends it and removes the proposal', async () => {
    const { environments, start } = await route(peopleGate({ quorum: 2 }));
    const handle = await start();
    await decide(handle, 'approve', ANN);
    expect((await status(handle)).condition).toBe('deciding');
    await decide(handle, 'reject', BOB, 'the changelog is missing');
    expect(await handle.result()).toMatchObject({ outcome: 'rejected', reason: `${BOB}: the changelog is missing` });
    expect(environments[0]!.calls).toContain('discard');
    expect(environments[0]!.calls).not.toContain('publish');
  });

  it('expires at its deadline as an outcome of its own', async () => {
    const { environments, start } = await route(peopleGate({ deadlineMs: 1_500 }));
    const result = await (await start()).result();
    expect(result.outcome).toBe('expired');
    expect(environments[0]!.calls).toContain('discard');
  });

  it('stalls where a step gave up, ignores a retry of another number, and goes on from that step', async () => {
    const { environments, start } = await route(NONE);
    environments[0]!.fail('triggerRebuild', 'rebuild-refused', 1);
    const handle = await start();
    const stalled = await until(handle, (one) => one.stall !== null);
    expect(stalled.stall).toMatchObject({
      number: 1,
      step: 'rebuild',
      type: 'rebuild-refused',
      message: 'triggerRebuild failed as scripted',
    });
    await handle.signal('retry', { stall: 2 });
    await handle.signal('retry', { stall: 1 });
    await handle.signal('retry', { stall: 1 });
    expect((await handle.result()).outcome).toBe('released');
    expect(environments[0]!.calls.filter((name) => name === 'publish')).toHaveLength(1);
    expect(environments[0]!.calls.filter((name) => name === 'triggerRebuild')).toHaveLength(2);
  });

  it('fails when nobody retries in time, and starts again under the same id with its first start', async () => {
    const { environments, start } = await route(NONE);
    const [one] = environments as [ScriptedEnvironment];
    one.facts = { ...one.facts, stalledForMs: 500 };
    one.fail('copy', 'origin-gone', 1);
    const handle = await start();
    await expect(handle.result()).rejects.toThrow();
    const again = await start({ started: '2026-01-01T00:00:00.000Z' }, handle.workflowId);
    expect((await again.result()).outcome).toBe('released');
    expect(one.inputs('publish')[0]!.record.started).toBe('2026-01-01T00:00:00.000Z');
  });

  it('aborts before publication, cleans up, and names what it had to leave', async () => {
    const { environments, start } = await route(peopleGate());
    const handle = await start();
    await untilDeciding(handle);
    environments[0]!.fail('discard', 'repository-denied', 99);
    await handle.signal('abort', { by: 'op', reason: 'wrong image' });
    const result = await handle.result();
    expect(result).toMatchObject({ outcome: 'aborted', reason: 'aborted by op: wrong image' });
    expect(result.leftBehind).toEqual([expect.stringContaining('branch countersign/')]);
  });

  it('ends an abort after publication with an outcome of its own', async () => {
    const { environments, start } = await route(NONE);
    environments[0]!.fail('confirm', 'judged-unacceptable', 9);
    const handle = await start();
    await until(handle, (one) => one.stall !== null);
    await handle.signal('abort', {});
    expect((await handle.result()).outcome).toBe('aborted-after-publish');
    expect(environments[0]!.calls).not.toContain('discard');
  });

  it('asks git whether it was published when it is cancelled in the middle of publish', async () => {
    const { environments, start } = await route(NONE);
    const [one] = environments as [ScriptedEnvironment];
    one.fail('publish', 'repository-denied', 9);
    const handle = await start();
    await until(handle, (status) => status.stall?.step === 'publish');
    one.standing = { standing: 'last', commit: 'e'.repeat(40), decisions: [] };
    await handle.cancel();
    expect((await handle.result()).outcome).toBe('aborted-after-publish');
  });

  it('goes back to its gate when the worker finds the decisions insufficient', async () => {
    const { environments, start } = await route(peopleGate());
    const [one] = environments as [ScriptedEnvironment];
    const handle = await start();
    await untilDeciding(handle);
    one.fail('publish', 'decisions-insufficient', 1, () => {
      one.facts = { ...one.facts, gate: peopleGate({ quorum: 2 }) };
    });
    await decide(handle, 'approve', ANN);
    await until(handle, reopened);
    await decide(handle, 'approve', BOB);
    expect((await handle.result()).outcome).toBe('released');
  });

  it('ends as superseded where a later promotion was published first', async () => {
    const { environments, start } = await route(NONE);
    environments[0]!.fail('publish', 'superseded', 1);
    expect((await (await start()).result()).outcome).toBe('superseded');
    expect(environments[0]!.calls).toContain('discard');
  });

  it('passes what stands in git without asking again, and finishes what is left', async () => {
    const { environments, start } = await route(peopleGate(), NONE);
    environments[0]!.standing = { standing: 'last', commit: 'e'.repeat(40), decisions: [] };
    environments[0]!.fail('confirm', 'not-served', 1);
    expect((await (await start()).result()).outcome).toBe('released');
    expect(environments[0]!.calls).toEqual([
      'describe',
      'assess',
      'confirm',
      'keepSignatures',
      'triggerRebuild',
      'confirm',
      'copy',
      'release',
    ]);
  });

  it('leaves an overtaken digest alone on the way, and refuses it at the destination without again', async () => {
    const { environments, start } = await route(NONE, NONE);
    environments[0]!.standing = { standing: 'overtaken', commit: 'e'.repeat(40), by: OTHER_DIGEST };
    expect((await (await start()).result()).outcome).toBe('released');
    expect(environments[0]!.calls).toEqual(['describe', 'assess']);
    const rolledBack = await route(NONE);
    rolledBack.environments[0]!.standing = { standing: 'overtaken', commit: 'e'.repeat(40), by: OTHER_DIGEST };
    const result = await (await rolledBack.start()).result();
    expect(result).toMatchObject({ outcome: 'superseded', reason: expect.stringContaining('--again') });
  });

  it('is extended by a second start, and not shortened', async () => {
    const { environments, start } = await route(peopleGate(), NONE);
    const handle = await start({ to: environments[0]!.environment });
    await untilDeciding(handle);
    await handle.signal('extend', { to: environments[1]!.environment, requestedBy: 'second' });
    await handle.signal('extend', { to: environments[0]!.environment, requestedBy: 'third' });
    await handle.signal('extend', { to: 'nowhere', requestedBy: 'fourth' });
    await decide(handle, 'approve', ANN);
    expect(await handle.result()).toMatchObject({ outcome: 'released', environment: environments[1]!.environment });
    expect((await status(handle)).requesters).toEqual(['ci', 'second', 'third']);
  });

  it('stalls where an environment knows another route, or the entry is not its beginning', async () => {
    const { environments, start } = await route(NONE, NONE);
    const [one, two] = environments as [ScriptedEnvironment, ScriptedEnvironment];
    const skipped = await start({ entry: two.environment });
    expect((await until(skipped, (status) => status.stall !== null)).stall?.message).toMatch(/the route begins with/);
    await skipped.signal('abort', {});
    await skipped.result();
    two.facts = { ...two.facts, route: [one.environment, 'staging', two.environment] };
    const handle = await start();
    expect((await until(handle, (status) => status.stall !== null)).stall?.type).toBe('configuration-invalid');
    two.facts = { ...two.facts, route: one.facts.route };
    await handle.signal('retry', { stall: 1 });
    expect((await handle.result()).outcome).toBe('released');
  });
});

describe('decisions', () => {
  it('are refused to the face of whoever sends the update, and leave no trace in the gate', async () => {
    const { environments, start } = await route(peopleGate());
    const handle = await start();
    const { run: runId } = await untilDeciding(handle);
    const good = { verdict: 'approve', environment: environments[0]!.environment, digest: DIGEST, run: runId, by: ANN };
    for (const bad of [
      { digest: OTHER_DIGEST },
      { by: 'Eve <eve@example.com>' },
      { run: 'another' },
      { by: 'ci' },
      { verdict: 'maybe' },
    ]) {
      await expect(handle.executeUpdate('decide', { args: [{ ...good, ...bad }] })).rejects.toThrow();
    }
    expect((await status(handle)).environments[0]!.decisions).toEqual([]);
    expect(await handle.executeUpdate('decide', { args: [good] })).toEqual({
      decision: 'counted',
      gateState: 'passed',
    });
    expect((await handle.result()).outcome).toBe('released');
  });

  it('sent with the plain temporal command count; garbage sent the same way changes nothing and stops nothing', async () => {
    const { environments, start } = await route(peopleGate());
    const handle = await start();
    const { run: runId } = await untilDeciding(handle);
    const send = async (name: string, ...input: string[]): Promise<void> => {
      const { address, program } = workflows.server;
      await run(program, [
        'workflow',
        'signal',
        '--address',
        address,
        '--workflow-id',
        handle.workflowId,
        '--name',
        name,
        ...input,
      ]);
    };
    for (const name of ['approve', 'reject', 'retry', 'abort2', 'extend']) {
      await send(name);
      await send(name, '--input', 'null');
      await send(name, '--input', '"x"', '--input-meta', 'encoding=bogus');
      await send(name, '--input', '[1,2]');
      await send(name, '--input', '{"environment":{"a":1},"digest":7}');
      await send(name, '--input', JSON.stringify({ environment: 'x'.repeat(70_000) }));
    }
    const before = await until(handle, (one) => one.refused >= 30);
    expect(before.condition).toBe('deciding');
    expect(before.refusals.length).toBeLessThanOrEqual(5);
    const decision = { environment: environments[0]!.environment, digest: DIGEST, run: runId, by: 'ann@example.com' };
    await send('approve', '--input', JSON.stringify(decision));
    expect((await handle.result()).outcome).toBe('released');
  });

  it('given before the gate is open or after the end do not count', async () => {
    const { environments, start } = await route(NONE, peopleGate());
    const [one, two] = environments as [ScriptedEnvironment, ScriptedEnvironment];
    one.fail('copy', 'access-denied', 1);
    const handle = await start();
    const { run: runId } = await until(handle, (status) => status.stall !== null);
    await handle.signal('approve', { environment: two.environment, digest: DIGEST, run: runId, by: ANN });
    await handle.signal('retry', { stall: 1 });
    const waiting = await untilDeciding(handle);
    expect(waiting.environments[1]!.decisions).toEqual([]);
    await decide(handle, 'approve', ANN);
    await handle.result();
    const late = { environment: two.environment, digest: DIGEST, run: runId, by: BOB, reason: 'too late' };
    await expect(handle.signal('reject', late)).rejects.toThrow();
  });

  it('survive a flood that makes the promotion continue as new', async () => {
    const { environments, start } = await route(peopleGate({ quorum: 2, deadlineMs: 600_000 }));
    const handle = await start();
    const { run: runId } = await untilDeciding(handle);
    const decision = { environment: environments[0]!.environment, digest: DIGEST, run: runId };
    await handle.signal('approve', { ...decision, by: ANN });
    const first = (await handle.describe()).runId;
    for (let wave = 0; wave < 100 && (await handle.describe()).runId === first; wave++) {
      await Promise.all(
        Array.from({ length: 50 }, () => handle.signal('approve', { ...decision, by: 'eve@example.com' })),
      );
    }
    const latest = workflows.client.workflow.getHandle(handle.workflowId);
    await expect.poll(async () => (await latest.describe()).runId, { timeout: 90_000 }).not.toBe(first);
    expect(await status(latest)).toMatchObject({ run: runId, condition: 'deciding' });
    await latest.signal('approve', { ...decision, by: BOB });
    expect(((await latest.result()) as PromotionResult).outcome).toBe('released');
    expect(environments[0]!.inputs('publish')[0]!.decisions.map(({ by }) => by)).toEqual([ANN, BOB]);
  });
});

describe('lists', () => {
  it('find promotions by what they wait for, by state and by digest', async () => {
    const { environments, start } = await route(peopleGate());
    const handle = await start();
    await untilDeciding(handle);
    const query = `CountersignAwaiting = '${environments[0]!.environment}' AND CountersignState = 'deciding' AND CountersignDigest STARTS_WITH 'sha256:aaaa'`;
    await expect
      .poll(async () => await workflows.client.workflow.count(query).then(({ count }) => count), { timeout: 10_000 })
      .toBe(1);
    await decide(handle, 'approve', ANN);
    await handle.result();
    await expect
      .poll(async () => await workflows.client.workflow.count(query).then(({ count }) => count), { timeout: 10_000 })
      .toBe(0);
    expect((await handle.describe()).memo).toMatchObject({ condition: 'released' });
  });
});

interface Route {
  readonly environments: readonly ScriptedEnvironment[];
  readonly start: (
    changes?: Partial<PromotionInput>,
    id?: string,
  ) => Promise<WorkflowHandle<(input: PromotionInput) => Promise<PromotionResult>>>;
}

/** A route of scripted environments with these gates, on queues of its own. */
async function route(...gates: readonly Gate[]): Promise<Route> {
  counter += 1;
  const names = gates.map((_, index) => `env${counter}x${index}`);
  const environments = gates.map((gate, index) => scriptEnvironment(names[index]!, names, gate));
  stops = [
    ...stops,
    ...(await Promise.all(environments.map(({ environment, steps }) => workflows.serve(environment, steps)))),
  ];
  let started = 0;
  return {
    environments,
    start: async (changes = {}, id) => {
      started += 1;
      const image = { name: 'shop/web', tag: '1', digest: DIGEST };
      const input: PromotionInput = { image, entry: names[0]!, to: names.at(-1)!, requestedBy: 'ci', ...changes };
      const workflowId = id ?? `promotion/test-${counter}-${started}`;
      return await workflows.client.workflow.start<(input: PromotionInput) => Promise<PromotionResult>>('promotion', {
        taskQueue: ORCHESTRATOR_QUEUE,
        workflowId,
        args: [input],
      });
    },
  };
}

async function status(handle: Pick<WorkflowHandle, 'query'>): Promise<PromotionStatus> {
  return await handle.query<PromotionStatus>('status');
}

async function until(
  handle: Pick<WorkflowHandle, 'query'>,
  check: (status: PromotionStatus) => boolean,
): Promise<PromotionStatus> {
  return await expect
    .poll(async () => await status(handle).then((one) => (check(one) ? one : undefined)), {
      timeout: 20_000,
      interval: 50,
    })
    .toBeDefined()
    .then(async () => await status(handle));
}

function reopened({ condition, environments }: PromotionStatus): boolean {
  const gate = environments[0]!.gate;
  return condition === 'deciding' && gate?.kind === 'people' && gate.quorum === 2;
}

async function untilDeciding(handle: Pick<WorkflowHandle, 'query'>): Promise<PromotionStatus> {
  return await until(handle, ({ condition }) => condition === 'deciding');
}

async function decide(
  handle: WorkflowHandle,
  verdict: 'approve' | 'reject',
  by: string,
  reason?: string,
): Promise<void> {
  const { run: runId, environments } = await untilDeciding(handle);
  const { environment } = environments.find(({ phase }) => phase === 'deciding')!;
  await handle.signal(verdict, {
    environment,
    digest: DIGEST,
    run: runId,
    by,
    ...(reason !== undefined && { reason }),
  });
}
