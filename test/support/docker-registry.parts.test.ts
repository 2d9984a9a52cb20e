import { execFile } from 'node:child_process';
import { access, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip as gunzipCallback } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterEach, describe, expect, it } from 'vitest';
import { createTlsFiles } from './certificates.ts';
import { startDockerRegistry } from './docker-registry.ts';
import type { DockerRegistry, DockerRegistryOptions } from './docker-registry.ts';
import { ensureParts, waitUntil } from './parts/index.mjs';
import { deleteManifest, fetchManifestRaw, hasBlob, moveTag, pushSampleImage, tagOf } from './registry-push.ts';
import { buildSampleImage, sha256 } from './sample-image.ts';
import type { SampleManifest } from './sample-image.ts';
import { useTempFolder } from './temp-folder.ts';
import { startTokenServer } from './token-server.ts';
import type { TokenServer, TokenServerOptions } from './token-server.ts';

const gunzip = promisify(gunzipCallback);
const folder = useTempFolder();
const started: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

describe('startDockerRegistry', () => {
  it.each(['oci', 'docker'] as const)('serves the pushed bytes of %s images to skopeo', async (mediaTypes) => {
    const registry = await startRegistry();
    const image = await buildSampleImage({ mediaTypes });
    await pushSampleImage(registry, 'team/app', '1.0', image);
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', url(registry, 'team/app:1.0'));
    expect(sha256(raw)).toBe(image.digest);
  });

  it('lets skopeo copy each platform, layers and all', async () => {
    const registry = await startRegistry();
    const image = await buildSampleImage({ platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] });
    await pushSampleImage(registry, 'team/app', '1.0', image);
    for (const { digest, platform } of image.manifests) {
      const [os = '', arch = '', variant] = (platform ?? '').split('/');
      const target = folder.join(digest.slice(7));
      const wanted = ['--override-os', os, '--override-arch', arch];
      if (variant !== undefined) wanted.push('--override-variant', variant);
      await skopeo(...wanted, 'copy', '--src-tls-verify=false', url(registry, 'team/app:1.0'), `dir:${target}`);
      expect(sha256(await readFile(path.join(target, 'manifest.json')))).toBe(digest);
      expect(await readdir(target)).toHaveLength(2 + 1 + 2);
    }
  });

  it('keeps port and storage over an outage', async () => {
    const registry = await startRegistry();
    const image = await buildSampleImage();
    await pushSampleImage(registry, 'team/app', '1.0', image);
    await registry.halt();
    await expect(tagOf(registry, 'team/app', '1.0')).rejects.toThrow('ECONNREFUSED');
    await registry.restart();
    expect(await tagOf(registry, 'team/app', '1.0')).toBe(image.digest);
  });

  it('tells the requests it got, and no others', async () => {
    const registry = await startRegistry();
    await tagOf(registry, 'team/app', 'none');
    await waitUntil(() => registry.requests().length > 0, { what: 'the access log', timeoutMs: 5000 });
    expect(registry.requests()).toEqual(['HEAD /v2/team/app/manifests/none 404']);
  });

  it('refuses to delete where that is disabled', async () => {
    const registry = await startRegistry({ deleteEnabled: false });
    const image = await buildSampleImage();
    await pushSampleImage(registry, 'team/app', '1.0', image);
    await expect(deleteManifest(registry, 'team/app', image.digest)).rejects.toThrow('got 405');
  });

  it('removes its storage when it is stopped', async () => {
    const registry = await startRegistry();
    await registry.stop();
    await expect(access(registry.storage)).rejects.toThrow('ENOENT');
  });

  it('collects the untagged image with its blobs, and leaves the tagged one', async () => {
    const registry = await startRegistry();
    const options = { platforms: ['linux/amd64'], single: true } as const;
    const [old, kept] = [await buildSampleImage({ ...options, seed: 'old' }), await buildSampleImage(options)];
    await pushSampleImage(registry, 'team/app', 'latest', old);
    await pushSampleImage(registry, 'team/app', undefined, kept);
    await moveTag(registry, 'team/app', 'latest', kept.digest);
    await registry.collectGarbage();
    expect(await fetchManifestRaw(registry, 'team/app', old.digest)).toEqual(withoutPlatform(old.index));
    await registry.collectGarbage({ removeUntagged: true });
    expect(await fetchManifestRaw(registry, 'team/app', old.digest)).toBeUndefined();
    expect(await tagOf(registry, 'team/app', 'latest')).toBe(kept.digest);
    for (const digest of old.blobs.keys()) expect(await hasBlob(registry, 'team/app', digest)).toBe(false);
    for (const digest of kept.blobs.keys()) expect(await hasBlob(registry, 'team/app', digest)).toBe(true);
  });

  it('collects garbage where nothing was pushed', async () => {
    const registry = await startRegistry();
    await registry.collectGarbage({ removeUntagged: true });
    expect(await tagOf(registry, 'team/app', '1.0')).toBeUndefined();
  });
});

