import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createRebuildTrigger,
  SignatureServerError,
  triggerWebhook,
} from '../../../activities/signature-server/index.ts';
import type { RebuildRequest, WebhookInput } from '../../../activities/signature-server/index.ts';
import { makeCertificates } from '../../support/hostile-registry/index.ts';
import { closedPort, startLoopback } from './http-fixture.ts';
import type { Loopback } from './http-fixture.ts';

const SECRET = 'a secret that both sides know';
const input = (url: string): WebhookInput => ({
  url,
  secret: SECRET,
  repositoryUrl: 'https://git.example.com/acme/signatures-dev.git',
  branch: 'main',
  before: '1'.repeat(40),
  after: '2'.repeat(40),
  commits: [{ id: '2'.repeat(40), message: 'Sign acme/web', added: ['images/acme/web@sha256=aa/signature-1'] }],
  delivery: 'web-prod-2222',
});

describe('triggerWebhook', () => {
  const servers: Loopback[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  const start = async (...handler: Parameters<typeof startLoopback>): Promise<Loopback> => {
    const server = await startLoopback(...handler);
    servers.push(server);
    return server;
  };
  const answering = (status: number, headers: Record<string, string> = {}) =>
    start((_request, response) => response.writeHead(status, headers).end('answer'));
  const failure = async (work: Promise<unknown>): Promise<SignatureServerError> => {
    const error = await work.then(
      () => new Error('it did not fail'),
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(SignatureServerError);
    return error as SignatureServerError;
  };
  const valid = input('http://127.0.0.1:1/');

  it('announces a push as GitHub does', async () => {
    const server = await answering(202);
    await triggerWebhook({ ...valid, url: `${server.url}/hooks/push?tenant=1` });
    const [{ request, body } = expect.fail('nothing came')] = server.requests;
    expect([request.method, request.url]).toEqual(['POST', '/hooks/push?tenant=1']);
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': 'web-prod-2222',
      'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
    });
    expect(JSON.parse(body.toString())).toMatchObject({
      ref: 'refs/heads/main',
      before: '1'.repeat(40),
      after: '2'.repeat(40),
      created: false,
      deleted: false,
      forced: false,
      commits: [{ id: '2'.repeat(40), added: ['images/acme/web@sha256=aa/signature-1'], removed: [], modified: [] }],
      head_commit: { id: '2'.repeat(40) },
      repository: {
        name: 'signatures-dev',
        full_name: 'acme/signatures-dev',
        clone_url: 'https://git.example.com/acme/signatures-dev.git',
        html_url: 'https://git.example.com/acme/signatures-dev',
        default_branch: 'main',
      },
      pusher: { name: 'countersign' },
    });
  });

  it('sends equal bytes for an equal push, and no signature without a secret', async () => {
    const server = await answering(200);
    const { secret, ...unsigned } = { ...valid, url: server.url };
    await triggerWebhook(unsigned);
    await triggerWebhook({ ...unsigned, secret: secret ?? '' });
    const [one, two] = server.requests;
    expect(one?.body).toEqual(two?.body);
    expect(one?.request.headers['x-hub-signature-256']).toBeUndefined();
    expect(two?.request.headers['x-hub-signature-256']).toBeDefined();
  });

  it('tells of no credential that stands in the repository’s url', async () => {
    const server = await answering(200);
    await triggerWebhook({
      ...valid,
      url: server.url,
      repositoryUrl: 'https://bot:hunter2@git.example.com/a/b.git?token=x',
    });
    expect(server.requests[0]?.body.toString()).not.toMatch(/hunter2|token|bot/);
  });

  it.each([200, 201, 202, 204])('takes status %i as accepted', async (status) => {
    const server = await answering(status);
    await triggerWebhook({ ...valid, url: server.url });
    expect(server.requests).toHaveLength(1);
  });

  it.each([400, 401, 403, 404, 405, 410, 422])('takes status %i as a refusal', async (status) => {
    const server = await answering(status);
    expect(await failure(triggerWebhook({ ...valid, url: server.url }))).toMatchObject({
      code: 'rebuild-refused',
      status,
    });
  });

  it('refuses at once where the receiver cannot prove who it is, and says what to give', async () => {
    const server = createServer(makeCertificates(['127.0.0.1'])).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
      expect(await failure(triggerWebhook({ ...valid, url }))).toMatchObject({
        code: 'rebuild-refused',
        message: expect.stringMatching(
          /\(\w+\); give the certificate of its authority, as ca\.crt .*--ca-file/,
        ) as string,
      });
    } finally {
      server.close();
    }
    const plain = await answering(200);
    const url = plain.url.replace('http:', 'https:');
    expect(await failure(triggerWebhook({ ...valid, url }))).toMatchObject({ code: 'rebuild-refused' });
  });

  it.each([408, 425, 429, 500, 502, 503, 504])('takes status %i as a trouble that passes', async (status) => {
    const server = await answering(status);
    expect(await failure(triggerWebhook({ ...valid, url: server.url }))).toMatchObject({
      code: 'rebuild-unavailable',
      status,
      retryAfterMs: undefined,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('passes on how long it is asked to wait', async () => {
    const seconds = await answering(429, { 'retry-after': '7' });
    expect(await failure(triggerWebhook({ ...valid, url: seconds.url }))).toMatchObject({ retryAfterMs: 7000 });
    const date = await answering(503, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() });
    const { retryAfterMs = 0 } = await failure(triggerWebhook({ ...valid, url: date.url }));
    expect(retryAfterMs).toBeGreaterThan(50_000);
    const nonsense = await answering(503, { 'retry-after': 'soon' });
    expect(await failure(triggerWebhook({ ...valid, url: nonsense.url }))).toMatchObject({ retryAfterMs: undefined });
  });

  it.each([301, 302, 307, 308])('sends nothing to where a %i points', async (status) => {
    const other = await answering(200);
    const server = await answering(status, { location: `${other.url}/` });
    const error = await failure(triggerWebhook({ ...valid, url: server.url }));
    expect(error).toMatchObject({ code: 'rebuild-refused', status });
    expect(other.requests).toHaveLength(0);
  });

  it('tells a receiver that is down from one that refuses', async () => {
    const error = await failure(triggerWebhook({ ...valid, url: `http://127.0.0.1:${await closedPort()}/` }));
    expect(error.code).toBe('rebuild-unavailable');
    expect(error.message).toContain('ECONNREFUSED');
    const cut = await start((request) => request.socket.destroy());
    expect(await failure(triggerWebhook({ ...valid, url: cut.url }))).toMatchObject({ code: 'rebuild-unavailable' });
  });

  it('gives up on a receiver that never answers, and at once when cancelled', async () => {
    const silent = await start(() => undefined);
    const late = await failure(triggerWebhook({ ...valid, url: silent.url }, { requestTimeoutMs: 50 }));
    expect(late).toMatchObject({ code: 'rebuild-unavailable' });
    expect(late.message).toContain('within 50 ms');
    const controller = new AbortController();
    const reason = new Error('cancelled by the operator');
    setTimeout(() => controller.abort(reason), 20);
    await expect(triggerWebhook({ ...valid, url: silent.url }, { signal: controller.signal })).rejects.toBe(reason);
    await expect(triggerWebhook({ ...valid, url: silent.url }, { signal: controller.signal })).rejects.toBe(reason);
    expect(silent.requests).toHaveLength(2);
  });

  it('never shows path, query or secret in an error', async () => {
    const server = await answering(403);
    const url = `${server.url}/buildconfigs/x/webhooks/hunter2/generic?token=hunter3`;
    const urls = [
      url,
      url.replace(/:\d+\//, `:${await closedPort()}/`),
      'https://user:hunter2@example.com/',
      'ftp://example.com/hunter2',
      'hunter2',
    ];
    for (const one of urls) {
      const error = await failure(triggerWebhook({ ...valid, url: one }));
      expect(`${error.message} ${JSON.stringify(error)} ${String(error.cause)}`).not.toMatch(/hunter|both sides know/);
    }
  });

  it.each([
    ['no url', { url: 'el.example.com' }],
    ['another protocol', { url: 'ftp://el.example.com/' }],
    ['credentials in the url', { url: 'https://user:x@el.example.com/' }],
    ['an empty secret', { secret: '' }],
    ['a commit that is none', { after: 'main' }],
    ['a delivery that is no header', { delivery: 'a\r\nx-injected: 1' }],
    ['a ref for a branch', { branch: 'refs/heads/main' }],
  ])('refuses %s before it sends anything', async (_name, change) => {
    expect(await failure(triggerWebhook({ ...valid, ...change }))).toMatchObject({ code: 'configuration-invalid' });
  });
});

describe('createRebuildTrigger', () => {
  const request: RebuildRequest = { ...input('http://127.0.0.1:1/'), requestedAt: 0 };

  it('announces a push to the configured webhook', async () => {
    const server = await startLoopback((_request, response) => response.writeHead(202).end());
    try {
      await createRebuildTrigger({ kind: 'webhook', url: server.url, secret: SECRET }).trigger(request);
      expect(server.requests[0]?.request.headers['x-hub-signature-256']).toMatch(/^sha256=[0-9a-f]{64}$/);
    } finally {
      await server.close();
    }
  });

  it('does nothing where nothing is configured', async () => {
    await expect(createRebuildTrigger({ kind: 'none' }).trigger(request)).resolves.toMatchObject({ kind: 'none' });
  });
});
