import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { findCredentials } from '../../cli/images/docker-credentials.ts';
import { parseListen } from '../../cli/operations/run-signature-server.ts';
import { systemServices } from '../../cli/services.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { runFake } from './fixtures.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { startManifestRegistry } from './manifest-registry.ts';
import type { ManifestRegistry } from './manifest-registry.ts';

const folder = useTempFolder();
let registry: ManifestRegistry;
beforeAll(async () => {
  registry = await startManifestRegistry();
});
afterAll(async () => {
  await registry.close();
});

async function run(args: readonly string[], input?: string) {
  const terminal = fakeTerminal({
    cwd: folder.path,
    env: { HOME: folder.path },
    now: Date.now() + 1000,
    ...(input !== undefined && { input }),
  });
  const code = await runFake(args, { terminal });
  return { code, out: terminal.out(), err: terminal.err() };
}

async function makeKey(name: string): Promise<void> {
  const user = `${name} <${name}@example.com>`;
  await run(['keys', 'generate', '--user', user, '--type', 'ed25519', '--out', name]);
}

describe('countersign keys generate', () => {
  it('writes a private key for its owner alone, protected by the passphrase', async () => {
    await writeFile(folder.join('pass'), 'correct horse\n');
    const args = ['keys', 'generate', '--user', 'Ann Lee <ann@example.com>', '--type', 'ed25519', '--out', 'ann'];
    const { code, out, err } = await run([...args, '--passphrase-file', 'pass', '--output', 'json']);
    expect({ code, err }).toEqual({ code: EXIT.success, err: '' });
    const made = JSON.parse(out) as { privateKeyFile: string; publicKeyFile: string; fingerprint: string };
    expect((await stat(made.privateKeyFile)).mode & 0o777).toBe(0o600);
    expect(await readFile(made.publicKeyFile, 'utf8')).toContain('BEGIN PGP PUBLIC KEY BLOCK');
    expect(made.fingerprint).toMatch(/^[0-9A-F]{40}$/);
  });

  it('replaces nothing, and leaves no half behind', async () => {
    await mkdir(folder.join('ann'));
    await writeFile(folder.join('ann', 'public-key.asc'), 'mine');
    const args = ['keys', 'generate', '--user', 'Ann <ann@example.com>', '--type', 'ed25519', '--out', 'ann'];
    const { code, err } = await run(args);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('exists and is not replaced');
    expect(await readdir(folder.join('ann'))).toEqual(['public-key.asc']);
  });

  it('warns of a key without passphrase', async () => {
    const { err } = await run(['keys', 'generate', '--user', 'A <a@example.com>', '--type', 'ed25519', '--out', 'a']);
    expect(err).toContain('has no passphrase');
  });
});

describe('countersign sign and verify', () => {
  beforeEach(async () => {
    await makeKey('prod');
    await makeKey('other');
  });

  const image = () => `${registry.host}/acme/web:1`;
  const sign = (key = 'prod') =>
    run(['sign', image(), '--key', `${key}/signing-key.asc`, '--output-dir', 'store', '--output', 'json']);
  const verify = (...more: string[]) => {
    const store = `file://${folder.join('store')}`;
    return run(['verify', ...more, '--key', 'prod/public-key.asc', '--lookaside', store, '--output', 'json']);
  };

  it('accepts what was signed: every platform, by its own signature', async () => {
    const signed = await sign();
    expect(signed.code).toBe(EXIT.success);
    const summary = JSON.parse(signed.out) as { digest: string; signatures: { digest: string; added: boolean }[] };
    expect(summary.digest).toBe(registry.index);
    expect(summary.signatures.map(({ digest }) => digest).sort()).toEqual(
      [...registry.platforms, registry.index].sort(),
    );
    const { code, out } = await verify(image());
    expect(code).toBe(EXIT.success);
    expect(JSON.parse(out)).toMatchObject({
      accepted: true,
      digest: registry.index,
      platforms: [
        { platform: 'linux/amd64', accepted: true },
        { platform: 'linux/arm64', accepted: true },
      ],
    });
  });

  it('adds an equal signature once, and another one as the next number', async () => {
    await sign();
    const again = JSON.parse((await sign()).out) as { signatures: { added: boolean; number: number }[] };
    expect(again.signatures.every(({ added }) => !added)).toBe(true);
    const other = JSON.parse((await sign('other')).out) as { signatures: { added: boolean; number: number }[] };
    expect(other.signatures.every(({ added, number }) => added && number === 2)).toBe(true);
    const directory = folder.join('store', `acme/web@${registry.index.replace(':', '=')}`);
    expect((await readdir(directory)).sort()).toEqual(['signature-1', 'signature-2']);
  });

  it('refuses what is unsigned, or signed by another key, with exit code 1 and the reason', async () => {
    const unsigned = await verify(image());
    expect(unsigned.code).toBe(EXIT.failure);
    expect(JSON.parse(unsigned.out)).toMatchObject({ accepted: false });
    await sign('other');
    const { code, out } = await verify(image());
    expect(code).toBe(EXIT.failure);
    const { platforms } = JSON.parse(out) as { platforms: { accepted: boolean; reason: string }[] };
    expect(platforms[0]?.accepted).toBe(false);
    expect(platforms[0]?.reason).not.toBe('');
  });

  it('judges images from standard input, one JSON line each', async () => {
    await sign();
    const store = `file://${folder.join('store')}`;
    const args = ['verify', '-', '--key', 'prod/public-key.asc', '--lookaside', store, '--output', 'json'];
    const { code, out } = await run(args, `${image()}\n\n${registry.host}/acme/none:1\nnot a reference`);
    expect(code).toBe(EXIT.failure);
    const verdicts = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { input: string; accepted?: boolean; error?: { code: string } });
    expect(verdicts.map(({ accepted, error }) => accepted ?? error?.code)).toEqual([
      true,
      'image-unknown',
      'reference-invalid',
    ]);
    expect(verdicts[2]?.input).toBe('not a reference');
  });

  it('judges by the files of a node', async () => {
    await sign();
    const scope = `${registry.host}/acme`;
    const keyPath = folder.join('prod/public-key.asc');
    const signedBy = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath }];
    const policy = { default: [{ type: 'reject' }], transports: { docker: { [scope]: signedBy } } };
    await writeFile(folder.join('policy.json'), JSON.stringify(policy));
    await mkdir(folder.join('registries.d'));
    const section = { docker: { [scope]: { lookaside: `file://${folder.join('store')}` } } };
    await writeFile(folder.join('registries.d', 'a.yaml'), JSON.stringify(section));
    const { code, out } = await run(['verify', image(), '--policy', 'policy.json', '--registries-d', 'registries.d']);
    expect(code).toBe(EXIT.success);
    expect(out).toContain(`accepted ${image()}`);
  });

  it('signs nothing without a tag, and names an image that is not there', async () => {
    const key = ['--key', 'prod/signing-key.asc', '--output-dir', 'store'];
    expect((await run(['sign', `${registry.host}/acme/web`, ...key])).code).toBe(EXIT.usage);
    expect((await run(['sign', `${registry.host}/acme/web:2`, ...key])).code).toBe(EXIT.notFound);
    await expect(readdir(folder.join('store'))).rejects.toThrow('ENOENT');
  });
});

