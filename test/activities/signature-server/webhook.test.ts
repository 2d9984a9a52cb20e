import { createHmac } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import type { SignatureServer } from '../../../activities/signature-server/index.ts';
import { sendRaw } from './http-fixture.ts';
import { useServers } from './server-fixture.ts';

const SECRET = 'a secret that both sides know';
const BEFORE = '1'.repeat(40);
const AFTER = '2'.repeat(40);
const hmac = (body: string, secret = SECRET): string => createHmac('sha256', secret).update(body).digest('hex');

/** What each host documents for a push, shortened to the fields that matter and some that could confuse. */
const PUSH = {
  github: {
    ref: 'refs/heads/main',
    before: BEFORE,
    after: AFTER,
    repository: { id: 1, full_name: 'acme/signatures-dev', default_branch: 'main' },
    pusher: { name: 'octocat', email: 'octocat@example.com' },
    created: false,
    deleted: false,
    forced: false,
    commits: [{ id: AFTER, message: 'Sign', added: ['images/a'], removed: [], modified: [] }],
  },
  gitlab: {
    object_kind: 'push',
    event_name: 'push',
    before: BEFORE,
    after: AFTER,
    ref: 'refs/heads/main',
    ref_protected: true,
    checkout_sha: AFTER,
    user_username: 'jsmith',
    project: { id: 15, path_with_namespace: 'acme/signatures-dev', default_branch: 'main' },
    total_commits_count: 1,
  },
  gitea: {
    ref: 'refs/heads/main',
    before: BEFORE,
    after: AFTER,
    compare_url: 'http://git.example.com/acme/signatures-dev/compare/1...2',
    commits: [],
    repository: { id: 140, full_name: 'acme/signatures-dev' },
    pusher: { id: 1, login: 'gitea' },
  },
} as const;

type Host = keyof typeof PUSH;

const proofs: Record<Host, (body: string, event?: string) => Record<string, string>> = {
  github: (body, event = 'push') => ({ 'x-github-event': event, 'x-hub-signature-256': `sha256=${hmac(body)}` }),
  gitlab: (_body, event = 'Push Hook') => ({ 'x-gitlab-event': event, 'x-gitlab-token': SECRET }),
  // Gitea sends what GitHub and Gogs send, too.
  gitea: (body, event = 'push') => ({
    'x-gitea-event': event,
    'x-gitea-signature': hmac(body),
    'x-gogs-event': event,
    'x-gogs-signature': hmac(body),
    'x-github-event': event,
    'x-hub-signature-256': `sha256=${hmac(body)}`,
  }),
};
const HOSTS = ['github', 'gitlab', 'gitea'] as const;

