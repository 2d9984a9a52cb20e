import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRebuildTrigger } from '../../../activities/signature-server/index.ts';
import type { RebuildRequest } from '../../../activities/signature-server/index.ts';
import type { RebuildOutcome } from '../../../workflows/domain/rebuild.ts';
import { TOKEN } from '../../support/loopback-api.ts';
import { OpenshiftBuildServer } from '../../support/openshift-builds.ts';

let server: OpenshiftBuildServer;
beforeEach(async () => {
  server = await new OpenshiftBuildServer().listen();
});
afterEach(() => server.stop());

const COMMIT = 'c'.repeat(40);
const REQUEST = 'd'.repeat(32);
const push = { repositoryUrl: 'https://g.example.com/s.git', branch: 'main', before: '0'.repeat(40), after: COMMIT };

interface Changes {
  readonly request?: Partial<RebuildRequest>;
  readonly buildConfig?: string;
  readonly token?: string;
  readonly followMs?: number;
  readonly secret?: string;
}

function place({ buildConfig = 'web', token = TOKEN, followMs = 5_000 }: Changes) {
  const access = { api: server.url, readToken: () => Promise.resolve(token) };
  return { access, namespace: 'signatures', buildConfig, pollMs: 5, followMs };
}

function instantiate(changes: Changes = {}): Promise<RebuildOutcome> {
  const trigger = createRebuildTrigger({ kind: 'openshiftBuild', ...place(changes) });
  return trigger.trigger({ ...push, delivery: REQUEST, ...changes.request });
}

function webhook(changes: Changes = {}): Promise<RebuildOutcome> {
  const { secret = 'sec/ret 1' } = changes;
  const trigger = createRebuildTrigger({ kind: 'openshiftWebhook', secret, ...place(changes) });
  return trigger.trigger({ ...push, delivery: REQUEST, ...changes.request });
}

const messageOf = (text: string): string => expect.stringContaining(text) as string;

