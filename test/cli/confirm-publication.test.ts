import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import type { PublicationConfirmation } from '../../cli/confirmation/confirm-publication.ts';
import { startGitHost } from '../support/git-host.ts';
import type { GitHost, GitHostRepository } from '../support/git-host.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';

const folder = useTempFolder();
const SIGNATURE = Buffer.from([0x90, 0x0d, 0x03, 0x04, 0x00, 0x08, 0x01]);
const OTHER = Buffer.from([0x90, 0x0d, 0x03, 0x04, 0x00, 0x08, 0x02]);
const file = (digit: string, number = 1) => `acme/web@sha256=${digit.repeat(64)}/signature-${number}`;
let host: GitHost;
let repository: GitHostRepository;
/** What the server has, by path below /images/. */
let served: Map<string, Uint8Array>;
let server: Server;

beforeEach(async () => {
  await Promise.all(['tmp', 'basic'].map((name) => mkdir(folder.join(name))));
  host = await startGitHost({ root: folder.join('host') });
  repository = await host.createRepository('signatures');
  await repository.commit('main', { 'README.md': 'signatures\n' });
  await writeFile(folder.join('basic/username'), host.user);
  await writeFile(folder.join('basic/password'), host.password);
  served = new Map();
  server = createServer((request, response) => {
    const blob = served.get((request.url ?? '').replace('/images/', ''));
    response.statusCode = blob === undefined ? 404 : 200;
    response.end(blob);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await host.stop();
});

async function publish(files: Readonly<Record<string, Uint8Array | null>>): Promise<string> {
  const entries = Object.entries(files).map(([path, blob]) => [`images/${path}`, blob] as const);
  return await repository.commit('main', Object.fromEntries(entries));
}

async function confirm(commit: string, ...more: readonly string[]) {
  const env = { HOME: folder.path, TMPDIR: folder.join('tmp'), PATH: process.env['PATH'] ?? '' };
  const terminal = fakeTerminal({ cwd: folder.path, env });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place = [
    '--repository',
    repository.url,
    '--basic-auth-dir',
    'basic',
    '--served-at',
    `http://${address}/images`,
  ];
  const words = ['confirm-publication', commit, ...place, '--within', '0', '-o', 'json', ...more];
  const code = await runFake(words, { terminal });
  const out = terminal.out();
  const answer = out === '' ? undefined : (JSON.parse(out) as PublicationConfirmation);
  return { code, err: terminal.err(), answer, address };
}

describe('countersign confirm-publication', () => {
  it('is content when everything that the commit added is served byte for byte, also where more came later', async () => {
    await publish({ [file('a')]: OTHER });
    const commit = await publish({ [file('b')]: SIGNATURE, [file('c')]: SIGNATURE });
    await publish({ [file('d')]: SIGNATURE });
    served.set(file('b'), SIGNATURE).set(file('c'), SIGNATURE);
    const { code, answer } = await confirm(commit);
    expect({ code, answer }).toMatchObject({
      code: EXIT.success,
      answer: { commit, signatures: 2, served: true, attempts: 1 },
    });
  });

  it('takes all since another commit', async () => {
    const before = await publish({ [file('a')]: SIGNATURE });
    await publish({ [file('b')]: SIGNATURE });
    const commit = await publish({ [file('c')]: SIGNATURE });
    served.set(file('b'), SIGNATURE).set(file('c'), SIGNATURE);
    expect((await confirm(commit, '--since', before)).answer).toMatchObject({ signatures: 2, served: true });
    expect((await confirm(commit)).answer).toMatchObject({ signatures: 1, served: true });
  });

  it('takes everything where the branch does not have that other commit', async () => {
    await publish({ [file('a')]: SIGNATURE });
    const pushedAway = await repository.commit('elsewhere', { 'images/x': 'x' });
    const commit = await publish({ [file('b')]: SIGNATURE });
    served.set(file('b'), SIGNATURE);
    for (const since of [pushedAway, '0'.repeat(40)]) {
      const { answer, err } = await confirm(commit, '--since', since);
      expect(answer).toMatchObject({ signatures: 2, served: false });
      expect(answer?.reason).toContain(file('a'));
      expect(err).toContain(`the branch has no commit ${since}: everything that ${commit} has is confirmed`);
    }
    expect((await confirm(commit)).err).not.toContain('everything');
  });

  it('names what is not served, by which server', async () => {
    const commit = await publish({ [file('a')]: SIGNATURE, [file('b')]: SIGNATURE });
    served.set(file('a'), SIGNATURE);
    const { code, answer, address } = await confirm(commit, '--replica', '127.0.0.1:1');
    expect(code).toBe(EXIT.unfinished);
    expect(answer).toMatchObject({ served: false, signatures: 2 });
    expect(answer?.reason).toContain(`2 of 2 servers asked do not serve them: ${address}: GET`);
    expect(answer?.reason).toContain('404');
    expect(answer?.reason).toContain('127.0.0.1:1');
  });

  it('is not content with other bytes', async () => {
    const commit = await publish({ [file('a')]: SIGNATURE });
    served.set(file('a'), OTHER);
    expect(await confirm(commit)).toMatchObject({ code: EXIT.unfinished, answer: { served: false } });
  });

  it('does not wait for what a later commit has taken away or replaced', async () => {
    const commit = await publish({ [file('a')]: SIGNATURE, [file('b')]: SIGNATURE, [file('c')]: SIGNATURE });
    await publish({ [file('a')]: null, [file('b')]: OTHER });
    served.set(file('c'), SIGNATURE);
    expect((await confirm(commit)).answer).toMatchObject({ signatures: 1, served: true });
  });

  it('counts signatures alone, in the served folder alone', async () => {
    const files = { [`images/${file('a')}`]: SIGNATURE, [`other/${file('b')}`]: SIGNATURE, 'images/README': 'x' };
    const commit = await repository.commit('main', files);
    served.set(file('a'), SIGNATURE);
    expect((await confirm(commit)).answer).toMatchObject({ signatures: 1, served: true });
  });

  it('refuses a commit that the branch does not have, and what is no commit', async () => {
    await repository.commit('main', {});
    const elsewhere = await repository.commit('elsewhere', { 'images/x': 'x' });
    expect(await confirm(elsewhere)).toMatchObject({ code: EXIT.notFound, answer: undefined });
    expect((await confirm(elsewhere)).err).toContain(`expected a commit of branch main, found none`);
    expect(await confirm('main')).toMatchObject({ code: EXIT.usage });
  });
});
