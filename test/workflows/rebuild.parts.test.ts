/** Promotions that share the rebuilds of an environment, on a real Temporal server, with a trigger that a test scripts. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StepError } from '../../activities/steps/step-error.ts';
import { ORCHESTRATOR_QUEUE, rebuildId } from '../../workflows/domain/names.ts';
import type { PromotionInput, PromotionResult, PromotionStatus } from '../../workflows/domain/promotion.ts';
import type { RebuildSummary } from '../../workflows/domain/rebuild.ts';
import { DIGEST, scriptEnvironment } from '../support/scripted-steps.ts';
import type { ScriptedEnvironment } from '../support/scripted-steps.ts';
import { startWorkflowServer } from '../support/workflow-server.ts';
import type { WorkflowServer } from '../support/workflow-server.ts';

const run = promisify(execFile);
type Promotion = WorkflowHandle<(input: PromotionInput) => Promise<PromotionResult>>;

let workflows: WorkflowServer;
let counter = 0;

beforeAll(async () => {
  // So few that promotions and rebuilds continue as new again and again, in every test.
  workflows = await startWorkflowServer({ dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': 80 } });
});

afterAll(() => workflows.stop());

/** One environment whose trigger takes until it is let go, and which says when what happened. */
class Stage {
  readonly scripted: ScriptedEnvironment;
  /** Every trigger that has begun, in order: which request, and how many publications it saw. */
  readonly triggers: { readonly request: string; readonly sees: number }[] = [];
  published = 0;
  /** What each confirmed promotion was served by: the number of triggers at that time. */
  readonly confirmed: number[] = [];
  onTrigger: (attempt: number) => Promise<void> | void = () => undefined;
  #open = true;
  #waiting: (() => void)[] = [];

  constructor() {
    counter += 1;
    const environment = `stage${counter}`;
    this.scripted = scriptEnvironment(environment, [environment], { kind: 'none' });
  }

  get name(): string {
    return this.scripted.environment;
  }

  async serve(): Promise<() => Promise<void>> {
    const { steps } = this.scripted;
    return await workflows.serve(this.name, {
      ...steps,
      publish: async (input, call) => {
        const answer = await steps.publish(input, call);
        this.published += 1;
        return answer;
      },
      triggerRebuild: async ({ request }, call) => {
        this.triggers.push({ request, sees: this.published });
        await this.onTrigger(this.triggers.length);
        if (!this.#open) {
          await new Promise<void>((resolve) => {
            this.#waiting.push(resolve);
            call.signal.addEventListener('abort', () => resolve(), { once: true });
          });
        }
        call.signal.throwIfAborted();
        return { kind: 'openshiftBuild', subject: `Build "b-${this.triggers.length}"`, outcome: 'rebuilt' };
      },
      confirm: async (input, call) => {
        this.confirmed.push(this.triggers.length);
        return await steps.confirm(input, call);
      },
    });
  }

  hold(): void {
    this.#open = false;
  }

  release(): void {
    this.#open = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  async start(number: number): Promise<Promotion> {
    const input: PromotionInput = {
      image: { name: 'shop/web', tag: String(number), digest: DIGEST },
      entry: this.name,
      to: this.name,
      requestedBy: 'ci',
    };
    return await workflows.client.workflow.start<(input: PromotionInput) => Promise<PromotionResult>>('promotion', {
      taskQueue: ORCHESTRATOR_QUEUE,
      workflowId: `promotion/${this.name}-${number}`,
      args: [input],
    });
  }

  async startMany(count: number, from = 0): Promise<readonly Promotion[]> {
    return await Promise.all(Array.from({ length: count }, (_, index) => this.start(from + index)));
  }

  get rebuild(): WorkflowHandle {
    return workflows.client.workflow.getHandle(rebuildId(this.name));
  }

  async summary(): Promise<RebuildSummary> {
    return await this.rebuild.query<RebuildSummary>('status');
  }
}

async function status(handle: Promotion): Promise<PromotionStatus> {
  return await handle.query<PromotionStatus>('status');
}

async function expectReleased(handles: readonly Promotion[]): Promise<void> {
  const results = await Promise.all(handles.map((handle) => handle.result()));
  expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['released']));
}

const soon = { timeout: 120_000, interval: 100 };