describe('startDockerRegistry with basic authentication over TLS', () => {
  const basic = { user: 'builder', password: 'p:ss wörd/1' };

  it('accepts the account from who trusts the authority', async () => {
    const registry = await startRegistry({ basic, tls: 'generated' });
    const image = await buildSampleImage();
    await pushSampleImage(registry, 'team/app', '1.0', image);
    const certificates = await certificateFolder(registry);
    const creds = ['--creds', `${basic.user}:${basic.password}`];
    const raw = await skopeo('inspect', '--raw', ...certificates, ...creds, url(registry, 'team/app:1.0'));
    expect(sha256(raw)).toBe(image.digest);
  });

  it('refuses who has no account or a wrong password', async () => {
    const registry = await startRegistry({ basic, tls: 'generated' });
    const certificates = await certificateFolder(registry);
    const inspect = ['inspect', '--raw', ...certificates, url(registry, 'team/app:1.0')];
    await expect(skopeo(...inspect, '--no-creds')).rejects.toThrow(/unauthorized|authentication required/);
    await expect(skopeo(...inspect, '--creds', 'builder:wrong')).rejects.toThrow(
      /unauthorized|authentication required/,
    );
  });

  it('is not trusted without the authority', async () => {
    const registry = await startRegistry({ basic, tls: 'generated' });
    const creds = ['--creds', `${basic.user}:${basic.password}`];
    await expect(skopeo('inspect', '--raw', ...creds, url(registry, 'team/app:1.0'))).rejects.toThrow('x509');
  });
});

