/** Processes that are killed in the middle: what comes after them ends where an undisturbed run ends. */
import { beforeAll, describe, expect, it } from 'vitest';
import { fetchManifestRaw } from '../support/registry-push.ts';
import type { SampleImage } from '../support/sample-image.ts';
import { waitUntil } from '../support/parts/index.mjs';
import { NAMESPACE } from '../support/site.ts';
import * as disturb from './disturb.ts';
import { SMALL, approve, start, until, untilAsked, untilReleased, useSite } from './promote.ts';

const { expectUndisturbed, untilEnded } = disturb;
/** Five blobs of this size, one after the other, take long enough to be in the middle of them. */
const BIG = { layers: 3, layerBytes: 24 * 1024 * 1024 } as const;
const ONE_BY_ONE = { copy: { concurrency: 1 } };
const site = useSite({
  gates: { qa: 'none' },
  overrides: { qa: ONE_BY_ONE, prod: ONE_BY_ONE },
});
/** Image by what its promotion was doing when its worker was killed. */
const images = new Map<string, { readonly sample: SampleImage; readonly id: string }>();

async function carry(name: string, to: string, options: object = SMALL): Promise<string> {
  const sample = images.get(name)?.sample ?? (await site.current.push(name, '1', options));
  const { id } = await start(site.current, `${name}:1`, to);
  images.set(name, { sample, id });
  return id;
}

async function expectReleased(name: string, environments: readonly string[]): Promise<void> {
  const { sample, id } = images.get(name)!;
  const view = await untilEnded(site.current, id);
  expect(view.condition, JSON.stringify(view.result)).toBe('released');
  await expectUndisturbed(site.current, `${name}:1`, { sample, environments });
}

async function untilStep(id: string, step: string): Promise<void> {
  await until(site.current, id, (view) => view.step === step);
}

describe('workers killed in the middle of a step', () => {
  const restore: (() => Promise<void>)[] = [];

  /** Everybody is led into the middle of another step; then every worker is killed, and new ones are started. */
  beforeAll(async () => {
    const here = site.current;
    await carry('copy', 'qa', BIG);
    await disturb.untilCopying(here.environment('qa').registry, 'copy', images.get('copy')!.sample);
    await here.workers.get('qa')!.kill();
    await here.startWorkers('qa');
    const toProd = await Promise.all(['rebuild', 'confirm', 'publish', 'decide'].map((name) => carry(name, 'prod')));
    for (const id of toProd) await untilAsked(here, id);
    const [rebuild, confirm, publish] = toProd as [string, string, string];
    await holdRebuildAndConfirm(rebuild, confirm);
    await holdPublish(publish);
    await holdSignAndPropose();
    await Promise.all([...here.workers.values()].map((worker) => worker.kill()));
    for (const undo of restore) await undo();
    here.gitHost.setFault(() => undefined);
    await here.startWorkers();
  });

  /** The first webhook is answered, then nothing that is asked for; the second one never is. */
  async function holdRebuildAndConfirm(rebuild: string, confirm: string): Promise<void> {
    const asked: string[] = [];
    const replaced = await disturb.replaceSignatureServer(site.current, 'prod', (request, response) => {
      asked.push(request.method ?? '');
      const isFirst = request.method === 'POST' && asked.filter((method) => method === 'POST').length === 1;
      if (isFirst) response.writeHead(202).end();
    });
    restore.push(replaced.restore);
    const posts = (): number => asked.filter((method) => method === 'POST').length;
    expect(await approve(site.current, confirm)).toMatchObject({ code: 0 });
    await waitUntil(() => asked.includes('GET'), { what: 'confirm' });
    expect(await approve(site.current, rebuild)).toMatchObject({ code: 0 });
    await waitUntil(() => posts() === 2, { what: 'the second webhook' });
  }

  /** The push arrives, its answer does not. */
  async function holdPublish(id: string): Promise<void> {
    const held = await disturb.holdPushes(site.current.environment('prod').repository);
    restore.push(held.release);
    expect(await approve(site.current, id)).toMatchObject({ code: 0 });
    await held.untilHeld();
  }

  async function holdSignAndPropose(): Promise<void> {
    const { gitHost, environment } = site.current;
    let [signing, proposing] = [false, false];
    let holdsPropose = false;
    gitHost.setFault(async ({ path, service }) => {
      const digest = images.get('sign')?.sample.digest;
      if (holdsPropose && path.startsWith('/signatures-dev.git/') && service === 'git-receive-pack') {
        proposing = true;
        return 'hang';
      }
      if (digest === undefined || !path.startsWith('/signatures-qa.git/')) return undefined;
      // The next that asks git after the copy is `sign`.
      signing ||= (await fetchManifestRaw(environment('qa').registry, `${NAMESPACE}/sign`, digest)) !== undefined;
      return signing ? 'hang' : undefined;
    });
    const id = await carry('sign', 'qa');
    await waitUntil(() => signing, { what: 'sign to be held' });
    await untilStep(id, 'sign');
    holdsPropose = true;
    await untilStep(await carry('propose', 'dev'), 'propose');
    await waitUntil(() => proposing, { what: 'propose to be held' });
  }

  it('the copy sends no finished blob again', async () => {
    await expectReleased('copy', ['dev', 'qa']);
    const sent = disturb.blobsSent(site.current.environment('qa').registry, 'copy');
    expect(sent.toSorted()).toEqual([...images.get('copy')!.sample.blobs.keys()].toSorted());
  });

  it.each([
    ['sign', ['dev', 'qa']],
    ['propose', ['dev']],
    ['publish', ['dev', 'qa', 'prod']],
    ['rebuild', ['dev', 'qa', 'prod']],
    ['confirm', ['dev', 'qa', 'prod']],
  ])('%s ends as if nothing had happened', async (name, environments) => await expectReleased(name, environments));

  it('and the orchestrator while it waits for a decision: the decision still counts', async () => {
    expect(await approve(site.current, images.get('decide')!.id)).toMatchObject({ code: 0 });
    await expectReleased('decide', ['dev', 'qa', 'prod']);
  });
});

describe('the Temporal server killed and started again on its database', () => {
  it('during the wait for a decision and during a copy loses nothing', async () => {
    const here = site.current;
    await untilReleased(here, await carry('copying', 'qa', BIG));
    const waiting = await carry('waiting', 'prod');
    await untilAsked(here, waiting);
    await carry('copying', 'prod');
    await disturb.untilCopying(here.environment('prod').registry, 'copying', images.get('copying')!.sample);
    await here.temporal.kill();
    expect(await here.run('status', waiting)).toMatchObject({ code: 13 });
    await here.temporal.restart();
    for (const name of ['waiting', 'copying']) {
      const { id } = images.get(name)!;
      await untilAsked(here, id);
      expect(await approve(here, id)).toMatchObject({ code: 0 });
      await expectReleased(name, ['dev', 'qa', 'prod']);
    }
    const sent = disturb.blobsSent(here.environment('prod').registry, 'copying');
    expect(sent.toSorted()).toEqual([...images.get('copying')!.sample.blobs.keys()].toSorted());
    for (const worker of here.workers.values()) expect(worker.isRunning(), worker.output()).toBe(true);
  });
});
