import { afterEach, describe, expect, it } from 'vitest';
import { copyImage, parseDockerConfig } from '../../../activities/oci/index.ts';
import type { RegistryClientOptions, RegistryCredentials } from '../../../activities/oci/index.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import type { DockerRegistry, DockerRegistryOptions } from '../../support/docker-registry.ts';
import { fetchManifestRaw, pushSampleImage } from '../../support/registry-push.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import { startTokenServer } from '../../support/token-server.ts';
import type { TokenServer, TokenServerOptions } from '../../support/token-server.ts';
import { failureOf, openClient, reference, repository, startUpload } from './fixture.ts';

const started: { stop: () => Promise<void> }[] = [];

afterEach(async () => {
  for (const one of started.splice(0).reverse()) await one.stop();
});

async function startRegistry(options: DockerRegistryOptions): Promise<DockerRegistry> {
  const registry = await startDockerRegistry(options);
  started.push(registry);
  return registry;
}

async function startTokens(options: Partial<TokenServerOptions> = {}): Promise<TokenServer> {
  const tokens = await startTokenServer({
    users: {
      builder: { password: 'b', access: { 'dev/web': ['pull', 'push'], 'prod/web': ['pull', 'push'] } },
      reader: { password: 'r', access: { '*': ['pull'] } },
    },
    ...options,
  });
  started.push(tokens);
  return tokens;
}

/** The token server is configured for this registry. */
function vouched({ host }: DockerRegistry, { realm }: TokenServer): Pick<RegistryClientOptions, 'hosts'> {
  return { hosts: { [host]: { tokenServers: [new URL(realm).origin] } } };
}

function login({ host }: DockerRegistry, user: string, password: string): RegistryCredentials {
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  return parseDockerConfig(JSON.stringify({ auths: { [host]: { auth } } }), 'registry.json');
}

describe('a registry with passwords behind a private authority', () => {
  const basic = { user: 'builder', password: 'p:ss wörd/1' };

  it('is read and written with the account and the authority', async () => {
    const registry = await startRegistry({ basic, tls: 'generated' });
    const image = await buildSampleImage();
    await pushSampleImage(registry, 'dev/web', '1.0', image);
    const hosts = { [registry.host]: { ca: registry.ca! } };
    const client = openClient({ hosts, credentials: login(registry, basic.user, basic.password) });
    expect(await client.resolve(reference(registry, 'dev/web:1.0'))).toBe(image.digest);
    const result = await copyImage({
      source: { client, reference: reference(registry, `dev/web@${image.digest}`) },
      target: { client, repository: repository(registry, 'prod/web') },
    });
    expect(result.blobsMounted).toBe(image.blobs.size);
    expect((await fetchManifestRaw(registry, 'prod/web', image.digest))?.digest).toBe(image.digest);
  });

  it('denies who has no account or a wrong password', async () => {
    const registry = await startRegistry({ basic, tls: 'generated' });
    const hosts = { [registry.host]: { ca: registry.ca! } };
    for (const credentials of [undefined, login(registry, basic.user, 'wrong')]) {
      const client = openClient({ hosts, ...(credentials && { credentials }) });
      const failure = await failureOf(client.resolve(reference(registry, 'dev/web:1.0')));
      expect(failure).toMatchObject({ code: 'access-denied', status: 401 });
    }
  });

  it('is not trusted without the authority, and not asked in clear', async () => {
    const registry = await startRegistry({ basic, tls: 'generated' });
    const client = openClient({ hosts: { [registry.host]: { plainHttp: false } } });
    const failure = await failureOf(client.resolve(reference(registry, 'dev/web:1.0')));
    expect(failure).toMatchObject({ code: 'configuration-invalid' });
    expect(failure.message).toMatch(/certificate is not trusted/);
    expect(registry.requests()).toEqual([]);
  });
});

