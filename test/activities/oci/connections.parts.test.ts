import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseDockerConfig } from '../../../activities/oci/index.ts';
import type { RegistryHostOptions } from '../../../activities/oci/index.ts';
import { createCertificates } from '../../support/certificates.ts';
import type { Certificates } from '../../support/certificates.ts';
import { ensureParts, freePort, startProcess, waitUntil } from '../../support/parts/index.mjs';
import { startProxyServer } from '../../support/proxy-server.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import { failureOf, openClient, reference, startRegistry } from './fixture.ts';

const NAME = 'registry.example.test';
const TOKENS = 'gitlab.example.test';
const closing: (() => Promise<void>)[] = [];
let ours: Certificates;
let theirs: Certificates;

beforeAll(async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cs-certificates-'));
  ours = await createCertificates(path.join(folder, 'ours'), [NAME, TOKENS]);
  theirs = await createCertificates(path.join(folder, 'theirs'), [NAME]);
  await rm(folder, { recursive: true });
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

/** A registry that talks only to who has a certificate of its authority. */
async function startMutual(maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3') {
  const tls = { ...ours.server, ca: ours.ca, requestCert: true, rejectUnauthorized: true, maxVersion };
  const registry = await startRegistry({ tls });
  const image = await buildSampleImage({ layerBytes: 100 });
  registry.add('dev/web', image, '1.0');
  return { registry, image };
}

/** A server that says in TLS what is wrong with a certificate, which Node's server does not. */
async function startOpenssl(version: string): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cs-openssl-'));
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const files = ['-cert', await file('s.pem', ours.server.cert), '-key', await file('s.key', ours.server.key)];
  const port = await freePort();
  const wants = ['-CAfile', await file('ca.pem', ours.ca), '-Verify', '1', '-verify_return_error', version];
  const { openssl } = await ensureParts(['openssl']);
  const server = await startProcess(openssl, ['s_server', '-accept', `127.0.0.1:${port}`, ...files, ...wants, '-www'], {
    name: 'openssl s_server',
  });
  await waitUntil(() => /ACCEPT/.test(server.output()), { what: 'openssl s_server' });
  closing.push(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });
  return `127.0.0.1:${port}`;
}

const client = (): Pick<RegistryHostOptions, 'clientCertificate' | 'clientKey'> => ({
  clientCertificate: ours.client.cert,
  clientKey: ours.client.key,
});

describe('a registry that wants a client certificate', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is read with it over %s, also blobs', async (version) => {
    const { registry, image } = await startMutual(version);
    const reader = openClient({ hosts: { [registry.host]: { ca: ours.ca, ...client() } } });
    expect(await reader.resolve(reference(registry, 'dev/web:1.0'))).toBe(image.digest);
    for (const [digest, bytes] of image.blobs) {
      const read = await reader.readBlob({ domain: registry.host, path: 'dev/web' }, { digest, size: bytes.length });
      expect(Buffer.from(read).equals(bytes)).toBe(true);
    }
  });

  it.each(['-tls1_2', '-tls1_3'])('says with %s that it wants one, and takes no foreign one', async (version) => {
    const host = await startOpenssl(version);
    const foreign = { clientCertificate: theirs.client.cert, clientKey: theirs.client.key };
    for (const shown of [{}, foreign]) {
      for (const dataPath of ['raw', 'undici'] as const) {
        const reader = openClient({ hosts: { [host]: { ca: ours.ca, ...shown } }, dataPath });
        const blob = { digest: `sha256:${'0'.repeat(64)}` as const, size: 2_000_000 };
        for (const work of [
          () => reader.resolve(reference({ host }, 'dev/web:1.0')),
          () => reader.readBlob({ domain: host, path: 'dev/web' }, blob as never),
        ]) {
          const failure = await failureOf(work());
          expect(failure).toMatchObject({ code: 'configuration-invalid' });
          expect(failure.message).toContain('configure a client certificate');
        }
      }
    }
  });

  it('is read with what is configured for every host', async () => {
    const { registry, image } = await startMutual();
    const reader = openClient({ hosts: { '*': { ca: ours.ca, systemCa: true, ...client() } } });
    expect(await reader.resolve(reference(registry, 'dev/web:1.0'))).toBe(image.digest);
  });

  it('gets no certificate that is configured for another host', async () => {
    const { registry } = await startMutual();
    const hosts = { [registry.host]: { ca: ours.ca }, 'localhost:1': { ca: ours.ca, ...client() } };
    const failure = await failureOf(openClient({ hosts }).resolve(reference(registry, 'dev/web:1.0')));
    expect(failure.message).toMatch(/no good answer/);
    expect(registry.requests).toEqual([]);
  });

  it.each([
    ['a key of another certificate', () => ({ clientCertificate: ours.client.cert, clientKey: theirs.client.key })],
    ['a certificate alone', () => ({ clientCertificate: ours.client.cert })],
    ['a key alone', () => ({ clientKey: ours.client.key })],
    ['text that is no key', () => ({ clientCertificate: ours.client.cert, clientKey: 'canary' })],
    ['text that is no authority', () => ({ ca: 'canary' })],
  ])('is not asked with %s', async (_, options) => {
    const { registry } = await startMutual();
    const failure = await failureOf(
      openClient({ hosts: { [registry.host]: { ca: ours.ca, ...options() } } }).resolve(reference(registry, 'a/b:1')),
    );
    expect(failure).toMatchObject({ code: 'configuration-invalid' });
    expect(failure.message).toContain(`the certificates configured for ${registry.host} cannot be used`);
    expect(failure.message).not.toMatch(/canary|BEGIN EC|BEGIN PRIVATE/);
  });
});

