import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { authenticateWebhook } from '../../activities/signature-server/webhook-request.ts';
import { startLoopback } from '../activities/signature-server/http-fixture.ts';
import type { Loopback } from '../activities/signature-server/http-fixture.ts';
import { TOKEN } from '../support/loopback-api.ts';
import { OpenshiftBuildServer } from '../support/openshift-builds.ts';
import { TektonApiServer } from '../support/tekton-api.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';

const folder = useTempFolder();
const COMMIT = 'c'.repeat(40);
const PUSH = ['--repository', 'https://g.example.com/acme/s.git', '--commit', COMMIT];
const stops: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  await writeFile(folder.join('token'), `${TOKEN}\n`);
  await writeFile(folder.join('secret'), 'a shared secret\n');
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

async function rebuild(...args: readonly string[]) {
  const terminal = fakeTerminal({ cwd: folder.path, env: { HOME: folder.path } });
  const code = await runFake(['rebuild', '--output', 'json', ...args], { terminal });
  const out = terminal.out();
  return { code, json: out === '' ? undefined : (JSON.parse(out) as Record<string, unknown>), err: terminal.err() };
}

async function openshift(): Promise<OpenshiftBuildServer> {
  const server = await new OpenshiftBuildServer().listen();
  stops.push(() => server.stop());
  return server;
}

describe('countersign rebuild by a webhook', () => {
  async function receiver(status = 202): Promise<Loopback> {
    const server = await startLoopback((_, response) => response.writeHead(status).end());
    stops.push(() => server.close());
    return server;
  }

  it.each(['github', 'gitlab', 'gitea'])('sends a push as %s does, proven by the secret of the file', async (shape) => {
    const server = await receiver();
    const { code, json } = await rebuild(
      ...['--webhook', `${server.url}/?x=1`, '--webhook-secret-file', 'secret', '--webhook-shape', shape, ...PUSH],
    );
    expect({ code, json }).toMatchObject({
      code: EXIT.success,
      json: { kind: 'webhook', outcome: 'accepted', subject: `webhook at ${server.url}` },
    });
    const [{ request, body } = expect.fail('nothing came')] = server.requests;
    const header = (name: string) => request.headers[name] as string | undefined;
    expect(authenticateWebhook(header, body, 'a shared secret')).toBe(shape);
    expect(JSON.parse(body.toString())).toMatchObject({ ref: 'refs/heads/main', after: COMMIT });
  });

  it('ends with 1 where the receiver refuses', async () => {
    const server = await receiver(403);
    expect(await rebuild('--webhook', server.url, ...PUSH)).toMatchObject({ code: EXIT.failure });
  });

  it('tries again what is worth it until the time is up, and says what it heard', async () => {
    const server = await receiver(503);
    const { code, err } = await rebuild('--webhook', server.url, ...PUSH, '--timeout', '1500 ms');
    expect(code).toBe(EXIT.unfinished);
    expect(err).toMatch(/did not end within 1500 ms: .*received 503/);
    expect(server.requests.length).toBeGreaterThan(1);
  });
});

describe('countersign rebuild by a cluster', () => {
  it('starts a build and names it; the same request does so once', async () => {
    const server = await openshift();
    server.phases = [{ phase: 'Complete' }];
    const args = ['--openshift-build', 'signatures/web', '--api', server.url, '--token-file', 'token'];
    const named = [...args, '--request', 'pipeline 7'];
    const first = { kind: 'openshiftBuild', outcome: 'rebuilt', name: 'web-1', request: 'pipeline 7' };
    expect(await rebuild(...named)).toMatchObject({ code: EXIT.success, json: first });
    expect((await rebuild(...named)).json).toMatchObject({ outcome: 'already-rebuilt', name: 'web-1' });
    expect((await rebuild(...args)).json).toMatchObject({ outcome: 'rebuilt', name: 'web-2' });
    expect(server.builds[0]!.metadata.annotations).not.toHaveProperty('countersign/commit');
  });

  it('starts a build by its generic webhook where a secret is given', async () => {
    const server = await openshift();
    await writeFile(folder.join('secret'), server.buildConfig.secret);
    const place = ['--openshift-build', 'signatures/web', '--api', server.url, '--webhook-secret-file', 'secret'];
    expect((await rebuild(...place, ...PUSH)).json).toMatchObject({ outcome: 'accepted', name: 'web-1' });
    expect(await rebuild(...place)).toMatchObject({ code: EXIT.usage });
  });

  it('ends with 1 where the build fails, with the end of its log', async () => {
    const server = await openshift();
    server.phases = [{ phase: 'Failed', reason: 'OutOfMemoryKilled' }];
    server.log = 'cc1: out of memory\n';
    const args = ['--openshift-build', 'signatures/web', '--api', server.url, '--token-file', 'token'];
    const { code, err } = await rebuild(...args);
    expect(code).toBe(EXIT.failure);
    const { error } = JSON.parse(err) as { error: { message: string } };
    expect(error.message).toMatch(/ended as Failed: "OutOfMemoryKilled"; its log ends with "cc1: out of memory"$/);
  });

  it('creates a PipelineRun with parameters', async () => {
    const server = await new TektonApiServer().listen();
    stops.push(() => server.stop());
    const args = ['--pipeline-run', 'signatures/rebuild', '--api', server.url, '--token-file', 'token', ...PUSH];
    const { json } = await rebuild(...args, '--param', 'revision={commit}', 'x=1=2', '--service-account', 'builder');
    expect(json).toMatchObject({ kind: 'pipelineRun', outcome: 'rebuilt' });
    expect(server.runs.get(json!['name'] as string)?.spec).toMatchObject({
      params: [
        { name: 'revision', value: COMMIT },
        { name: 'x', value: '1=2' },
      ],
      taskRunTemplate: { serviceAccountName: 'builder' },
    });
  });

  it.each([
    [[], /nothing says what to rebuild; expected exactly one of --environment, --webhook/],
    [['--rollout', 'a/b', '--pipeline-run', 'a/b'], /--rollout and --pipeline-run are given/],
    [['--rollout', 'a'], /--rollout: expected NAMESPACE\/NAME/],
    [['--rollout', 'a/b'], /without --api the cluster that this runs in is asked, and it runs in none/],
    [['--rollout', 'a/b', '--api', 'http://a.example.com'], /--api is plain http/],
    [['--rollout', 'a/b', '--token-file', 'token'], /--token-file needs --api/],
    [['--rollout', 'a/b', '--param', 'a=b'], /--param means nothing for --rollout/],
    [['--environment', 'prod', '--ca-file', 'token'], /--ca-file means nothing for --environment/],
    [['--webhook', 'https://e.example.com'], /--webhook needs --repository and --commit/],
    [['--webhook', 'https://e.example.com', ...PUSH, '--webhook-shape', 'svn'], /--webhook-shape: expected one of/],
    [['--webhook', 'https://e.example.com', ...PUSH, '--webhook-secret-file', 'no'], /cannot be read \(ENOENT\)/],
    [['--rollout', 'a/b', '--commit', 'main'], /--commit: expected 40 or 64 hex digits/],
    [['--rollout', 'a/b', '--timeout', 'soon'], /--timeout: expected a duration/],
    [['--pipeline-run', 'a/b', '--api', 'https://a', '--param', 'x'], /--param: expected NAME=VALUE/],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await rebuild(...args);
    expect(code).toBe(EXIT.usage);
    expect(err).toMatch(message);
  });
});