describe('a registry with tokens', () => {
  it.each(['ES256', 'RS256'] as const)('is read and written with %s tokens, few of them', async (algorithm) => {
    const tokens = await startTokens({ algorithm });
    const registry = await startRegistry({ bearer: tokens });
    const other = await startRegistry({ bearer: tokens });
    const image = await buildSampleImage({ layers: 4 });
    const auth = tokens.bearerFor('builder', 'repository:dev/web:pull,push');
    await pushSampleImage({ host: registry.host, auth }, 'dev/web', '1.0', image);
    const source = openClient({ ...vouched(registry, tokens), credentials: login(registry, 'reader', 'r') });
    const target = openClient({ ...vouched(other, tokens), credentials: login(other, 'builder', 'b') });
    await copyImage({
      source: { client: source, reference: reference(registry, `dev/web@${image.digest}`) },
      target: { client: target, repository: repository(other, 'prod/web') },
      tag: '1.0',
    });
    expect(await target.resolve(reference(other, 'prod/web:1.0'))).toBe(image.digest);
    expect(
      tokens
        .requests()
        .map(({ user, scopes }) => `${user ?? ''} ${scopes.join(' ')}`)
        .sort(),
    ).toEqual([
      'builder repository:prod/web:pull',
      'builder repository:prod/web:pull,push',
      'reader repository:dev/web:pull',
    ]);
  });

  it('mounts with a token for both repositories', async () => {
    const tokens = await startTokens();
    const registry = await startRegistry({ bearer: tokens });
    const image = await buildSampleImage();
    const auth = tokens.bearerFor('builder', 'repository:dev/web:pull,push');
    await pushSampleImage({ host: registry.host, auth }, 'dev/web', '1.0', image);
    const client = openClient({ ...vouched(registry, tokens), credentials: login(registry, 'builder', 'b') });
    const result = await copyImage({
      source: { client, reference: reference(registry, `dev/web@${image.digest}`) },
      target: { client, repository: repository(registry, 'prod/web') },
    });
    expect(result.blobsMounted).toBe(image.blobs.size);
  });

  it('denies what was not granted', async () => {
    const tokens = await startTokens();
    const registry = await startRegistry({ bearer: tokens });
    const client = openClient({ ...vouched(registry, tokens), credentials: login(registry, 'reader', 'r') });
    const failure = await failureOf(startUpload(client, repository(registry, 'dev/web')));
    expect(failure).toMatchObject({ code: 'access-denied', status: 401 });
    const stranger = openClient({ ...vouched(registry, tokens), credentials: login(registry, 'reader', 'wrong') });
    expect(await failureOf(stranger.resolve(reference(registry, 'dev/web:1.0')))).toMatchObject({
      code: 'access-denied',
    });
  });

  it('is read by everybody where everybody may', async () => {
    const tokens = await startTokens({ anonymous: { 'dev/web': ['pull'] } });
    const registry = await startRegistry({ bearer: tokens });
    const image = await buildSampleImage();
    const auth = tokens.bearerFor('builder', 'repository:dev/web:pull,push');
    await pushSampleImage({ host: registry.host, auth }, 'dev/web', '1.0', image);
    expect(await openClient(vouched(registry, tokens)).resolve(reference(registry, 'dev/web:1.0'))).toBe(image.digest);
  });

  it('takes an identity token', async () => {
    const tokens = await startTokens();
    const registry = await startRegistry({ bearer: tokens });
    const entry = { auth: Buffer.from('reader:').toString('base64'), identitytoken: tokens.refreshTokenFor('reader') };
    const text = JSON.stringify({ auths: { [registry.host]: entry } });
    const client = openClient({ ...vouched(registry, tokens), credentials: parseDockerConfig(text, 'registry.json') });
    expect(await client.resolve(reference(registry, 'dev/web:1.0'))).toBeUndefined();
    expect(tokens.requests()).toMatchObject([{ method: 'POST', grant: 'refresh_token', user: 'reader', status: 200 }]);
  });

  it('gets another token where the one it has died early', async () => {
    const tokens = await startTokens({ lifetime: { announced: 300, real: -1 } });
    const registry = await startRegistry({ bearer: tokens });
    const client = openClient({ ...vouched(registry, tokens), credentials: login(registry, 'reader', 'r') });
    expect(await failureOf(client.resolve(reference(registry, 'dev/web:1.0')))).toMatchObject({
      code: 'access-denied',
    });
    tokens.setLifetime({ announced: 300, real: 300 });
    expect(await client.resolve(reference(registry, 'dev/web:1.0'))).toBeUndefined();
  });
});
