/** What people decide, what does not count as a decision, and what is left of a promotion that ends without one. */
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../workflows/domain/digest.ts';
import { startSignatureServer } from '../support/site.ts';
import * as promote from './promote.ts';

const { ANN, BOB, PIPELINE, SMALL, approve, follow, pull, publicationsOf, signaturesOf, start, status, tagIn } =
  promote;
const CLAIMED = { approvers: 'keys/approvers.asc', identity: 'claimed' };
const site = promote.useSite({
  route: ['dev', 'prod', 'late'],
  gates: {
    prod: { ...CLAIMED, quorum: 2, deadline: '1 hour' },
    late: { ...CLAIMED, quorum: 1, deadline: '4 seconds' },
  },
});

/** A promotion whose gate in prod is open. */
async function ask(name: string, to = 'prod'): Promise<{ id: string; run: string; digest: Digest }> {
  const { digest } = await site.current.push(name, '1', SMALL);
  const { id } = await start(site.current, `${name}:1`, to);
  return { id, digest, run: (await promote.untilAsked(site.current, id)).run };
}

async function approveBoth(id: string): Promise<void> {
  for (const by of [ANN, BOB]) expect(await approve(site.current, id, by)).toMatchObject({ code: 0 });
}

/** Nothing of the promotion is left in prod that a cluster could use, or that somebody would have to tidy. */
async function expectNothingIn(environment: string, name: string, id: string): Promise<void> {
  const here = site.current;
  expect(await tagIn(here, environment, `${name}:1`)).toBeUndefined();
  expect(await publicationsOf(here, environment, name)).toEqual([]);
  expect(await promote.proposalsIn(here, environment)).not.toContain(id);
  const digest = id.slice(id.indexOf('@') + 1) as Digest;
  expect(await signaturesOf(here, environment, name, digest)).toEqual([]);
  expect(await pull(here, environment, `${name}@${digest}`)).toMatchObject({ accepted: false });
}

describe('a rejection', () => {
  it('ends the promotion whatever was approved, keeps its reason, and is asked again only with --again', async () => {
    const here = site.current;
    const { id, run } = await ask('rejected');
    expect(await promote.proposalsIn(here, 'prod')).toContain(id);
    expect(await approve(here, id, ANN)).toMatchObject({ code: 0 });
    const reason = 'CVE-2026-1234 is not fixed';
    const rejected = await here.run('reject', id, '--environment', 'prod', '--by', BOB, '--reason', reason, '--yes');
    expect(rejected).toMatchObject({ code: 0 });
    const { code, view } = await follow(here, id);
    expect({ code, result: view.result }).toEqual({
      code: 3,
      result: { outcome: 'rejected', environment: 'prod', reason: expect.stringContaining(reason), leftBehind: [] },
    });
    await expectNothingIn('prod', 'rejected', id);

    const refused = await here.run('start', 'rejected:1', '--to', 'prod');
    expect(refused).toMatchObject({ code: 3, stdout: '' });
    for (const said of [reason, '--again']) expect(refused.stderr).toContain(said);
    const again = await start(here, 'rejected:1', 'prod', '--again');
    expect(again).toMatchObject({ id, started: 'started' });
    expect(again.run).not.toBe(run);
    const asked = await promote.untilAsked(here, id);
    expect(asked.environments.find(({ environment }) => environment === 'prod')?.decisions).toEqual([]);
    await approveBoth(id);
    await promote.untilReleased(here, id);
    expect(await pull(here, 'prod', 'rejected:1')).toMatchObject({ accepted: true });
    const [publication] = await publicationsOf(here, 'prod', 'rejected');
    expect(publication?.approvedBy).toHaveLength(2);
  });
});

describe('a deadline', () => {
  it('ends the promotion where it stands, leaves the environments before alone, and is set anew with --again', async () => {
    const here = site.current;
    const { id, digest } = await ask('late', 'late');
    await approveBoth(id);
    const { code, view } = await follow(here, id);
    expect({ code, outcome: view.result?.outcome, where: view.result?.environment }).toEqual({
      ...{ code: 4, outcome: 'expired', where: 'late' },
    });
    await expectNothingIn('late', 'late', id);
    expect(await tagIn(here, 'prod', 'late:1')).toBe(digest);
    const after = await approve(here, id, ANN, 'late');
    expect(after).toMatchObject({ code: 11 });
    expect(after.stderr).toMatch(/ended/);
    const refused = await here.run('start', 'late:1', '--to', 'late');
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('--again') });

    // Too short a time for anybody: the operator of the environment gives more.
    const configuration = await readFile(here.configurationFile, 'utf8');
    await writeFile(here.configurationFile, configuration.replace('deadline: 4 seconds', 'deadline: 1 hour'));
    await here.workers.get('late')!.stop();
    await here.startWorkers('late');
    await start(here, 'late:1', 'late', '--again');
    await promote.approveAndRelease(here, id, 'late');
    expect(await pull(here, 'late', 'late:1')).toMatchObject({ accepted: true });
    expect(await publicationsOf(here, 'prod', 'late')).toHaveLength(1);
  });
});

