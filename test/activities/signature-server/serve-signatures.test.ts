import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { SignatureServerError } from '../../../activities/signature-server/index.ts';
import { getRaw, sendRaw } from './http-fixture.ts';
import { git as runGit } from './repository-fixture.ts';
import { useServers, WEB } from './server-fixture.ts';

describe('serveSignatures', () => {
  const { repository, serve, folder, log } = useServers();

  it('serves a file of the published branch with its commit and blob id', async () => {
    const git = await repository();
    const commit = await git.commit({ [`${WEB}/signature-1`]: Buffer.from([0x89, 0, 0xff, 0x0a]) });
    const blob = (await git.git(['rev-parse', `${commit}:${WEB}/signature-1`])).toString().trim();
    const server = await serve(git.path);

    const answer = await fetch(`${server.url}/${WEB}/signature-1`);
    expect(answer.status).toBe(200);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.from([0x89, 0, 0xff, 0x0a]));
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '4',
      etag: `"${blob}"`,
      'cache-control': 'no-cache',
      'x-countersign-commit': commit,
    });
    expect(server.commit()).toBe(commit);
  });

  it('answers HEAD as GET, without a body', async () => {
    const git = await repository();
    const commit = await git.commit({ [`${WEB}/signature-1`]: 'abc' });
    const server = await serve(git.path);
    const answer = await getRaw(server.port, `/${WEB}/signature-1`, 'HEAD');
    expect(answer.status).toBe(200);
    expect(answer.body).toBe('');
    expect(answer.head).toMatch(/content-length: 3/i);
    expect(answer.head).toContain(commit);
    expect((await getRaw(server.port, `/${WEB}/signature-2`, 'HEAD')).status).toBe(404);
  });

  it('answers 304 to whoever has the blob already', async () => {
    const git = await repository();
    await git.commit({ 'images/file': 'abc' });
    const server = await serve(git.path);
    const etag = (await fetch(`${server.url}/images/file`)).headers.get('etag') ?? '';
    const again = (value: string) => fetch(`${server.url}/images/file`, { headers: { 'if-none-match': value } });
    expect((await again(etag)).status).toBe(304);
    expect((await again(`"other", W/${etag}`)).status).toBe(304);
    expect((await again('"other"')).status).toBe(200);
  });

  it('answers 404 with a text and the commit for what is missing, a directory, or the root', async () => {
    const git = await repository();
    const commit = await git.commit({ [`${WEB}/signature-1`]: 'abc' });
    const server = await serve(git.path);
    for (const path of [`${WEB}/signature-2`, WEB, `${WEB}/`, 'images/', '']) {
      const answer = await fetch(`${server.url}/${path}`);
      expect([path, answer.status, await answer.text()]).toEqual([path, 404, 'not found\n']);
      expect(answer.headers.get('x-countersign-commit')).toBe(commit);
    }
  });

  it('finds a path whose @ and = are escaped, also in absolute form and with doubled slashes', async () => {
    const git = await repository();
    await git.commit({ [`${WEB}/signature-1`]: 'abc', 'images/sp ace%41': 'odd' });
    const server = await serve(git.path);
    const escaped = `/${WEB}/signature-1`.replaceAll('@', '%40').replaceAll('=', '%3D');
    const hits = [escaped, `http://127.0.0.1/${WEB}/signature-1?x=1`, `//images//acme/${WEB.slice(12)}//signature-1`];
    for (const target of hits) expect([target, (await getRaw(server.port, target)).status]).toEqual([target, 200]);
    expect((await getRaw(server.port, '/images/sp%20ace%2541')).body).toBe('odd');
    // Decoded twice it would be this one.
    expect((await getRaw(server.port, '/images/sp%20ace%41')).status).toBe(404);
  });

  it('serves paths byte for byte, whatever their encoding', async () => {
    const git = await repository();
    await git.commit({ 'images/ü': 'utf8' });
    const server = await serve(git.path);
    expect((await getRaw(server.port, '/images/%C3%BC')).body).toBe('utf8');
    expect((await getRaw(server.port, '/images/%FC')).status).toBe(404);
    expect((await getRaw(server.port, '/images/u%CC%88')).status).toBe(404);
  });

  it('serves regular files only', async () => {
    const git = await repository();
    await git.commit({
      'images/target': 'abc',
      'images/executable': { mode: '100755', content: 'run' },
      'images/link': { mode: '120000', content: 'target' },
      'images/outside': { mode: '120000', content: '/etc/passwd' },
      'images/module': { mode: '160000', content: '1'.repeat(40) },
    });
    const server = await serve(git.path);
    const status = async (path: string) => (await fetch(`${server.url}/images/${path}`)).status;
    expect(await status('target')).toBe(200);
    expect(await status('executable')).toBe(200);
    expect(await status('link')).toBe(404);
    expect(await status('outside')).toBe(404);
    expect(await status('module')).toBe(404);
  });

  it.each([
    '/../../../../etc/passwd',
    '/images/../images/file',
    '/images/%2e%2e/images/file',
    '/images/%2E%2E%2Fimages/file',
    '/images%2Ffile',
    '/images/./file',
    '/images/file%00',
    '/images/file/',
    '/images/file/.',
    '/images/%',
    '/images/%zz',
    '/images\\file',
    '/.git/config',
    '/HEAD',
    '/objects/info/packs',
    '/refs/heads/main',
    '/countersign-source',
  ])('finds nothing at %s', async (target) => {
    const git = await repository();
    await git.commit({ 'images/file': 'abc' });
    const server = await serve(git.path);
    const { status, body } = await getRaw(server.port, target);
    expect([404, 400]).toContain(status);
    expect(body).not.toContain('abc');
  });

  it('never shows another branch, a tag, or a note', async () => {
    const git = await repository();
    await git.commit({ 'images/published': 'abc' });
    await git.commit({ 'images/proposed': 'abc' }, { branch: 'countersign/prod/1' });
    await git.commit({ 'images/other': 'abc' }, { branch: 'main-2' });
    await git.git(['update-ref', 'refs/tags/main', 'refs/heads/main-2']);
    const server = await serve(git.path);
    expect((await fetch(`${server.url}/images/published`)).status).toBe(200);
    for (const name of ['proposed', 'other']) expect((await fetch(`${server.url}/images/${name}`)).status).toBe(404);
    // Not even by accident: their objects are not in the copy.
    const [mirror = ''] = await readdir(folder.join('cache'));
    const proposed = (await git.git(['rev-parse', 'refs/heads/countersign/prod/1'])).toString().trim();
    const question = ['--git-dir', folder.join('cache', mirror), 'cat-file', '--batch-check'];
    const known = await runGit(question, Buffer.from(`${proposed}\n`));
    expect(known.toString()).toContain('missing');
  });

  it('does not take a tag for the branch', async () => {
    const git = await repository();
    await git.commit({ 'images/file': 'abc' }, { branch: 'other' });
    await git.git(['update-ref', 'refs/tags/main', 'refs/heads/other']);
    const server = await serve(git.path, { first: false });
    await expect(server.refresh()).rejects.toMatchObject({
      code: 'repository-unavailable',
      message: expect.stringContaining('expected a branch main') as string,
    });
    expect((await fetch(`${server.url}/images/file`)).status).toBe(503);
  });

  it('refuses every other method', async () => {
    const git = await repository();
    await git.commit({ 'images/file': 'abc' });
    const server = await serve(git.path, { webhook: { secret: 'hook secret' } });
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await fetch(`${server.url}/images/file`, { method });
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'GET, HEAD']);
    }
    expect((await fetch(`${server.url}/webhook`)).headers.get('allow')).toBe('POST');
  });

  it('says that a file is too large instead of ending the list of signatures', async () => {
    const git = await repository();
    await git.commit({
      'images/large': Buffer.alloc(4 * 1024 * 1024 + 1),
      'images/fits': Buffer.alloc(4 * 1024 * 1024),
    });
    const server = await serve(git.path);
    expect((await fetch(`${server.url}/images/large`)).status).toBe(500);
    expect((await (await fetch(`${server.url}/images/fits`)).arrayBuffer()).byteLength).toBe(4 * 1024 * 1024);
  });

  it('serves a repository with SHA-256 object ids', async () => {
    const git = await repository('sha256.git', ['--object-format=sha256']);
    const commit = await git.commit({ 'images/file': 'abc' });
    const server = await serve(git.path);
    expect(await (await fetch(`${server.url}/images/file`)).text()).toBe('abc');
    expect(server.commit()).toBe(commit);
    expect(commit).toHaveLength(64);
  });

  it('serves an empty tree as nothing', async () => {
    const git = await repository();
    await git.commit({});
    const server = await serve(git.path);
    expect((await fetch(`${server.url}/images/file`)).status).toBe(404);
  });

  it('is live before it is ready, and ready when a snapshot is there', async () => {
    const git = await repository();
    const server = await serve(git.path, { first: false });
    await server.refresh().catch(() => undefined);
    const ready = async () => (await fetch(`${server.url}/readyz`)).status;
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect(await ready()).toBe(503);
    expect((await fetch(`${server.url}/images/file`)).headers.get('retry-after')).toBe('5');
    expect(server.commit()).toBe('');

    const commit = await git.commit({ 'images/file': 'abc' });
    await server.refresh();
    const answer = await fetch(`${server.url}/readyz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ ready: true, commit, failing: null });
  });

  it('counts what it did', async () => {
    const git = await repository();
    const commit = await git.commit({ [`${WEB}/signature-1`]: 'abc', 'README.md': 'text' });
    const server = await serve(git.path);
    await (await fetch(`${server.url}/${WEB}/signature-1`)).arrayBuffer();
    await (await fetch(`${server.url}/README.md`)).arrayBuffer();
    await (await fetch(`${server.url}/missing`)).arrayBuffer();
    await sendRaw(server.port, 'PROPFIND / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const prefix = 'countersign_signature_server';
    expect(text).toContain(`${prefix}_requests_total{method="GET",status="200"} 2`);
    expect(text).toContain(`${prefix}_requests_total{method="GET",status="404"} 1`);
    expect(text).toContain(`${prefix}_requests_total{method="other",status="405"} 1`);
    expect(text).toContain(`${prefix}_signatures_served_total 1`);
    expect(text).toContain(`${prefix}_snapshot_info{commit="${commit}",branch="main"} 1`);
    expect(text).toContain(`${prefix}_snapshot_files 2`);
    expect(text).toMatch(/last_refresh_timestamp_seconds \d{10}/);
    expect(text).toContain(`${prefix}_refresh_failures_total 0`);
  });

  it.each([
    ['another protocol', { repository: 'ext::sh -c whoami' }],
    ['an option for a url', { repository: '--upload-pack=whoami' }],
    ['plain http to another host', { repository: 'http://git.example.com/a.git' }],
    ['credentials in the url', { repository: 'https://user:hunter2@git.example.com/a.git' }],
    ['a relative path', { repository: 'signatures.git' }],
    ['a file url', { repository: 'file:///srv/signatures.git' }],
    ['a branch that is an option', { branch: '--all' }],
    ['a branch with a pattern', { branch: 'ma*' }],
    ['a proposal for the published branch', { branch: 'countersign/prod/1' }],
    ['an empty webhook secret', { webhook: { secret: '' } }],
    ['a webhook path that is taken', { webhook: { secret: 'x', path: '/healthz' } }],
    ['a missing credentials file', { credentialsFile: '/nowhere/credentials' }],
    ['a relative cache', { cacheDirectory: 'cache' }],
    ['a poll interval that is none', { pollIntervalMs: Number.NaN }],
    ['an address that is not ours', { listen: { host: '192.0.2.1', port: 0 } }],
  ])('refuses %s', async (_name, options) => {
    const error = await serve('/nowhere.git', { first: false, ...options }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SignatureServerError);
    expect(error).toMatchObject({ code: 'configuration-invalid' });
    expect(String(error)).not.toContain('hunter2');
  });

  it('logs where it listens and what it serves', async () => {
    const git = await repository();
    const commit = await git.commit({ 'images/file': 'abc' });
    const server = await serve(git.path);
    expect(log).toContainEqual(
      expect.objectContaining({
        message: 'listening',
        fields: { url: server.url, repository: git.path, branch: 'main' },
      }),
    );
    expect(log).toContainEqual(
      expect.objectContaining({ fields: { commit, before: undefined, files: 1 }, message: 'a new commit is served' }),
    );
  });
});
