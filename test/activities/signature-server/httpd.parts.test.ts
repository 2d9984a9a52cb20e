import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkServed, serveSignatures, SignatureServerError } from '../../../activities/signature-server/index.ts';
import type { SignatureServer } from '../../../activities/signature-server/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import { grantToHttpd, startGitHttpd, startStaticHttpd } from '../../support/httpd.ts';
import type { Httpd } from '../../support/httpd.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { startLoopback } from './http-fixture.ts';
import { git, TestRepository } from './repository-fixture.ts';

const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const PATH = `images/acme/web@sha256=${'a'.repeat(64)}/signature-1`;
const BLOB = Buffer.from([0x89, 0x02, 0, 0xff]);
const SECRET = 'a secret that both sides know';
const confirm = (servedAt: string, more: Partial<Parameters<typeof checkServed>[0]> = {}) =>
  checkServed({
    servedAt: `${servedAt}/images`,
    repositoryPath: 'acme/web',
    expected: [{ digest: DIGEST, number: 1, blob: BLOB, next: 'absent' }],
    ...more,
  });

const folder = useTempFolder();
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const track = <T extends { stop: () => Promise<void> }>(running: T): T => {
  closing.push(() => running.stop());
  return running;
};

describe('Apache httpd serving a clone', () => {
  it('says 404 for the unsigned image and 200 for the signed one, and checkServed agrees', async () => {
    const repository = await TestRepository.create(folder.join('signatures.git'));
    await repository.commit({ 'images/README': 'signatures' });
    const clone = folder.join('clone');
    await git(['clone', '--quiet', repository.path, clone]);
    const httpd = track(await startStaticHttpd({ folder: folder.path, documentRoot: clone }));

    expect((await fetch(`${httpd.url}/${PATH}`)).status).toBe(404);
    await expect(confirm(httpd.url)).rejects.toMatchObject({ code: 'not-served' });

    await repository.commit({ [PATH]: BLOB });
    // The commit alone changes nothing: the clone has to take it up.
    await expect(confirm(httpd.url)).rejects.toMatchObject({ code: 'not-served' });
    await git(['-C', clone, 'pull', '--quiet', '--ff-only']);
    await grantToHttpd(clone, 'read');
    expect(Buffer.from(await (await fetch(`${httpd.url}/${PATH}`)).arrayBuffer())).toEqual(BLOB);
    await confirm(httpd.url);
    expect((await fetch(`${httpd.url}/.git/config`)).status).toBe(403);
  });

  it('answers as serveSignatures does', async () => {
    const repository = await TestRepository.create(folder.join('signatures.git'));
    await repository.commit({ [PATH]: BLOB, 'images/a b%': 'odd' });
    const clone = folder.join('clone');
    await git(['clone', '--quiet', repository.path, clone]);
    const httpd = track(await startStaticHttpd({ folder: folder.path, documentRoot: clone }));
    const server = await serve(repository.path);
    const targets = [PATH, PATH.replace('@', '%40').replace('=', '%3D'), `/${PATH}`, `${PATH}x`, 'images/a%20b%25'];
    for (const target of targets) {
      const [one, other] = await Promise.all([httpd, server].map(({ url }) => fetch(`${url}/${target}`)));
      expect([target, other?.status]).toEqual([target, one?.status]);
      if (one?.status === 200) expect(await other?.arrayBuffer()).toEqual(await one.arrayBuffer());
    }
  });
});

describe('checkServed over TLS', () => {
  it('asks each replica under the name, and the certificate, of the served address', async () => {
    const tls = await makeCertificate('signatures.test');
    const clone = folder.join('clone');
    await mkdir(`${clone}/${PATH.slice(0, -12)}`, { recursive: true });
    await writeFile(`${clone}/${PATH}`, BLOB);
    const httpd = track(await startStaticHttpd({ folder: folder.path, documentRoot: clone, tls }));
    const ca = await readFile(tls.certificateFile, 'utf8');
    const replica = { address: httpd.address };

    await confirm('https://signatures.test', { replica, ca });
    const untrusted = await confirm('https://signatures.test', { replica }).catch((error: unknown) => error);
    expect(untrusted).toMatchObject({ code: 'not-served', message: expect.stringMatching(/certificate/) as string });
    const renamed = await confirm('https://other.test', { replica, ca }).catch((error: unknown) => error);
    expect(renamed).toMatchObject({
      code: 'not-served',
      message: expect.stringMatching(/altname|other\.test/) as string,
    });
    // An address is no name of the certificate either.
    await expect(confirm(httpd.url, { ca })).rejects.toBeInstanceOf(SignatureServerError);
  });
});