describe('the webhook of serveSignatures', () => {
  const { repository, serve, log } = useServers();
  const serveMain = async () => {
    const git = await repository();
    await git.commit({ 'images/file': '1' });
    const server = await serve(git.path, { webhook: { secret: SECRET } });
    return { git, server };
  };
  const post = (server: SignatureServer, body: string, headers: Record<string, string>) =>
    fetch(`${server.url}/webhook`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });
  const metric = async (server: SignatureServer, name: string): Promise<number> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(new RegExp(`^countersign_signature_server_${name} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  };
  const file = async (server: SignatureServer): Promise<string> => (await fetch(`${server.url}/images/file`)).text();
  const looks = (server: SignatureServer): Promise<number> => metric(server, 'refreshes_total');

  it.each(HOSTS)('takes up a push that %s tells of', async (host) => {
    const { git, server } = await serveMain();
    await git.commit({ 'images/file': '2' });
    const body = JSON.stringify(PUSH[host]);
    const answer = await post(server, body, proofs[host](body));
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ accepted: true });
    await vi.waitFor(async () => expect(await file(server)).toBe('2'), { timeout: 10_000 });
    expect(await metric(server, 'webhooks_total{result="accepted"}')).toBe(1);
  });

  it('takes GitHub’s form encoding', async () => {
    const { git, server } = await serveMain();
    await git.commit({ 'images/file': '2' });
    const body = new URLSearchParams({ payload: JSON.stringify(PUSH.github) }).toString();
    const headers = { ...proofs.github(body), 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post(server, body, headers)).status).toBe(202);
    await vi.waitFor(async () => expect(await file(server)).toBe('2'), { timeout: 10_000 });
  });

  it.each(HOSTS)('leaves a push of another branch alone and says so to %s', async (host) => {
    const { server } = await serveMain();
    const before = await looks(server);
    for (const ref of ['refs/heads/countersign/prod/1', 'refs/tags/main', 'refs/heads/main2', 'main']) {
      const body = JSON.stringify({ ...PUSH[host], ref });
      const answer = await post(server, body, proofs[host](body));
      expect([ref, answer.status]).toEqual([ref, 202]);
      expect(await answer.json()).toEqual({ accepted: false, reason: `"${ref}" is not the published branch` });
    }
    expect(await looks(server)).toBe(before);
  });

  it.each(HOSTS)('ignores other events of %s', async (host) => {
    const { server } = await serveMain();
    const before = await looks(server);
    const body = JSON.stringify(PUSH[host]);
    const answer = await post(server, body, proofs[host](body, 'issues'));
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ accepted: false });
    expect(await looks(server)).toBe(before);
  });

  it('answers GitHub’s ping', async () => {
    const { server } = await serveMain();
    const body = '{"zen":"Design for failure.","hook_id":1}';
    expect((await post(server, body, proofs.github(body, 'ping'))).status).toBe(200);
    const headers = { ...proofs.github(body, 'ping'), 'x-hub-signature-256': `sha256=${hmac(body, 'other')}` };
    expect((await post(server, body, headers)).status).toBe(401);
  });

  const body = JSON.stringify(PUSH.github);
  it.each([
    ['nothing', {}],
    ['only an event', { 'x-github-event': 'push' }],
    ['another secret', { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac(body, 'other')}` }],
    [
      'the signature of another body',
      { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac(`${body} `)}` },
    ],
    ['a signature without sha256=', { 'x-github-event': 'push', 'x-hub-signature-256': hmac(body) }],
    ['an empty signature', { 'x-github-event': 'push', 'x-hub-signature-256': '' }],
    ['a cut signature', { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac(body).slice(0, 32)}` }],
    [
      'an upper-case signature',
      { 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac(body).toUpperCase()}` },
    ],
    ['the outdated SHA-1 signature', { 'x-github-event': 'push', 'x-hub-signature': `sha1=${'0'.repeat(40)}` }],
    ['a wrong GitLab token', { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': `${SECRET} ` + 'x' }],
    ['the start of a GitLab token', { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': SECRET.slice(0, -1) }],
    ['an empty GitLab token', { 'x-gitlab-event': 'Push Hook', 'x-gitlab-token': '' }],
    ['a wrong Gitea signature', { 'x-gitea-event': 'push', 'x-gitea-signature': hmac(body, 'other') }],
    ['Gitea’s signature in GitHub’s form', { 'x-gitea-event': 'push', 'x-gitea-signature': `sha256=${hmac(body)}` }],
    [
      'a wrong Gitea signature beside a right GitHub one',
      { ...proofs.gitea(body), 'x-gitea-signature': hmac(body, 'other') },
    ],
  ])('refuses %s and does nothing', async (_name, headers: Record<string, string>) => {
    const { git, server } = await serveMain();
    await git.commit({ 'images/file': '2' });
    const before = await looks(server);
    const answer = await post(server, body, headers);
    expect(answer.status).toBe(401);
    expect(await looks(server)).toBe(before);
    expect(await file(server)).toBe('1');
    expect(JSON.stringify(log)).not.toContain(SECRET);
  });

  it.each(['', '{', '[]', 'null', '{"ref":1}', '{"before":"x"}'])('refuses the signed body %j', async (broken) => {
    const { server } = await serveMain();
    const before = await looks(server);
    expect((await post(server, broken, proofs.github(broken))).status).toBe(400);
    expect(await looks(server)).toBe(before);
  });

  it('refuses more than 1 MiB, announced or not', async () => {
    const { server } = await serveMain();
    const large = JSON.stringify({ ...PUSH.github, padding: 'x'.repeat(1024 * 1024) });
    const announced = await post(server, large, proofs.github(large));
    expect(announced.status).toBe(413);
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const chunked = await sendRaw(
      server.port,
      `POST /webhook HTTP/1.1\r\nHost: x\r\nX-Gitlab-Token: ${SECRET}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}`,
    );
    expect(chunked.status).toBe(413);
    const fits = JSON.stringify({ ...PUSH.github, padding: 'x'.repeat(1024 * 1024 - 1000) });
    expect((await post(server, fits, proofs.github(fits))).status).toBe(202);
  });

  it('looks a few times only when many pushes are told at once, and ends at the last', async () => {
    const { git, server } = await serveMain();
    const before = await looks(server);
    await git.commit({ 'images/file': '2' });
    const answers = await Promise.all(Array.from({ length: 30 }, () => post(server, body, proofs.github(body))));
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    await git.commit({ 'images/file': '3' });
    await post(server, body, proofs.github(body));
    await vi.waitFor(async () => expect(await file(server)).toBe('3'), { timeout: 10_000 });
    expect((await looks(server)) - before).toBeLessThan(15);
  });

  it('is not there when it is not configured', async () => {
    const git = await repository();
    await git.commit({ 'images/file': '1' });
    const server = await serve(git.path);
    expect((await post(server, body, proofs.github(body))).status).toBe(405);
  });

  it('is where it is configured', async () => {
    const git = await repository();
    await git.commit({ 'images/file': '1' });
    const server = await serve(git.path, { webhook: { secret: SECRET, path: '/hooks/push' } });
    const send = (path: string) =>
      fetch(`${server.url}${path}`, { method: 'POST', body, headers: proofs.github(body) }).then(
        ({ status }) => status,
      );
    expect(await send('/hooks/push')).toBe(202);
    expect(await send('/webhook')).toBe(405);
  });
});