describe('rebuilds of one environment', () => {
  it(
    'are few for many promotions at once, each confirmed after a trigger that began after its publication',
    { timeout: 360_000 },
    async () => {
      const stage = new Stage();
      await stage.serve();
      stage.hold();
      const [first] = await stage.startMany(1);
      await expect.poll(() => stage.triggers.length, soon).toBe(1);
      const rest = await stage.startMany(49, 1);
      await expect.poll(async () => (await stage.summary()).waiting, { ...soon, timeout: 240_000 }).toBe(49);
      expect((await status(first!)).environments[0]).toMatchObject({
        step: 'rebuild',
        rebuild: { since: expect.any(Number) },
      });
      stage.release();
      await expectReleased([first!, ...rest]);
      expect(stage.triggers.map(({ sees }) => sees)).toEqual([1, 50]);
      // The first was served by the first; nobody of the others was confirmed before the second had begun.
      expect(stage.confirmed.toSorted().filter((triggers) => triggers === 1).length).toBeLessThanOrEqual(1);
      expect(new Set(stage.triggers.map(({ request }) => request)).size).toBe(2);
      expect(await stage.rebuild.result()).toMatchObject({ rebuilds: 2, waiting: 0, served: 0, refused: 0 });
      const { environments } = await status(rest[0]!);
      expect(environments[0]!.rebuild?.answer).toMatchObject({
        outcome: 'rebuilt',
        subject: 'Build "b-2"',
        shared: 48,
      });
    },
  );

  it('end when nobody waits, and begin again for the next promotion', async () => {
    const stage = new Stage();
    await stage.serve();
    await expectReleased(await stage.startMany(1));
    await stage.rebuild.result();
    await expectReleased(await stage.startMany(1, 1));
    expect(stage.triggers).toHaveLength(2);
  });

  it('that all begin at one moment are started by exactly one of the promotions', async () => {
    const stage = new Stage();
    await stage.serve();
    const handles = await stage.startMany(20);
    await expectReleased(handles);
    for (const { sees } of stage.triggers) expect(sees).toBeGreaterThan(0);
    expect(stage.triggers.at(-1)!.sees).toBe(20);
    expect(stage.triggers.length).toBeLessThan(12);
  });

  it('that fail stall every promotion that waits, with the message; retry asks anew, and for all together', async () => {
    const stage = new Stage();
    await stage.serve();
    stage.hold();
    stage.onTrigger = (attempt) => {
      if (attempt === 2) throw new StepError('rebuild-refused', 'Build "b-2" ended as Failed: no space left');
    };
    const handles = [...(await stage.startMany(1))];
    await expect.poll(() => stage.triggers.length, soon).toBe(1);
    handles.push(...(await stage.startMany(5, 1)));
    await expect.poll(async () => (await stage.summary()).waiting, soon).toBe(5);
    stage.release();
    await expectReleased(handles.slice(0, 1));
    for (const handle of handles.slice(1)) {
      await expect.poll(async () => (await status(handle)).stall?.message, soon).toMatch(/no space left/);
      expect((await status(handle)).stall).toMatchObject({ step: 'rebuild', type: 'rebuild-refused' });
    }
    stage.hold();
    await Promise.all(handles.slice(1).map((handle) => handle.signal('retry', { stall: 1 })));
    await expect.poll(() => stage.triggers.length, soon).toBe(3);
    stage.release();
    await expectReleased(handles);
    expect(stage.triggers.length).toBeLessThanOrEqual(4);
  });

  it('that are terminated in the middle are asked for anew', { timeout: 120_000 }, async () => {
    const stage = new Stage();
    await stage.serve();
    stage.hold();
    const handles = await stage.startMany(3);
    await expect.poll(() => stage.triggers.length, soon).toBe(1);
    await stage.rebuild.terminate('by hand');
    stage.release();
    await expectReleased(handles);
    expect(stage.triggers.length).toBeGreaterThanOrEqual(2);
    expect(stage.triggers.at(-1)!.sees).toBe(3);
  });

  it('that are cancelled stall the promotions, which say so', async () => {
    const stage = new Stage();
    await stage.serve();
    stage.hold();
    const [handle] = await stage.startMany(1);
    await expect.poll(() => stage.triggers.length, soon).toBe(1);
    await stage.rebuild.cancel();
    await expect.poll(async () => (await status(handle!)).stall?.message, soon).toMatch(/was cancelled/);
    stage.release();
    await handle!.signal('retry', { stall: 1 });
    await expectReleased([handle!]);
  });

  it('go on for the others where the promotion that started them is aborted', async () => {
    const stage = new Stage();
    await stage.serve();
    stage.hold();
    const [first] = await stage.startMany(1);
    await expect.poll(() => stage.triggers.length, soon).toBe(1);
    const others = await stage.startMany(2, 1);
    await expect.poll(async () => (await stage.summary()).waiting, soon).toBe(2);
    await first!.signal('abort', { by: 'op' });
    expect(await first!.result()).toMatchObject({ outcome: 'aborted-after-publish' });
    stage.release();
    await expectReleased(others);
    expect(stage.triggers).toHaveLength(2);
  });
});