describe('an abort', () => {
  it('before anything is published leaves nothing behind', async () => {
    const here = site.current;
    const { id } = await ask('aborted');
    expect(await here.run('abort', id, '--by', BOB, '--reason', 'wrong image', '--yes')).toMatchObject({ code: 0 });
    const { code, view } = await follow(here, id);
    expect({ code, condition: view.condition }).toEqual({ code: 7, condition: 'aborted' });
    expect(view.result?.reason).toBe(`aborted by ${BOB}: wrong image`);
    await expectNothingIn('prod', 'aborted', id);
    expect(await here.run('abort', id, '--yes')).toMatchObject({ code: 11 });
  });

  it('after the publication says so; a new start finishes what is published without asking', async () => {
    const here = site.current;
    const { id, digest } = await ask('aborted-late');
    const { signatureServer, repository, secrets } = here.environment('prod');
    await signatureServer.process.stop();
    await approveBoth(id);
    await promote.until(here, id, ({ environments }) => environments.at(-1)?.publication !== null);
    expect(await here.run('abort', id, '--by', BOB, '--reason', 'too late', '--yes')).toMatchObject({ code: 0 });
    const { code, view } = await follow(here, id);
    expect({ code, condition: view.condition }).toEqual({ code: 8, condition: 'aborted-after-publish' });
    expect(await tagIn(here, 'prod', 'aborted-late:1')).toBeUndefined();

    const port = Number(new URL(signatureServer.url).port);
    const place = { folder: here.folder, name: 'prod', port, repository: repository.url, secrets };
    signatureServer.process = await startSignatureServer(place);
    await start(here, 'aborted-late:1', 'prod');
    const { environments } = await promote.untilReleased(here, id);
    expect(environments.at(-1)).toMatchObject({ stood: true, gateState: null });
    expect(await tagIn(here, 'prod', 'aborted-late:1')).toBe(digest);
    expect(await publicationsOf(here, 'prod', 'aborted-late')).toHaveLength(1);
    expect(await pull(here, 'prod', 'aborted-late:1')).toMatchObject({ accepted: true });
  });
});

describe('a decision', () => {
  it('counts once for each approver, and not at all from a stranger, the requester, or after the end', async () => {
    const here = site.current;
    const { digest } = await here.push('decided', '1', SMALL);
    const { id } = await start(here, 'decided:1', 'prod');
    await promote.untilAsked(here, id);
    // A second start makes its caller a requester too.
    await here.run('start', 'decided:1', '--to', 'prod', '--by', 'Ann Lee <ann@example.com>');
    for (const [by, message] of [
      ['mallory@example.com', /mallory@example.com.* is not among the approvers of prod/],
      [PIPELINE, /is not among the approvers/],
      [ANN, /asked for this promotion/],
    ] as const) {
      const refused = await approve(here, id, by);
      expect(refused).toMatchObject({ code: 11, stdout: '' });
      expect(refused.stderr).toMatch(message);
    }
    expect(await approve(here, id, ANN, 'dev')).toMatchObject({ code: 11 });
    expect(await approve(here, id, BOB)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('the gate is open'),
    });
    // The same words are the same statement; other words of the same person count no more.
    expect(await approve(here, id, BOB)).toMatchObject({ code: 0 });
    const said = ['--environment', 'prod', '--by', BOB, '--reason', 'once more', '--yes'];
    const repeated = await here.run('approve', id, ...said);
    expect(repeated).toMatchObject({ code: 0, stdout: expect.stringContaining('counts once') });
    const view = await status(here, id);
    expect(view.condition).toBe('deciding');
    expect(view.environments.at(-1)?.decisions).toEqual([
      { verdict: 'approve', by: expect.stringContaining(BOB), at: expect.any(String) },
    ]);
    expect(await signaturesOf(here, 'prod', 'decided', digest)).toEqual([]);
    await here.run('abort', id, '--yes');
    await follow(here, id);
    const late = await here.run('approve', id, '--environment', 'prod', '--by', BOB, '--reason', 'late', '--yes');
    expect(late).toMatchObject({ code: 11, stderr: expect.stringMatching(/ended/) });
    await expectNothingIn('prod', 'decided', id);
  });

  it("counts when it is sent with Temporal's own command; garbage sent the same way changes nothing", async () => {
    const here = site.current;
    const { id, digest, run } = await ask('plain');
    const decision = { environment: 'prod', digest, run, by: ANN };
    const other = `sha256:${'0'.repeat(64)}`;
    const garbage: readonly unknown[] = [
      ...['yes', null, 7, [], {}, { ...decision, digest: other }, { ...decision, run: 'another' }],
      ...[
        { ...decision, environment: 'late' },
        { ...decision, by: 'mallory@example.com' },
        { ...decision, by: PIPELINE },
      ],
    ];
    for (const input of garbage) await promote.signalPlainly(here, id, { name: 'approve', input });
    await promote.signalPlainly(here, id, { name: 'reject', input: decision });
    await promote.signalPlainly(here, id, { name: 'whatever', input: decision });
    const view = await promote.until(here, id, ({ refused }) => refused === garbage.length + 2);
    expect(view).toMatchObject({ condition: 'deciding', stall: null });
    expect(view.environments.at(-1)?.decisions).toEqual([]);
    for (const by of [ANN, ANN, BOB]) {
      await promote.signalPlainly(here, id, { name: 'approve', input: { ...decision, by } });
    }
    await promote.untilReleased(here, id);
    const [publication] = await publicationsOf(here, 'prod', 'plain');
    expect(publication?.approvedBy.map((line) => line.split(';')[0])).toEqual([
      expect.stringContaining(ANN),
      expect.stringContaining(BOB),
    ]);
    expect(await pull(here, 'prod', 'plain:1')).toMatchObject({ accepted: true });
  });
});