describe('startTokenServer', () => {
  it.each(['ES256', 'RS256'] as const)('issues %s tokens that the registry accepts from skopeo', async (algorithm) => {
    const { tokens, registry } = await startWithTokens({ algorithm });
    const image = await buildSampleImage();
    const auth = tokens.bearerFor('builder', 'repository:team/app:pull,push');
    await pushSampleImage({ host: registry.host, auth }, 'team/app', '1.0', image);
    const creds = ['--tls-verify=false', '--creds', 'reader:r'];
    const raw = await skopeo('inspect', '--raw', ...creds, url(registry, 'team/app:1.0'));
    expect(sha256(raw)).toBe(image.digest);
    expect(tokens.issued()).toBe(1);
    const asked = { grant: 'basic', user: 'reader', service: 'registry', scopes: ['repository:team/app:pull'] };
    expect(tokens.requests()).toEqual([{ method: 'GET', status: 200, ...asked }]);
  });

  it('lets a user do in a repository what was granted there, and no more', async () => {
    const { tokens, registry } = await startWithTokens();
    const image = await buildSampleImage({ platforms: ['linux/amd64'], single: true });
    const push = (user: string, repository: string): Promise<void> => {
      const auth = tokens.bearerFor(user, `repository:${repository}:pull,push`);
      return pushSampleImage({ host: registry.host, auth }, repository, '1.0', image);
    };
    await push('builder', 'team/app');
    await expect(push('builder', 'team/other')).rejects.toThrow('got 401');
    await expect(push('reader', 'team/app')).rejects.toThrow('got 401');
    const auth = tokens.bearerFor('reader', 'repository:team/app:pull,push');
    expect(await tagOf({ host: registry.host, auth }, 'team/app', '1.0')).toBe(image.digest);
  });

  it('refuses wrong passwords, and requests without any unless everybody is allowed something', async () => {
    const { tokens, registry } = await startWithTokens();
    const inspect = ['inspect', '--raw', '--tls-verify=false', url(registry, 'team/app:1.0')];
    await expect(skopeo(...inspect, '--creds', 'reader:wrong')).rejects.toThrow(/unauthorized|invalid username/);
    await expect(skopeo(...inspect, '--no-creds')).rejects.toThrow(/unauthorized|invalid username/);
    expect(tokens.issued()).toBe(0);
    expect(tokens.requests().map(({ status }) => status)).toEqual([401, 401]);

    const open = await startWithTokens({ anonymous: { 'team/app': ['pull'] } });
    const auth = open.tokens.bearerFor('builder', 'repository:team/app:push,pull');
    const image = await buildSampleImage();
    await pushSampleImage({ host: open.registry.host, auth }, 'team/app', '1.0', image);
    const raw = await skopeo(
      'inspect',
      '--raw',
      '--tls-verify=false',
      '--no-creds',
      url(open.registry, 'team/app:1.0'),
    );
    expect(sha256(raw)).toBe(image.digest);
  });

  it('takes an identity token by POST', async () => {
    const { tokens, registry } = await startWithTokens();
    const image = await buildSampleImage();
    const auth = tokens.bearerFor('builder', 'repository:team/app:pull,push');
    await pushSampleImage({ host: registry.host, auth }, 'team/app', '1.0', image);
    const authfile = folder.join('auth.json');
    const entry = { auth: Buffer.from('reader:').toString('base64'), identitytoken: tokens.refreshTokenFor('reader') };
    await writeFile(authfile, JSON.stringify({ auths: { [registry.host]: entry } }));
    const options = ['--tls-verify=false', '--authfile', authfile];
    expect(sha256(await skopeo('inspect', '--raw', ...options, url(registry, 'team/app:1.0')))).toBe(image.digest);
    expect(tokens.requests()).toMatchObject([{ method: 'POST', grant: 'refresh_token', user: 'reader', status: 200 }]);
  });

  it('exchanges a password for a refresh token, and that for a token', async () => {
    const { tokens } = await startWithTokens();
    const post = async (fields: Record<string, string>): Promise<{ status: number; body: Record<string, unknown> }> => {
      const form = { service: 'registry', client_id: 'test', scope: 'repository:team/app:pull', ...fields };
      const response = await fetch(tokens.realm, { method: 'POST', body: new URLSearchParams(form) });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const reader = { grant_type: 'password', username: 'reader', password: 'r', access_type: 'offline' };
    const first = await post(reader);
    expect(first.body).toMatchObject({ expires_in: 300, scope: 'repository:team/app:pull' });
    const second = await post({ grant_type: 'refresh_token', refresh_token: String(first.body['refresh_token']) });
    expect(second).toMatchObject({ status: 200, body: { access_token: expect.any(String) } });
    expect(second.body).not.toHaveProperty('refresh_token');
    expect((await post({ ...reader, password: 'wrong' })).status).toBe(401);
    expect((await post({ grant_type: 'refresh_token', refresh_token: 'made up' })).status).toBe(401);
    expect((await post({ ...reader, service: 'another' })).status).toBe(400);
  });

  it('issues tokens that the registry refuses once their lifetime is over', async () => {
    const { tokens, registry } = await startWithTokens({ lifetime: { real: -1 } });
    const scope = 'repository:team/app:pull';
    const expired = { host: registry.host, auth: tokens.bearerFor('reader', scope) };
    await expect(tagOf(expired, 'team/app', '1.0')).rejects.toThrow('got 401');
    tokens.setLifetime({ real: 5 });
    const fresh = { host: registry.host, auth: tokens.bearerFor('reader', scope) };
    expect(await tagOf(fresh, 'team/app', '1.0')).toBeUndefined();
  });

  it('serves over TLS beside its registry', async () => {
    const tls = await createTlsFiles(folder.path);
    const { registry, tokens } = await startWithTokens({ tls }, { tls });
    expect(tokens.realm).toMatch(/^https:/);
    const image = await buildSampleImage();
    const access = {
      host: registry.host,
      ca: tls.ca,
      auth: tokens.bearerFor('builder', 'repository:team/app:pull,push'),
    };
    await pushSampleImage(access, 'team/app', '1.0', image);
    const options = [...(await certificateFolder(registry)), '--creds', 'reader:r'];
    expect(sha256(await skopeo('inspect', '--raw', ...options, url(registry, 'team/app:1.0')))).toBe(image.digest);
  });
});

describe('buildSampleImage', () => {
  it('gives the same bytes for the same seed, and others for another', async () => {
    const [one, same, other] = await Promise.all([
      buildSampleImage({ seed: 'a' }),
      buildSampleImage({ seed: 'a' }),
      buildSampleImage({ seed: 'b' }),
    ]);
    expect(same).toEqual(one);
    expect(other.digest).not.toBe(one.digest);
    expect([...other.blobs.keys()].filter((digest) => one.blobs.has(digest))).toEqual([]);
  });

  it('holds the files of a small system, in layers of about the wanted size that the configuration names', async () => {
    const { blobs } = await buildSampleImage({ platforms: ['linux/amd64'], single: true, layerBytes: 100_000 });
    const layers = [...blobs.values()].filter((blob) => blob[0] === 0x1f);
    const config = [...blobs.values()].find((blob) => blob[0] !== 0x1f)?.toString() ?? '';
    const [names, diffIds]: [string[], string[]] = [[], []];
    for (const layer of layers) {
      expect(Math.abs(layer.length - 100_000)).toBeLessThan(2000);
      const tar = await gunzip(layer);
      diffIds.push(sha256(tar));
      const archive = extract();
      archive.end(tar);
      for await (const entry of archive) {
        names.push(entry.header.name);
        entry.resume();
      }
    }
    expect(names).toEqual(
      ['etc/', 'etc/os-release', 'data/', 'data/0.bin'].concat(['app/', 'app/hello.txt', 'data/', 'data/1.bin']),
    );
    expect(JSON.parse(config)).toMatchObject({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { type: 'layers', diff_ids: diffIds },
    });
  });

  it('shares the last of several layers between platforms', async () => {
    expect((await buildSampleImage()).blobs.size).toBe(2 + 2 + 1);
    expect((await buildSampleImage({ layers: 1 })).blobs.size).toBe(2 + 2);
  });

  it('nests an index that the registry takes with all its children', async () => {
    const registry = await startRegistry();
    const image = await buildSampleImage({ nested: true });
    await pushSampleImage(registry, 'team/app', '1.0', image);
    const outer = JSON.parse(image.index.bytes.toString()) as { manifests: { digest: string; mediaType: string }[] };
    expect(outer.manifests.map(({ mediaType }) => mediaType)).toEqual([
      'application/vnd.oci.image.manifest.v1+json',
      'application/vnd.oci.image.index.v1+json',
    ]);
    for (const manifest of image.everyManifest) {
      expect(await fetchManifestRaw(registry, 'team/app', manifest.digest)).toEqual(withoutPlatform(manifest));
    }
  });

  it.each([
    { single: true },
    { single: true, nested: true, platforms: ['linux/amd64'] },
    { nested: true, platforms: ['linux/amd64'] },
    { platforms: [] },
    { layers: 0 },
  ])('refuses %j', async (options) => {
    await expect(buildSampleImage(options)).rejects.toThrow('build a sample image: ');
  });
});

async function startRegistry(options?: DockerRegistryOptions): Promise<DockerRegistry> {
  const registry = await startDockerRegistry(options);
  started.push(registry);
  return registry;
}

async function startWithTokens(
  options: Partial<TokenServerOptions> = {},
  registryOptions: DockerRegistryOptions = {},
): Promise<{ tokens: TokenServer; registry: DockerRegistry }> {
  const users: TokenServerOptions['users'] = {
    builder: { password: 'b', access: { 'team/app': ['pull', 'push'] } },
    reader: { password: 'r', access: { '*': ['pull'] } },
  };
  const tokens = await startTokenServer({ users, ...options });
  started.push(tokens);
  return { tokens, registry: await startRegistry({ ...registryOptions, bearer: tokens }) };
}

/** As a registry tells it. */
function withoutPlatform({ bytes, digest, mediaType }: SampleManifest): SampleManifest {
  return { bytes, digest, mediaType };
}

function url({ host }: DockerRegistry, image: string): string {
  return `docker://${host}/${image}`;
}

async function certificateFolder({ ca = '' }: DockerRegistry): Promise<string[]> {
  await mkdir(folder.join('certificates'), { recursive: true });
  await writeFile(folder.join('certificates/ca.crt'), ca);
  return ['--cert-dir', folder.join('certificates')];
}

async function skopeo(...args: readonly string[]): Promise<Buffer> {
  const parts = await ensureParts(['skopeo']);
  const policy = folder.join('policy.json');
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const { stdout } = await promisify(execFile)(parts.skopeo, ['--policy', policy, ...args], { encoding: 'buffer' });
  return stdout;
}
