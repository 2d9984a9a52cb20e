import { chmod, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { parseDockerCfg, parseDockerConfig } from '../../../activities/oci/index.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { failureOf } from './fixture.ts';

const folder = useTempFolder();
const { PATH } = process.env;

afterEach(() => {
  process.env['PATH'] = PATH;
});

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

async function lookup(config: unknown, name: string): Promise<unknown> {
  const credential = await parseDockerConfig(JSON.stringify(config), 'registry.json').lookup(parseReference(name));
  return credential?.kind === 'password' ? `${credential.user}:${credential.password}` : credential?.token;
}

async function installProgram(name: string, script: string): Promise<void> {
  const file = folder.join(`docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  process.env['PATH'] = `${folder.path}:${PATH ?? ''}`;
}

describe('parseDockerConfig', () => {
  const auths = {
    'registry.example.com': { auth: base64('host:1') },
    'registry.example.com/acme': { auth: base64('acme:2') },
    'registry.example.com/acme/shop': { auth: base64('shop:3') },
    'https://old.example.com/v1/': { auth: base64('old:4') },
    'https://index.docker.io/v1/': { auth: base64('hub:5') },
    'empty.example.com': {},
    'colon.example.com': { auth: base64('user:a:b:c') },
    'nul.example.com': { auth: base64('user:pw\0\0') },
    'token.example.com': { auth: base64('user:'), identitytoken: 'tok' },
    'registry.example.com:5000': { auth: base64('port:6') },
    'tokenless.example.com': { identitytoken: 'tok' },
    'named.example.com': { username: 'user', password: 'pw' },
    'https://both.example.com': { auth: base64('url:8') },
    'both.example.com': { auth: base64('exact:7') },
    'registry.example.com/none': {},
    'slash.example.com/': { auth: base64('slash:9') },
  };

  it.each([
    ['registry.example.com/acme/shop/web:1', 'shop:3'],
    ['registry.example.com/acme/shop', 'shop:3'],
    ['registry.example.com/acme/shopping/web', 'acme:2'],
    ['registry.example.com/acmes/web', 'host:1'],
    ['registry.example.com:5000/acme/web', 'port:6'],
    ['registry.example.com:5001/acme/web', undefined],
    ['evil-registry.example.com/acme/web', undefined],
    ['registry.example.com.evil.org/acme/web', undefined],
    ['old.example.com/acme/web', 'old:4'],
    ['busybox', 'hub:5'],
    ['docker.io/acme/web', 'hub:5'],
    ['mydocker.io/acme/web', undefined],
    ['empty.example.com/acme/web', undefined],
    ['colon.example.com/acme/web', 'user:a:b:c'],
    ['nul.example.com/acme/web', 'user:pw'],
    ['token.example.com/acme/web', 'tok'],
    ['tokenless.example.com/acme/web', undefined],
    ['named.example.com/acme/web', undefined],
    ['both.example.com/acme/web', 'exact:7'],
    ['registry.example.com/none/web', undefined],
    ['slash.example.com/acme/web', undefined],
  ])('finds for %s the most specific entry', async (name, expected) => {
    expect(await lookup({ auths }, name)).toBe(expected);
  });

  it.each([
    ['text that is no JSON', '{"auths":{"canary'],
    ['a list', '["canary"]'],
    ['auths that are a list', '{"auths":["canary"]}'],
    ['an entry that is a text', '{"auths":{"r.example.com":"canary"}}'],
    ['auth that is no base64', '{"auths":{"r.example.com":{"auth":"canary!"}}}'],
    ['auth without colon', `{"auths":{"r.example.com":{"auth":"${base64('canary')}"}}}`],
    ['a program with a path', '{"credHelpers":{"r.example.com":"../canary"}}'],
    ['a default program that is no name', '{"credsStore":"a/canary"}'],
  ])('refuses %s, names the file and shows nothing of it', (_, text) => {
    let failure: unknown;
    try {
      parseDockerConfig(text, '/secrets/prod/registry.json');
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: 'configuration-invalid' });
    const { message, cause } = failure as Error;
    expect(message).toMatch(/^\/secrets\/prod\/registry\.json: /);
    expect(message).not.toMatch(/canary|Y2FuYXJ5/);
    expect(cause).toBeUndefined();
  });

  it('asks the program of the host first, and with its name', async () => {
    await installProgram('own', 'read -r host; echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"s\\"}"');
    const config = { auths, credHelpers: { 'registry.example.com': 'own' } };
    expect(await lookup(config, 'registry.example.com/acme/web')).toBe('registry.example.com:s');
    expect(await lookup(config, 'old.example.com/acme/web')).toBe('old:4');
  });

  it('asks the default program where there is no entry, for Docker Hub by its old name', async () => {
    await installProgram('store', 'read -r host; echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"$host\\"}"');
    expect(await lookup({ auths: {}, credsStore: 'store' }, 'busybox')).toBe('https://index.docker.io/v1/');
    expect(await lookup({ auths, credsStore: 'store' }, 'busybox')).toBe('hub:5');
  });

  it('asks the default program where the entry of docker is empty', async () => {
    await installProgram('store', 'echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"s\\"}"');
    const config = { auths: { 'registry.example.com': {} }, credsStore: 'store' };
    expect(await lookup(config, 'registry.example.com/acme/web')).toBe('u:s');
  });

  it('asks a program for Docker Hub by its new name too', async () => {
    const credential = 'echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"s\\"}"';
    await installProgram(
      'hub',
      `read -r host; [ "$host" = docker.io ] || { echo credentials not found; exit 1; }; ${credential}`,
    );
    expect(await lookup({ credHelpers: { 'docker.io': 'hub' } }, 'busybox')).toBe('u:s');
  });

  it('tells a program nothing but the host, on its input', async () => {
    await installProgram('spy', 'cat > /dev/null; echo "{\\"Username\\":\\"$# $*\\",\\"Secret\\":\\"s\\"}"');
    expect(await lookup({ credHelpers: { 'r.example.com': 'spy' } }, 'r.example.com/a/b')).toBe('1 get:s');
  });

  it('ends a program that talks without end', async () => {
    await installProgram('endless', 'trap "" TERM; exec yes canary');
    const failure = await failureOf(lookup({ credsStore: 'endless' }, 'r.example.com/a/b'));
    expect(failure.message).toContain('it said more than 1048576 bytes');
    expect(failure.message).not.toContain('canary');
  });

  it('takes a program at its word when it has nothing', async () => {
    await installProgram('empty', 'echo "credentials not found in native keychain"; exit 1');
    expect(await lookup({ credsStore: 'empty' }, 'r.example.com/a/b')).toBeUndefined();
  });

  it.each([
    ['fails', 'echo canary; echo canary >&2; exit 3', 'exit code 3'],
    ['says nothing sensible', 'echo canary', 'Username and Secret'],
  ])('shows nothing of what a program says that %s', async (_, script, expected) => {
    await installProgram('broken', script);
    const failure = await failureOf(lookup({ credsStore: 'broken' }, 'r.example.com/a/b'));
    expect(failure).toMatchObject({ code: 'configuration-invalid' });
    expect(failure.message).toContain(expected);
    expect(failure.message).not.toContain('canary');
  });

  it('names a program that is not there', async () => {
    const failure = await failureOf(lookup({ credsStore: 'nowhere' }, 'r.example.com/a/b'));
    expect(failure.message).toBe(
      'docker-credential-nowhere get for r.example.com (named in registry.json): there is no such program on PATH',
    );
  });
});

describe('parseDockerCfg', () => {
  it('reads entries by host', async () => {
    const text = JSON.stringify({ 'https://old.example.com/v1/': { auth: base64('old:1'), email: 'x' } });
    const credentials = parseDockerCfg(text, '.dockercfg');
    expect(await credentials.lookup(parseReference('old.example.com/a/b'))).toMatchObject({ password: '1' });
    expect(await credentials.lookup(parseReference('new.example.com/a/b'))).toBeUndefined();
  });
});
