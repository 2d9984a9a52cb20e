/** One promotion per image: what stands is not repeated, and going back asks anew. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ListRow } from '../../cli/output/list-text.ts';
import { pushSampleImage } from '../support/registry-push.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import * as promote from './promote.ts';

const { SMALL, approve, approveAndRelease, follow, gitState, pull, publicationsOf, signaturesOf, start, tagIn } =
  promote;
const ENVIRONMENTS = ['dev', 'qa', 'prod'];
const site = promote.useSite({ gates: { qa: 'none' } });

/** The runs of a promotion that Temporal knows. */
async function runsOf(id: string): Promise<readonly ListRow[]> {
  const { stdout } = await site.current.run('list', '--all', '--output', 'json');
  return (JSON.parse(stdout) as ListRow[]).filter((row) => row.id === id);
}

/** Expects one publication and one signature in each of the environments, and a cluster that accepts the tag. */
async function expectOnce(image: string, environments: readonly string[]): Promise<void> {
  const [name = '', tag = ''] = image.split(':');
  for (const environment of environments) {
    const [publication, ...more] = await publicationsOf(site.current, environment, name);
    expect(publication?.image).toBe(`${site.current.environment(environment).prefix}/${name}:${tag}`);
    expect(more).toEqual([]);
    const digest = (await tagIn(site.current, environment, image))!;
    expect(await signaturesOf(site.current, environment, name, digest)).toEqual(['signature-1']);
    expect(await pull(site.current, environment, image)).toMatchObject({ accepted: true });
  }
}

describe('a promotion to qa', () => {
  it('is the beginning of one to prod, which repeats nothing in dev and qa', async () => {
    const here = site.current;
    await here.push('farther', '1', SMALL);
    const { id } = await start(here, 'farther:1', 'qa');
    await promote.untilReleased(here, id);
    expect(await tagIn(here, 'prod', 'farther:1')).toBeUndefined();
    const before = await gitState(here);
    expect((await start(here, 'farther:1', 'prod')).id).toBe(id);
    const asked = await promote.untilAsked(here, id);
    expect(asked.environments.map(({ stood }) => stood)).toEqual([true, true, false]);
    await approveAndRelease(here, id);
    const { dev, qa } = await gitState(here);
    expect({ dev, qa }).toEqual({ dev: before['dev'], qa: before['qa'] });
    await expectOnce('farther:1', ENVIRONMENTS);
  });

  it('is joined and extended by one to prod that is started with it', async () => {
    const here = site.current;
    await here.push('together', '1', SMALL);
    const [one, other] = await Promise.all([start(here, 'together:1', 'qa'), start(here, 'together:1', 'prod')]);
    expect({ id: one.id, run: one.run }).toEqual({ id: other.id, run: other.run });
    expect((await promote.untilAsked(here, one.id)).to).toBe('prod');
    await approveAndRelease(here, one.id);
    expect(await runsOf(one.id)).toHaveLength(1);
    await expectOnce('together:1', ENVIRONMENTS);
  });
});

describe('a second start', () => {
  it('joins the run that two identical starts at once began', async () => {
    const here = site.current;
    await here.push('twice', '1', SMALL);
    const [one, other] = await Promise.all([start(here, 'twice:1', 'qa'), start(here, 'twice:1', 'qa')]);
    expect({ id: one.id, run: one.run }).toEqual({ id: other.id, run: other.run });
    expect(await start(here, 'twice:1', 'qa')).toMatchObject({ started: 'joined', run: one.run });
    await promote.untilReleased(here, one.id);
    expect(await runsOf(one.id)).toHaveLength(1);
    await expectOnce('twice:1', ['dev', 'qa']);
  });

  it('after success says so and does nothing', async () => {
    const here = site.current;
    await here.push('done', '1', SMALL);
    const { id } = await start(here, 'done:1', 'prod');
    await approveAndRelease(here, id);
    const before = await gitState(here);
    for (const to of ['prod', 'qa'])
      expect(await start(here, 'done:1', to)).toMatchObject({ started: 'already-promoted', id });
    const said = await here.run('start', 'done:1', '--to', 'prod', '--wait');
    expect(said.code).toBe(0);
    expect(said.stdout).toMatch(/already promoted/);
    expect(await gitState(here)).toEqual(before);
    expect(await runsOf(id)).toHaveLength(1);
  });
});