describe('findCredentials', () => {
  const repository = { domain: 'registry.example.com', path: 'acme/web' };
  const config = (password: string) => {
    const auth = Buffer.from(`user:${password}`).toString('base64');
    return JSON.stringify({ auths: { 'registry.example.com': { auth } } });
  };

  const place = async (file: string, text: string): Promise<void> => {
    await mkdir(path.dirname(folder.join(file)), { recursive: true });
    await writeFile(folder.join(file), text);
  };
  const here = () => ({ HOME: folder.join('home'), XDG_RUNTIME_DIR: folder.join('run') });
  const look = async (env: Record<string, string> = here()) =>
    await (await findCredentials({ env })).lookup(repository);

  it('takes the first file that holds one, in the order of containers/image', async () => {
    expect(await look()).toBeUndefined();
    const legacy = JSON.stringify({ 'https://registry.example.com/v1/': { auth: 'dXNlcjpsZWdhY3k=' } });
    for (const [file, text, password] of [
      ['home/.dockercfg', legacy, 'legacy'],
      ['home/.docker/config.json', config('docker'), 'docker'],
      ['home/.config/containers/auth.json', config('podman'), 'podman'],
      ['run/containers/auth.json', config('session'), 'session'],
    ] as const) {
      await place(file, text);
      expect(await look(), file).toMatchObject({ password });
    }
    await place('run/containers/auth.json', '{"auths":{"registry.example.com":{}}}');
    expect(await look()).toMatchObject({ password: 'podman' });
  });

  it('reads no other file where one is named in the environment', async () => {
    await place('home/.docker/config.json', config('docker'));
    const env = { ...here(), REGISTRY_AUTH_FILE: folder.join('auth.json') };
    expect(await look(env)).toBeUndefined();
    await place('auth.json', config('named'));
    expect(await look(env)).toMatchObject({ password: 'named' });
  });

  it('does not pass over what is damaged, and does not read what comes after the hit', async () => {
    await place('home/.config/containers/auth.json', '{ canary');
    await place('home/.docker/config.json', config('docker'));
    await expect(look()).rejects.toThrow(/auth\.json: not JSON; expected a docker config\.json$/);
    await place('run/containers/auth.json', config('session'));
    expect(await look()).toMatchObject({ password: 'session' });
    await rm(folder.join('run/containers/auth.json'));
    await mkdir(folder.join('run/containers/auth.json'));
    await expect(look()).rejects.toThrow(/auth\.json: cannot be read \(EISDIR\); it may hold credentials$/);
  });

  it('reads $DOCKER_CONFIG', async () => {
    await writeFile(path.join(folder.path, 'config.json'), config('there'));
    const found = await findCredentials({ env: { HOME: '/nowhere', DOCKER_CONFIG: folder.path } });
    expect(await found.lookup(repository)).toMatchObject({ password: 'there' });
  });
});

describe('countersign config check', () => {
  it('reports every problem of a file with its line, with exit code 2', async () => {
    await writeFile(folder.join('countersign.yaml'), 'route: [dev]\nenvironmets: {}\n');
    const terminal = fakeTerminal({ cwd: folder.path });
    const services = { readConfiguration: (file: string) => systemServices.readConfiguration(file) };
    const code = await runFake(['config', 'check', '--output', 'json'], { terminal, services });
    expect(code).toBe(EXIT.usage);
    const { problems } = JSON.parse(terminal.out()) as { problems: { text: string; line: number }[] };
    expect(problems.map(({ line }) => line)).toContain(2);
    expect(problems[0]?.text).toMatch(/countersign\.yaml:\d+:\d+: /);
  });
});

describe('parseListen', () => {
  it.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
  ])('reads %s', (text, expected) => {
    expect(parseListen(text)).toEqual(expected);
  });

  it.each(['8080', ':8080', '::1:80', 'host:99999', 'host:', ''])('refuses %j', (text) => {
    expect(() => parseListen(text)).toThrow('--listen: expected HOST:PORT');
  });
});
