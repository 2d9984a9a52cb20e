import { describe, expect, it } from 'vitest';

import {
  isLoopbackHost,
  refuseBranch,
  refuseHostPort,
  refuseRegistryHost,
  refuseRegistryPrefix,
  refuseRepositoryDirectory,
  refuseRepositoryUrl,
  refuseServedAt,
  refuseServiceUrl,
} from '../../worker/configuration/addresses.ts';

type Judge = (text: string) => string | undefined;

function judges(
  judge: Judge,
  texts: { readonly accepts: readonly string[]; readonly refuses: readonly string[] },
): void {
  it.each(texts.accepts)('accepts %j', (text) => expect(judge(text)).toBeUndefined());
  it.each(texts.refuses)('refuses %j', (text) => expect(judge(text)).toEqual(expect.any(String)));
}

describe('refuseServiceUrl', () => {
  judges(refuseServiceUrl, {
    accepts: [
      'https://hook.example.com',
      'https://api.example.com:6443/a/b',
      'http://localhost:8080',
      'http://git.localhost/x',
      'http://127.1.2.3:1',
      'http://[::1]:8080/x',
      'https://[2001:db8::1]/x',
    ],
    refuses: [
      'http://10.0.0.1',
      'http://127.0.0.1.example.com',
      'http://localhost.example.com',
      'http://[::2]/',
      'HTTPS://x.example.com',
      'ftp://x.example.com',
      'file:///etc/passwd',
      'x.example.com',
      'https:x.example.com',
      'https://',
      'https://@x.example.com',
      'https://u@x.example.com',
      'https://:p@x.example.com',
      'https://u:p@x.example.com',
      'https://x.example.com?',
      'https://x.example.com/?t=1',
      'https://x.example.com/#t',
      'https://x.example.com/ y',
      'https://x.example.com/\ny',
      ' https://x.example.com',
    ],
  });
});

describe('refuseServedAt', () => {
  judges(refuseServedAt, {
    accepts: ['https://s.example.com', 'https://s.example.com/images', 'http://127.0.0.1:8080/images'],
    refuses: ['https://s.example.com/', 'https://s.example.com/images/', 'http://s.example.com', 'file:///srv'],
  });
});

describe('refuseRepositoryUrl', () => {
  judges(refuseRepositoryUrl, {
    accepts: [
      'https://git.example.com/acme/signatures.git',
      'http://127.0.0.1:8080/dev.git',
      'ssh://git@git.example.com/acme/signatures.git',
      'ssh://git.example.com:2222/signatures',
      'git@git.example.com:acme/signatures.git',
      'git@127.0.0.1:/srv/git/dev.git',
    ],
    refuses: [
      'ext::sh -c id',
      'ext::sh',
      'fd::17',
      'file:///srv/git',
      '/srv/git',
      './git',
      '../git',
      'git.example.com:acme/x.git',
      'git://git.example.com/x',
      'http://git.example.com/x',
      'https://git.example.com',
      'https://git.example.com/',
      'https://user@git.example.com/x',
      'https://user:pass@git.example.com/x',
      'https://git.example.com/x?y',
      'ssh://git:pass@git.example.com/x',
      'ssh://-oProxyCommand=id/x',
      'ssh://git@-oProxyCommand=id/x',
      'ssh://-oProxyCommand=id@git.example.com/x',
      'ssh://git.example.com',
      'ssh://git@git.example.com/-x',
      '-oProxyCommand=id@host:x',
      '--upload-pack=id',
      'git@-oProxyCommand=id:x',
      'git@git.example.com:-x',
      'git@git.example.com:',
      'git@git.example.com:a b',
      'git@git.example.com:a\nb',
    ],
  });
});

describe('the reason of refuseRepositoryUrl', () => {
  it.each([
    ['--upload-pack=id', /begins with -/],
    ['ext::sh -c id', /blank/],
    ['ext::sh', /remote helper, which runs a program/],
    ['ssh://git:pass@git.example.com/x', /carries a password/],
    ['https://git.example.com/', /names no repository/],
  ])('%s', (text, reason) => expect(refuseRepositoryUrl(text)).toMatch(reason));
});

describe('refuseBranch', () => {
  judges(refuseBranch, {
    accepts: ['main', 'release/1.0', 'a-b_c', 'é'],
    refuses: [
      '',
      '-x',
      '--upload-pack=id',
      'refs/heads/main',
      'HEAD',
      '@',
      'a..b',
      'a b',
      'a~1',
      'a^',
      'a:b',
      'a?',
      'a*',
      'a[',
      'a\\b',
      'a@{1}',
      'a//b',
      'a/',
      '/a',
      'a.',
      '.a',
      'a/.b',
      'a.lock',
      'a.lock/b',
      'a\u0000',
      'x'.repeat(201),
    ],
  });
});

describe('refuseRepositoryDirectory', () => {
  judges(refuseRepositoryDirectory, {
    accepts: ['images', 'a/b', 'a.b/_c-d'],
    refuses: [
      '',
      '.',
      '..',
      '/a',
      'a/',
      'a//b',
      'a/../b',
      './a',
      '.git',
      'a/.GIT',
      '.gitmodules',
      'a b',
      'a\\b',
      '-a',
      'é',
    ],
  });
});

describe('refuseHostPort', () => {
  judges(refuseHostPort, {
    accepts: ['127.0.0.1:7233', 'temporal.example.com:443', '[::1]:1', 'a:65535'],
    refuses: [
      '',
      'a',
      'a:',
      ':1',
      'a:0',
      'a:65536',
      '::1:1',
      '[::g]:1',
      'http://a:1',
      'a:1/x',
      'a b:1',
      '-a:1',
      'u@a:1',
    ],
  });
});

describe('refuseRegistryPrefix', () => {
  judges(refuseRegistryPrefix, {
    accepts: ['registry.example.com', 'registry.example.com:5000', 'localhost/acme', '127.0.0.1:5000', 'a.b/c/d-e'],
    refuses: [
      '',
      'acme',
      'acme/shop',
      'https://a.b',
      'a.b/',
      'a.b//c',
      'a.b/C',
      'a.b/c:tag',
      'a.b/c@sha256:0',
      'a.b/../c',
      'index.docker.io/acme',
    ],
  });
});

describe('refuseRegistryHost', () => {
  judges(refuseRegistryHost, {
    accepts: ['registry.example.com', 'other:5000', 'localhost'],
    refuses: ['registry.example.com/acme', 'https://registry.example.com', 'registry', ''],
  });
});

describe('isLoopbackHost', () => {
  it.each([
    ['localhost', true],
    ['a.localhost', true],
    ['LOCALHOST', true],
    ['127.255.0.1', true],
    ['[::1]', true],
    ['notlocalhost', false],
    ['127.0.0.1.example.com', false],
    ['0.0.0.0', false],
    ['[::]', false],
    ['[::ffff:127.0.0.1]', false],
  ])('%s: %s', (host, expected) => expect(isLoopbackHost(host)).toBe(expected));
});