describe('a rollback', () => {
  it('is refused without --again, and with it asks anew, moves the tag back and leaves qa in peace', async () => {
    const here = site.current;
    const digests = [];
    for (const seed of ['old', 'new']) {
      const { digest } = await here.push('back', '1', { ...SMALL, seed });
      digests.push(digest);
      const { id } = await start(here, 'back:1', 'prod');
      await approveAndRelease(here, id);
    }
    const [old = '', recent = ''] = digests;
    expect(await tagIn(here, 'prod', 'back:1')).toBe(recent);
    const before = await gitState(here);
    const wanted = `back:1@${old}`;
    const refused = await here.run('start', wanted, '--to', 'prod', '--wait');
    expect(refused).toMatchObject({ code: 6 });
    expect(`${refused.stdout}${refused.stderr}`).toMatch(/--again/);
    // Now the end of that attempt is known, and nothing is even started.
    const runs = await runsOf(`promotion/${wanted}`);
    expect(await here.run('start', wanted, '--to', 'prod')).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('--again'),
    });
    expect(await runsOf(`promotion/${wanted}`)).toHaveLength(runs.length);
    expect(await gitState(here)).toEqual(before);

    const { id, run } = await start(here, wanted, 'prod', '--again');
    await promote.untilAsked(here, id);
    expect(await tagIn(here, 'prod', 'back:1')).toBe(recent);
    await approveAndRelease(here, id);
    expect(await tagIn(here, 'prod', 'back:1')).toBe(old);
    expect(await tagIn(here, 'qa', 'back:1')).toBe(recent);
    const { dev, qa } = await gitState(here);
    expect({ dev, qa }).toEqual({ dev: before['dev'], qa: before['qa'] });
    const published = await publicationsOf(here, 'prod', 'back');
    expect(published.map(({ digest }) => digest)).toEqual([old, recent, old]);
    expect(published[2]).toMatchObject({ run, approvedBy: [expect.stringContaining(promote.ANN)] });
    const { repository } = here.environment('prod');
    const trees = await repository.git('rev-parse', `${published[1]!.commit}^{tree}`, `${published[2]!.commit}^{tree}`);
    expect(new Set(trees.trim().split('\n')).size).toBe(1);
    expect(await pull(here, 'prod', 'back:1')).toMatchObject({ accepted: true });
  });
});

describe("a start after Temporal's database was lost", () => {
  it('passes what stands, asks no second question and makes no second signature', async () => {
    const here = site.current;
    await Promise.all(['lost', 'half'].map((name) => here.push(name, '1', SMALL)));
    const [whole, half] = [await start(here, 'lost:1', 'prod'), await start(here, 'half:1', 'prod')];
    await approveAndRelease(here, whole.id);
    await promote.untilAsked(here, half.id);
    const before = await gitState(here);

    await here.temporal.stop();
    for (const end of ['', '-wal', '-shm']) await rm(path.join(here.folder, `temporal.db${end}`), { force: true });
    await here.temporal.restart();
    expect(await here.run('setup')).toMatchObject({ code: 0 });
    await Promise.all([...here.workers.values()].map((worker) => worker.stop()));
    await here.startWorkers();
    expect(await here.run('status', whole.id)).toMatchObject({ code: 10 });

    expect(await start(here, 'lost:1', 'prod')).toMatchObject({ started: 'already-promoted' });
    // A tag that somebody took away is what is left to do; the decisions for it stand in git.
    const other = await buildSampleImage({ ...SMALL, seed: 'in its place' });
    await pushSampleImage(here.environment('prod').registry, 'acme/lost', '1', other);
    expect(await start(here, 'lost:1', 'prod')).toMatchObject({ started: 'started' });
    const view = await promote.untilReleased(here, whole.id);
    expect(view.environments.map(({ stood, gateState }) => ({ stood, gateState }))).toEqual(
      ENVIRONMENTS.map(() => ({ stood: true, gateState: null })),
    );
    expect(await gitState(here)).toEqual(before);
    await expectOnce('lost:1', ENVIRONMENTS);

    // What waited for its decision has to ask again, and only there.
    const started = await start(here, 'half:1', 'prod');
    expect(started.id).toBe(half.id);
    const asked = await promote.untilAsked(here, half.id);
    expect(asked.environments.map(({ stood }) => stood)).toEqual([true, true, false]);
    expect((await promote.proposalsIn(here, 'prod')).filter((id) => id === half.id)).toHaveLength(1);
    expect(await approve(here, half.id)).toMatchObject({ code: 0 });
    expect(await follow(here, half.id)).toMatchObject({ code: 0 });
    await expectOnce('half:1', ENVIRONMENTS);
  });
});