describe('an authority', () => {
  it('counts for its own host alone, and instead of the others', async () => {
    const registry = await startRegistry({ tls: ours.server });
    for (const hosts of [{ [registry.host]: { ca: theirs.ca } }, { [registry.host]: { plainHttp: false } }]) {
      const failure = await failureOf(openClient({ hosts }).resolve(reference(registry, 'a/b:1')));
      expect(failure).toMatchObject({ code: 'configuration-invalid' });
      expect(failure.message).toContain('its certificate is not trusted');
    }
    expect(registry.requests).toEqual([]);
  });

  it('of a registry counts for its token server too', async () => {
    const [registry, tokens] = [await startRegistry({ tls: ours.server }), await startRegistry({ tls: ours.server })];
    registry.on(/./, async ({ request, reply, proceed }) => {
      if (request.headers.authorization === 'Bearer t') await proceed();
      else reply(401, { 'www-authenticate': `Bearer realm="${tokens.origin}/token"` });
    });
    tokens.on(/./, ({ reply }) => reply(200, {}, '{"token":"t"}'));
    const hosts = { [registry.host]: { ca: ours.ca, tokenServers: [tokens.origin] } };
    expect(await openClient({ hosts }).resolve(reference(registry, 'a/b:1'))).toBeUndefined();
  });
});

describe('a registry with TLS behind a proxy', () => {
  async function startBehind(requestCert: boolean) {
    const registry = await startRegistry({ tls: { ...ours.server, ...(requestCert && MUTUAL()) } });
    const tokens = createServer(ours.server, (request, response) => {
      seen.push(request.headers.authorization ?? '');
      response.end('{"token":"t"}');
    });
    const seen: string[] = [];
    await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => tokens.close(() => resolve())));
    const routes = {
      [`${NAME}:443`]: Number(registry.host.split(':')[1]),
      [`${TOKENS}:443`]: (tokens.address() as AddressInfo).port,
    };
    const proxy = await startProxyServer({ routes, credential: 'me:s3cret' });
    closing.push(proxy.stop);
    return { registry, proxy, seen };
  }
  const MUTUAL = () => ({ ca: ours.ca, requestCert: true, rejectUnauthorized: true });

  it('is reached by a tunnel with authority, client certificate and token', async () => {
    const { registry, proxy, seen } = await startBehind(true);
    const image = await buildSampleImage({ layerBytes: 300_000 });
    registry.add('dev/web', image, '1.0');
    registry.on(/./, async ({ request, reply, proceed }) => {
      if (request.headers.authorization === 'Bearer t') await proceed();
      else reply(401, { 'www-authenticate': `Bearer realm="https://${TOKENS}/jwt/auth",service="s"` });
    });
    const reader = openClient({
      hosts: { [NAME]: { ca: ours.ca, ...client(), tokenServers: [`https://${TOKENS}`] } },
      credentials: parseDockerConfig(
        JSON.stringify({ auths: { [NAME]: { auth: Buffer.from('user:canary').toString('base64') } } }),
        'registry.json',
      ),
      proxy: { https: `http://me:s3cret@${proxy.host}` },
    });
    expect(await reader.resolve(reference({ host: NAME }, 'dev/web:1.0'))).toBe(image.digest);
    for (const [digest, bytes] of image.blobs) {
      await reader.readBlob({ domain: NAME, path: 'dev/web' }, { digest, size: bytes.length });
    }
    expect(seen).toEqual([`Basic ${Buffer.from('user:canary').toString('base64')}`]);
    expect(new Set(proxy.requests)).toEqual(new Set([`CONNECT ${NAME}:443`, `CONNECT ${TOKENS}:443`]));
    expect(proxy.heard()).not.toMatch(/Bearer|Y2FuYXJ5|dXNlcjpjYW5hcnk/);
    expect(registry.requests.some(({ headers }) => 'proxy-authorization' in headers)).toBe(false);
  });

  it('is trusted no more than without one', async () => {
    const { registry, proxy } = await startBehind(false);
    const reader = openClient({ proxy: { https: `http://me:s3cret@${proxy.host}` } });
    const failure = await failureOf(reader.resolve(reference({ host: NAME }, 'dev/web:1.0')));
    expect(failure).toMatchObject({ code: 'configuration-invalid' });
    expect(failure.message).toContain('its certificate is not trusted');
    expect(registry.requests).toEqual([]);
  });
});
