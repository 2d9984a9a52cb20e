/** The signature repository refuses, is down, or others write to it: nothing is lost, nothing twice, nothing overruled. */
import { beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '../support/parts/index.mjs';
import type { SampleImage } from '../support/sample-image.ts';
import * as disturb from './disturb.ts';
import { SMALL, approve, start, status, until, untilAsked, untilReleased, useSite } from './promote.ts';

const QUICK = { attempts: 2, confirm: { within: '5 seconds' } };
const site = useSite({ gates: { qa: 'none' }, overrides: { qa: { ...QUICK, attempts: 4 }, prod: QUICK } });

interface Begun {
  readonly name: string;
  readonly id: string;
  readonly sample: SampleImage;
  readonly to: string;
}

async function begin(name: string, to: string): Promise<Begun> {
  const sample = await site.current.push(name, '1', SMALL);
  const { id } = await start(site.current, `${name}:1`, to);
  return { name, id, sample, to };
}

async function expectUndisturbed({ name, sample, to }: Begun): Promise<void> {
  const environments = to === 'qa' ? ['dev', 'qa'] : ['dev', 'qa', 'prod'];
  await disturb.expectUndisturbed(site.current, `${name}:1`, { sample, environments });
}

async function retryAndRelease(begun: Begun): Promise<void> {
  await disturb.retryAndRelease(site.current, begun.id);
  await expectUndisturbed(begun);
}

function repositoryOf(environment: string): ReturnType<typeof site.current.environment>['repository'] {
  return site.current.environment(environment).repository;
}

async function headOf(environment: string): Promise<string> {
  return (await repositoryOf(environment).git('rev-parse', 'main')).trim();
}

describe('a signature repository that refuses', () => {
  it('pushes because it is read-only stalls the promotion until it takes them', async () => {
    repositoryOf('qa').setReadOnly(true);
    const begun = await begin('read-only', 'qa');
    const { step, message } = await disturb.untilStalled(site.current, begun.id);
    expect(step).toBe('propose');
    expect(message).toMatch(/signatures-qa\.git.*403.*credentials that may read and write/);
    repositoryOf('qa').setReadOnly(false);
    await retryAndRelease(begun);
  });

  it('the served branch because it is protected stalls it with what the host said', async () => {
    const rule = 'test "$ref" != refs/heads/main || { echo "main is protected: ask the owners" >&2; exit 1; }';
    await repositoryOf('qa').setPreReceive(`while read old new ref; do ${rule}; done`);
    const before = await headOf('qa');
    const begun = await begin('protected', 'qa');
    const { step, message } = await disturb.untilStalled(site.current, begun.id);
    expect(step).toBe('publish');
    expect(message).toMatch(/main is protected: ask the owners/);
    expect(await headOf('qa')).toBe(before);
    await repositoryOf('qa').setPreReceive(undefined);
    await retryAndRelease(begun);
  });

  it('the credentials stalls it before anything is copied, and the corrected file is read without a restart', async () => {
    const { gitHost, environment } = site.current;
    const file = `${environment('qa').secrets}/git-credentials`;
    await gitHost.writeCredentials(file, 'wrong:4712');
    const begun = await begin('denied', 'qa');
    const { message } = await disturb.untilStalled(site.current, begun.id);
    expect(message).toMatch(/signatures-qa\.git.*401.*expected credentials/);
    expect(message).not.toMatch(/4712/);
    await disturb.expectNothingCopied(environment('qa').registry, 'denied', begun.sample);
    await gitHost.writeCredentials(file);
    await retryAndRelease(begun);
  });
});

describe('a git host', () => {
  it('that is down for a while is waited for', async () => {
    await site.current.gitHost.stop();
    const begun = await begin('down', 'qa');
    await until(site.current, begun.id, ({ activities }) => activities.some(({ lastFailure }) => lastFailure !== null));
    await site.current.gitHost.start();
    await untilReleased(site.current, begun.id);
    expect((await status(site.current, begun.id)).stall).toBeNull();
    await expectUndisturbed(begun);
  });

  it('that loses the answers of pushes gets each of them once', async () => {
    const lost = new Set<string>();
    site.current.gitHost.setFault(({ method, path, service }) => {
      if (method !== 'POST' || service !== 'git-receive-pack' || lost.size > 1) return undefined;
      lost.add(`${path} ${lost.size}`);
      return 'lose-reply';
    });
    const begun = await begin('lost', 'dev');
    await untilReleased(site.current, begun.id);
    site.current.gitHost.setFault(() => undefined);
    expect(lost.size).toBe(2);
    await disturb.expectUndisturbed(site.current, 'lost:1', { sample: begun.sample, environments: ['dev'] });
  });

  it('on which a rival writes between our look and our push gets both', async () => {
    let rivals = 0;
    site.current.gitHost.setFault(async ({ method, path, service }) => {
      if (method !== 'POST' || service !== 'git-receive-pack' || !path.includes('signatures-qa')) return undefined;
      if (++rivals <= 4) await repositoryOf('qa').commit('main', { [`rival-${rivals}`]: `${rivals}\n` });
      return undefined;
    });
    const begun = await begin('rival', 'qa');
    await untilReleased(site.current, begun.id);
    site.current.gitHost.setFault(() => undefined);
    const files = Object.keys(await repositoryOf('qa').files('main'));
    expect(files).toEqual(expect.arrayContaining(['rival-1', 'rival-2', 'rival-3', 'rival-4']));
    await expectUndisturbed(begun);
  });
});

describe("a foreign commit on a proposal's branch", () => {
  /** A promotion at its gate, and a commit of somebody else on its branch. */
  async function beginWithForeignCommit(name: string): Promise<Begun & Record<'branch' | 'ours' | 'foreign', string>> {
    const begun = await begin(name, 'prod');
    const view = await untilAsked(site.current, begun.id);
    const { branch, commit: ours } = view.environments.find(({ environment }) => environment === 'prod')!.proposal!;
    const foreign = await repositoryOf('prod').commit(branch, { 'images/extra': 'by somebody else\n' });
    expect(await approve(site.current, begun.id)).toMatchObject({ code: 0 });
    return { ...begun, branch, ours, foreign };
  }

  it('stalls the promotion, which names it and goes on when it is taken away', async () => {
    const before = await headOf('prod');
    const begun = await beginWithForeignCommit('foreign');
    const { step, message } = await disturb.untilStalled(site.current, begun.id);
    expect(step).toBe('publish');
    expect(message).toContain(begun.foreign);
    expect(await headOf('prod')).toBe(before);
    await repositoryOf('prod').git('update-ref', `refs/heads/${begun.branch}`, begun.ours);
    await retryAndRelease(begun);
  });

  it('goes with its branch, as the message says, even where the worker no longer has the proposal', async () => {
    const begun = await beginWithForeignCommit('deleted');
    expect((await disturb.untilStalled(site.current, begun.id)).message).toContain(begun.foreign);
    await repositoryOf('prod').git('update-ref', '-d', `refs/heads/${begun.branch}`);
    await repositoryOf('prod').git('gc', '--quiet', '--prune=now');
    await disturb.restartWorker(site.current, 'prod');
    await retryAndRelease(begun);
  });
});

describe('a served branch that somebody pushed back after the publication', () => {
  let begun: Begun;
  let lost = '';

  beforeAll(async () => {
    const before = await headOf('prod');
    begun = await begin('back', 'prod');
    await untilAsked(site.current, begun.id);
    site.current.gitHost.setFault(async ({ path }) => {
      if (!path.includes('signatures-prod')) return undefined;
      // Its own first look after the push, or the signature server's: either way the branch is rewritten by then.
      if (lost !== '' || !/prod (?:rebuild|confirm)/.test(await disturb.whereIs(site.current, begun.id)))
        return undefined;
      lost = await headOf('prod');
      await repositoryOf('prod').git('update-ref', 'refs/heads/main', before);
      return undefined;
    });
    expect(await approve(site.current, begun.id)).toMatchObject({ code: 0 });
  });

  it('is never success: the promotion stalls and names its commit', async () => {
    const { step, message } = await disturb.untilStalled(site.current, begun.id);
    site.current.gitHost.setFault(() => undefined);
    expect(step).toBe('confirm');
    expect(message).toContain(lost);
    const tag = await site.current.run('status', begun.id);
    expect(tag.code).toBe(5);
  });

  it('goes on when the commit is served again', async () => {
    await repositoryOf('prod').git('update-ref', 'refs/heads/main', lost);
    await site.current.environment('prod').signatureServer.process.stop();
    await disturb.startServerAgain(site.current, 'prod');
    await waitUntil(async () => (await headOf('prod')) === lost, { what: 'the branch to be back' });
    await retryAndRelease(begun);
  });
});