describe('a build on OpenShift', () => {
  it('is started through the API, says who asked for which commit, and is followed to its end', async () => {
    expect(await instantiate()).toEqual({
      kind: 'openshiftBuild',
      subject: 'Build "web-1" in namespace "signatures"',
      outcome: 'rebuilt',
      name: 'web-1',
    });
    expect(server.builds).toMatchObject([
      {
        metadata: { labels: { 'countersign/request': REQUEST }, annotations: { 'countersign/commit': COMMIT } },
        spec: { triggeredBy: [{ message: `countersign: commit ${COMMIT} on main` }] },
        status: { phase: 'Complete' },
      },
    ]);
    expect(server.count('GET', '/builds/web-1')).toBe(4);
  });

  it('is adopted by another attempt of the same request, whose answer was lost', async () => {
    server.losesAnswer = ({ path }) => path.endsWith('/instantiate');
    await expect(instantiate()).rejects.toMatchObject({ code: 'rebuild-unavailable' });
    server.losesAnswer = () => false;
    expect(await instantiate()).toMatchObject({ outcome: 'rebuilt', name: 'web-1' });
    expect(await instantiate()).toMatchObject({ outcome: 'already-rebuilt', name: 'web-1' });
    expect(server.builds).toHaveLength(1);
  });

  it('is another one for another request', async () => {
    await instantiate();
    expect(await instantiate({ request: { delivery: 'e'.repeat(32) } })).toMatchObject({ name: 'web-2' });
  });

  it('is not started twice where an attempt that was given up comes through late', async () => {
    let isLate = true;
    server.meanwhile = () => {
      if (!isLate) return;
      isLate = false;
      // The request of the earlier attempt, which had the same version before its eyes.
      server.startForeign();
      Object.assign(server.builds[0]!.metadata.labels, { 'countersign/request': REQUEST });
    };
    expect(await instantiate()).toMatchObject({ name: 'web-1' });
    expect(server.builds).toHaveLength(1);
  });

  it('comes after the builds that others started meanwhile', async () => {
    let others = 2;
    server.meanwhile = () => {
      if (others-- > 0) server.startForeign();
    };
    expect(await instantiate()).toMatchObject({ name: 'web-3' });
  });

  it('that takes longer than one attempt is left to the next', async () => {
    server.phases = [{ phase: 'Pending', reason: 'CannotCreateBuildPod' }];
    await expect(instantiate({ followMs: 20 })).rejects.toMatchObject({
      code: 'rebuild-unavailable',
      message: 'Build "web-1" in namespace "signatures" is under way: it is "Pending", "CannotCreateBuildPod"',
    });
    server.phases = [{ phase: 'Complete' }];
    await instantiate();
    expect(server.builds).toHaveLength(1);
  });

  it.each(['Failed', 'Error'])('that ends as %s stalls, with what it says and the end of its log', async (phase) => {
    const ending = { phase, reason: 'DockerBuildFailed', message: 'Dockerfile build strategy has failed.' };
    server.phases = [{ phase: 'Running' }, { ...ending, logSnippet: 'kept by the Build' }];
    server.log = `${'step\n'.repeat(500)}Cloning "https://g.example.com/s.git" ...\n\u001b[31merror: build error\u001b[0m: no such host\u202e\n`;
    await expect(instantiate()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringMatching(
        new RegExp(
          `^Build "web-1" in namespace "signatures" ended as ${phase}: "DockerBuildFailed", "Dockerfile build strategy has failed."; its log ends with ".*no such host\\?"$`,
        ),
      ) as string,
    });
    expect(server.count('GET', '/log')).toBe(1);
  });

  it('whose log may not be read shows what the Build keeps of it, and names the right', async () => {
    server.phases = [{ phase: 'Failed', logSnippet: 'no space left' }];
    server.denied.add('get builds/log');
    await expect(instantiate()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringMatching(
        /its log ends with "no space left"; more could not be read: .*resources: \[builds\/log\], verbs: \[get\]/,
      ) as string,
    });
  });

  it('that was cancelled stalls where no later one took its place', async () => {
    server.startForeign();
    server.cancelled.add('web-2');
    await expect(instantiate()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: messageOf(
        'ended as Cancelled: "CancelledBuild", "The build was cancelled by the user."; no later build',
      ),
    });
  });

  it.each([
    ['through the API', instantiate],
    ['by its webhook', webhook],
  ])('started %s that a later one replaced is followed there, past others that were replaced', async (_, trigger) => {
    server.phases = [{ phase: 'New' }, { phase: 'Running' }, { phase: 'Running' }];
    await expect(trigger({ followMs: 5 })).rejects.toMatchObject({ code: 'rebuild-unavailable' });
    for (let others = 0; others < 9; others++) server.startForeign();
    for (const one of server.builds.slice(0, -1)) server.cancelled.add(one.metadata.name);
    for (const one of server.builds.slice(0, -1)) one.status = { phase: 'Cancelled' };
    server.phases = [{ phase: 'Running' }, { phase: 'Complete' }];
    expect(await trigger()).toMatchObject({ outcome: 'rebuilt', name: 'web-10', subject: messageOf('"web-10"') });
    expect(server.builds).toHaveLength(10);
  });

  it('that replaced ours and failed stalls with its own log', async () => {
    server.phases = [{ phase: 'New' }];
    await expect(instantiate({ followMs: 5 })).rejects.toMatchObject({ code: 'rebuild-unavailable' });
    server.startForeign();
    server.cancelled.add('web-1');
    server.phases = [{ phase: 'Failed', reason: 'DockerBuildFailed' }];
    server.log = 'no such host';
    await expect(instantiate()).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringMatching(/^Build "web-2" .*ended as Failed.*no such host"$/) as string,
    });
  });

  it('that is deleted while it runs is started anew by the next attempt', async () => {
    server.phases = [{ phase: 'Running' }];
    const first = instantiate();
    await expect.poll(() => server.count('GET', '/builds/web-1')).toBeGreaterThan(1);
    server.builds.splice(0);
    await expect(first).rejects.toMatchObject({ code: 'rebuild-unavailable', message: messageOf('was deleted') });
    server.phases = [{ phase: 'Complete' }];
    expect(await instantiate()).toMatchObject({ name: 'web-2' });
  });

  it.each([
    ['get buildconfigs', 'resources: [buildconfigs], verbs: [get]'],
    ['list builds', 'resources: [builds], verbs: [list]'],
    ['create buildconfigs/instantiate', 'resources: [buildconfigs/instantiate], verbs: [create]'],
    ['get builds', 'resources: [builds], verbs: [get]'],
  ])('names the right that is missing: %s', async (right, rule) => {
    server.denied.add(right);
    await expect(instantiate()).rejects.toMatchObject({
      code: 'rebuild-refused',
      status: 403,
      message: messageOf(`{apiGroups: [build.openshift.io], ${rule}}`),
    });
  });

  it('refuses a BuildConfig that is not there, and one that is paused', async () => {
    await expect(instantiate({ buildConfig: 'wbe' })).rejects.toMatchObject({ code: 'rebuild-refused', status: 404 });
    server.buildConfig.paused = true;
    await expect(instantiate()).rejects.toMatchObject({ code: 'rebuild-refused', message: messageOf('is paused') });
  });

  it('ends at once where it is cancelled', async () => {
    server.phases = [{ phase: 'Running' }];
    const controller = new AbortController();
    const trigger = createRebuildTrigger({ kind: 'openshiftBuild', ...place({}) });
    const work = trigger.trigger({ ...push, delivery: REQUEST }, { signal: controller.signal });
    await expect.poll(() => server.count('GET', '/builds/web-1')).toBeGreaterThan(0);
    controller.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
  });
});

describe('the generic webhook of a BuildConfig', () => {
  it('starts a build, which is followed, and adopted by another attempt', async () => {
    expect(await webhook()).toMatchObject({ outcome: 'rebuilt', name: 'web-1' });
    expect(await webhook()).toMatchObject({ outcome: 'already-rebuilt', name: 'web-1' });
    expect(server.builds).toHaveLength(1);
    expect(server.builds[0]!.spec.triggeredBy).toMatchObject([
      { genericWebHook: { revision: { git: { commit: COMMIT, message: `countersign request ${REQUEST}` } } } },
    ]);
  });

  it('needs no token; then that it was accepted is all that is known', async () => {
    expect(await webhook({ token: '' })).toMatchObject({ outcome: 'accepted', name: 'web-1' });
    expect(server.requests.map(({ method }) => method)).toEqual(['POST']);
  });

  it.each([
    ['a secret that is not accepted', {}, 401],
    ['a missing right', { denied: 'create buildconfigs/webhooks' }, 403],
  ])('with %s refuses, and never shows the secret', async (_, { denied }: { denied?: string }, code) => {
    if (denied !== undefined) server.denied.add(denied);
    const error = await webhook({ secret: 'hunter two/2' }).then(
      () => expect.fail('it did not fail'),
      (caught: unknown) => caught as Error,
    );
    expect(error).toMatchObject({ code: 'rebuild-refused', status: code });
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toMatch(/hunter/);
  });

  it('that skips the branch says so', async () => {
    await expect(webhook({ request: { branch: 'other' } })).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringMatching(/skipping build.*does not match.*source must be "other"/s) as string,
    });
    expect(server.builds).toHaveLength(0);
  });
});