describe('what strangers send to a rebuild', () => {
  it('changes nothing and stops nothing, however it is encoded', async () => {
    const stage = new Stage();
    await stage.serve();
    stage.hold();
    const handles = await stage.startMany(1);
    await expect.poll(() => stage.triggers.length, soon).toBe(1);
    const send = async (name: string, ...input: string[]): Promise<void> => {
      const { address, program } = workflows.server;
      const to = ['--address', address, '--workflow-id', rebuildId(stage.name), '--name', name];
      await run(program, ['workflow', 'signal', ...to, ...input]);
    };
    for (const name of ['request', 'unknown']) {
      await send(name);
      await send(name, '--input', 'null');
      await send(name, '--input', '"x"', '--input-meta', 'encoding=bogus');
      await send(name, '--input', '[1,2]');
      await send(name, '--input', '{"promotion":"p","request":7}');
      await send(name, '--input', '{"promotion":"p","request":"r","attempts":1e9}');
    }
    await expect.poll(async () => (await stage.summary()).refused, soon).toBe(12);
    // One that reads well for a promotion that is none: it is served, and nobody is there to be told.
    await send('request', '--input', '{"promotion":"promotion/none","request":"r","attempts":1}');
    await expect.poll(async () => (await stage.summary()).waiting, soon).toBe(1);
    stage.release();
    await expectReleased(handles);
    expect(await stage.rebuild.result()).toMatchObject({ rebuilds: 2, refused: 12 });
  });

  it('to a promotion as an answer counts only for its own request', async () => {
    const stage = new Stage();
    await stage.serve();
    stage.hold();
    const [handle] = await stage.startMany(1);
    await expect.poll(() => stage.triggers.length, soon).toBe(1);
    await handle!.signal('rebuilt', { request: 'another', outcome: 'failed', type: 'internal', message: 'forged' });
    await handle!.signal('rebuilt', 'x');
    await expect.poll(async () => (await status(handle!)).refused, soon).toBe(2);
    expect((await status(handle!)).stall).toBeNull();
    stage.release();
    await expectReleased([handle!]);
  });

  it('in such number that it continues as new loses no request', async () => {
    const stage = new Stage();
    await stage.serve();
    stage.hold();
    const handles = [...(await stage.startMany(1))];
    await expect.poll(() => stage.triggers.length, soon).toBe(1);
    const first = (await stage.rebuild.describe()).runId;
    for (let count = 0; count < 80; count++) await stage.rebuild.signal('request', { bad: true });
    handles.push(...(await stage.startMany(10, 1)));
    await expect.poll(async () => (await stage.summary()).waiting, soon).toBe(10);
    stage.release();
    await expectReleased(handles);
    expect((await stage.rebuild.describe()).runId).not.toBe(first);
    expect(await stage.rebuild.result()).toMatchObject({ rebuilds: 2 });
  });
});

describe('a server that is rebuilt by a push', () => {
  it('is only waited for', async () => {
    const stage = new Stage();
    stage.scripted.facts = { ...stage.scripted.facts, pushWithinMs: 5_000 };
    stage.scripted.fail('confirm', 'not-served', 2);
    await stage.serve();
    await expectReleased(await stage.startMany(1));
    expect(stage.triggers).toHaveLength(0);
  });

  it('is triggered where the commit is not served in time', async () => {
    const stage = new Stage();
    stage.scripted.facts = { ...stage.scripted.facts, pushWithinMs: 1_000 };
    stage.scripted.fail('confirm', 'not-served', 2);
    await stage.serve();
    await expectReleased(await stage.startMany(1));
    expect(stage.triggers).toHaveLength(1);
  });
});
