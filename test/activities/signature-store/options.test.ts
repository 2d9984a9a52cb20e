import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createGitSignatureStore, SignatureStoreError } from '../../../activities/signature-store/index.ts';
import type { GitSignatureStoreOptions } from '../../../activities/signature-store/index.ts';
import { exclusively } from '../../../activities/signature-store/lock.ts';
import { scrub } from '../../../activities/signature-store/scrub.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const folder = useTempFolder();

function open(changed: Partial<GitSignatureStoreOptions>): unknown {
  return createGitSignatureStore({
    url: 'https://git.example.com/acme/signatures.git',
    branch: 'main',
    directory: 'images',
    cacheDirectory: folder.join('cache'),
    identity: { name: 'Countersign', email: 'countersign@example.com' },
    ...changed,
  });
}

function failureOf(changed: Partial<GitSignatureStoreOptions>): SignatureStoreError {
  try {
    open(changed);
  } catch (error) {
    if (error instanceof SignatureStoreError) return error;
  }
  throw new Error('expected a SignatureStoreError');
}

describe('createGitSignatureStore', () => {
  it('does nothing before it is asked', async () => {
    open({});
    expect(await readdir(folder.path)).toEqual([]);
  });

  it.each([
    'https://git.example.com/acme/signatures.git',
    'https://git.example.com:8443/a',
    'http://127.0.0.1:8080/a.git',
    'http://localhost/a.git',
    'http://[::1]:80/a.git',
  ])('takes %s', (url) => {
    expect(() => open({ url })).not.toThrow();
  });

  it.each(['ssh://git@git.example.com:2222/acme/signatures.git', 'git@git.example.com:acme/signatures.git'])(
    'takes %s with a key and known hosts, and with nothing less',
    (url) => {
      expect(() => open({ url, sshKeyFile: '/k', knownHostsFile: '/h' })).not.toThrow();
      expect(failureOf({ url, sshKeyFile: '/k' }).message).toContain('known_hosts');
      expect(failureOf({ url, knownHostsFile: '/h' }).message).toContain('ssh key');
    },
  );

  it.each([
    'file:///srv/signatures.git',
    '/srv/signatures.git',
    '../signatures.git',
    'signatures.git',
    'ext::sh -c touch% /tmp/x',
    'ext::sh',
    'fd::17',
    'git://git.example.com/a.git',
    'ftp://git.example.com/a.git',
    'http://git.example.com/a.git',
    'http://127.0.0.1.example.com/a.git',
    '--upload-pack=touch /tmp/x',
    '-oProxyCommand=x:y',
    'ssh://-oProxyCommand=x/y',
    'ssh://git@-oProxyCommand=x/y',
    'ssh://-x@git.example.com/y',
    '-x@git.example.com:y',
    'git@git.example.com:-y',
    'git@-x:y',
    'git@git.example.com::y',
    'https://git.example.com',
    'https://git.example.com/a.git?token=secret-token',
    'https://git.example.com/a.git#x',
    'https://user:secret-token@git.example.com/a.git',
    'https://secret-token@git.example.com/a.git',
    'ssh://git:secret-token@git.example.com/a.git',
    'https://git.example.com/a.git\nurl=x',
    'https:/git.example.com/a',
    '',
  ])('refuses the URL %j and repeats no secret of it', (url) => {
    const failure = failureOf({ url, sshKeyFile: '/k', knownHostsFile: '/h' });
    expect(failure.code).toBe('configuration-invalid');
    expect(failure.message).not.toContain('secret-token');
  });

  it.each([
    '',
    '-x',
    'a..b',
    'a b',
    'a:b',
    '/a',
    'a/',
    'a.lock',
    '.a',
    'a//b',
    'HEAD',
    'countersign/prod/x',
    'a*',
    'a\nb',
  ])('refuses the branch %j', (branch) => {
    expect(failureOf({ branch })).toMatchObject({ code: 'configuration-invalid' });
  });

  it.each(['/images', 'images/', 'a//b', '..', 'a/../b', '.', '.git', 'a b', 'a\\b'])(
    'refuses the directory %j',
    (directory) => {
      expect(failureOf({ directory })).toMatchObject({ code: 'configuration-invalid' });
    },
  );

  it.each([
    { name: '', email: 'a@b.example' },
    { name: '.,', email: 'a@b.example' },
    { name: 'A\nB', email: 'a@b.example' },
    { name: 'A <x>', email: 'a@b.example' },
    { name: 'A', email: 'nobody' },
    { name: 'A', email: 'a@b\n.example' },
  ])('refuses the identity %j', (identity) => {
    expect(failureOf({ identity })).toMatchObject({ code: 'configuration-invalid' });
  });
});

describe('scrub', () => {
  it('removes secrets, user info, queries and control characters', () => {
    expect(scrub('fatal: https://u:p@host/a?token=t#x\r\n\u001b[31mremote: hunter2\u202e\n\n', ['hunter2'])).toBe(
      'fatal: https://host/a | [31mremote: ***',
    );
    expect(scrub('', [])).toBe('nothing');
    expect(scrub('x'.repeat(5000), []).length).toBeLessThan(1000);
  });
});

describe('exclusively', () => {
  it('runs one after the other for one key, in order, also after a failure', async () => {
    const seen: string[] = [];
    const step = (name: string) => async (): Promise<void> => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
      if (name === 'a') throw new Error('a fails');
    };
    await Promise.allSettled([
      exclusively('key', step('a')),
      exclusively('key', step('b')),
      exclusively('other', step('c')),
    ]);
    expect(seen.filter((line) => !line.startsWith('c'))).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('lets go of whoever is aborted while waiting, and keeps the order of the others', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const stop = new AbortController();
    const seen: string[] = [];
    const first = exclusively('key', async () => {
      await gate;
      seen.push('first');
    });
    const second = exclusively('key', () => Promise.resolve(seen.push('second')), stop.signal);
    const third = exclusively('key', () => Promise.resolve(seen.push('third')));
    stop.abort(new Error('enough'));
    await expect(second).rejects.toThrow('enough');
    expect(seen).toEqual([]);
    open();
    await Promise.all([first, third]);
    expect(seen).toEqual(['first', 'third']);
  });
});