describe('serveSignatures behind git-http-backend', () => {
  it('takes up a push, with credentials, that a hook on the host tells of', async () => {
    const { repository, httpd, url } = await host();
    await repository.commit({ 'images/README': 'signatures' });
    const credentialsFile = await writeCredentials(httpd, 'reader', 'read it');
    const before = await readFile(credentialsFile);
    const server = await serve(url, { credentialsFile });
    await expect(confirm(server.url)).rejects.toMatchObject({ code: 'not-served' });

    await installHook(repository, `${server.url}/webhook`);
    const commit = await push(url, { [PATH]: BLOB });
    await vi.waitFor(() => expect(server.commit()).toBe(commit), { timeout: 10_000, interval: 50 });
    await confirm(server.url);
    expect(await readFile(credentialsFile)).toEqual(before);
  });

  it('learns nothing from a push to a proposal’s branch', async () => {
    const { repository, httpd, url } = await host();
    const first = await repository.commit({ 'images/README': 'signatures' });
    const server = await serve(url, { credentialsFile: await writeCredentials(httpd, 'reader', 'read it') });
    await installHook(repository, `${server.url}/webhook`);
    await push(url, { [PATH]: BLOB }, 'countersign/prod/1');
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('webhooks_total{result="ignored"} 1');
    expect(server.commit()).toBe(first);
    expect((await fetch(`${server.url}/${PATH}`)).status).toBe(404);
  });

  it('keeps the credentials when the host refuses them, and shows none', async () => {
    const { repository, httpd, url } = await host();
    await repository.commit({ 'images/README': 'signatures' });
    const credentialsFile = await writeCredentials(httpd, 'reader', 'hunter2');
    const log: unknown[] = [];
    const server = await serve(url, { credentialsFile, log: (...line) => log.push(line) }, false);
    const error = await server.refresh().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'repository-denied' });
    expect(await readFile(credentialsFile, 'utf8')).toContain('hunter2');
    expect(`${String(error)} ${JSON.stringify(log)}`).not.toContain('hunter2');
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  });

  it('does not follow a host that redirects elsewhere', async () => {
    const { repository, httpd, url } = await host();
    await repository.commit({ 'images/README': 'signatures' });
    const elsewhere = await startLoopback((request, response) =>
      response.writeHead(302, { location: `${httpd.url}${request.url ?? ''}` }).end(),
    );
    closing.push(elsewhere.close);
    const server = await serve(url.replace(httpd.url, elsewhere.url), {}, false);
    await expect(server.refresh()).rejects.toMatchObject({ code: 'configuration-invalid' });
  });

  it('reads over TLS with the host’s own authority, and not without', async () => {
    const tls = await makeCertificate('localhost');
    const { repository, httpd, url } = await host({ tls });
    await repository.commit({ [PATH]: BLOB });
    const credentialsFile = await writeCredentials(httpd, 'reader', 'read it', 'localhost');
    const secure = url.replace('127.0.0.1', 'localhost');
    const server = await serve(secure, { credentialsFile, caFile: tls.certificateFile });
    await confirm(server.url);
    const cacheDirectory = folder.join('other-cache');
    const untrusting = await serve(secure, { credentialsFile, cacheDirectory }, false);
    await expect(untrusting.refresh()).rejects.toMatchObject({ code: 'repository-unavailable' });
  });
});

async function serve(
  repository: string,
  more: Partial<Parameters<typeof serveSignatures>[0]> = {},
  first = true,
): Promise<SignatureServer> {
  const server = await serveSignatures({
    repository,
    branch: 'main',
    cacheDirectory: folder.join('cache'),
    listen: { host: '127.0.0.1', port: 0 },
    webhook: { secret: SECRET },
    pollIntervalMs: 0,
    ...more,
  });
  closing.push(() => server.close());
  if (first) await server.refresh();
  return server;
}

async function host({ tls }: { tls?: { certificateFile: string; keyFile: string } } = {}) {
  const repository = await TestRepository.create(folder.join('git', 'acme', 'signatures.git'));
  const users = { reader: 'read it', writer: 'write it' };
  const projectRoot = folder.join('git');
  const httpd = track(await startGitHttpd({ folder: folder.path, projectRoot, users, ...(tls && { tls }) }));
  return { repository, httpd, url: `${httpd.url}/git/acme/signatures.git` };
}

async function writeCredentials(httpd: Httpd, user: string, password: string, name = '127.0.0.1'): Promise<string> {
  const file = folder.join('credentials');
  const scheme = new URL(httpd.url).protocol;
  await writeFile(file, `${scheme}//${user}:${encodeURIComponent(password)}@${name}:${httpd.port}\n`, { mode: 0o600 });
  return file;
}

/** What a git host does after a push, in the words of GitHub. Perl comes with git. */
async function installHook(repository: TestRepository, webhook: string): Promise<void> {
  const hook = `${repository.path}/hooks/post-receive`;
  await mkdir(`${repository.path}/hooks`, { recursive: true });
  const script = `#!/usr/bin/env perl
use strict; use warnings; use HTTP::Tiny; use JSON::PP; use Digest::SHA qw(hmac_sha256_hex);
while (<STDIN>) {
  my ($before, $after, $ref) = split;
  my $body = encode_json({ ref => $ref, before => $before, after => $after, commits => [] });
  my %headers = (
    'content-type' => 'application/json',
    'x-github-event' => 'push',
    'x-hub-signature-256' => 'sha256=' . hmac_sha256_hex($body, '${SECRET}'),
  );
  my $answer = HTTP::Tiny->new->post('${webhook}', { content => $body, headers => \\%headers });
  print STDERR "webhook: $answer->{status}\\n";
}
`;
  await writeFile(hook, script);
  await chmod(hook, 0o755);
}

/** Clones, commits and pushes over HTTP as a person with write access would. */
async function push(url: string, files: Record<string, Buffer>, branch = 'main'): Promise<string> {
  const [user, password] = ['writer', encodeURIComponent('write it')];
  const remote = url.replace('://', `://${user}:${password}@`);
  const local = await TestRepository.create(folder.join('work.git'));
  await local.git(['fetch', '--quiet', remote, '+refs/heads/main:refs/heads/main']);
  if (branch !== 'main') await local.git(['branch', branch, 'main']);
  const commit = await local.commit(files, { branch });
  await local.git(['push', '--quiet', remote, branch]);
  return commit;
}

async function makeCertificate(name: string): Promise<{ certificateFile: string; keyFile: string }> {
  await mkdir(folder.join('tls'), { recursive: true });
  const [certificateFile, keyFile] = [folder.join('tls', 'tls.crt'), folder.join('tls', 'tls.key')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
  const certificate = ['-x509', '-days', '1', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  execFileSync('openssl', ['req', ...key, ...certificate, '-out', certificateFile], { stdio: 'ignore' });
  return { certificateFile, keyFile };
}
