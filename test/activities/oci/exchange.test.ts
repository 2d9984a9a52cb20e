import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { OCI_MANIFEST, parseDockerConfig } from '../../../activities/oci/index.ts';
import type { RegistryClient } from '../../../activities/oci/index.ts';
import { guardedLookup, isLocalAddress, refuseLocalHost } from '../../../activities/oci/local-address.ts';
import { resolveLocation, withParameter } from '../../../activities/oci/location.ts';
import { endpointOf, optionsByOrigin } from '../../../activities/oci/registry-endpoint.ts';
import { Wire } from '../../../activities/oci/wire.ts';
import { sha256 } from '../../support/sample-image.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, repository, startRegistry, startUpload } from './fixture.ts';

const BYTES = Buffer.from('{"schemaVersion":2,"manifests":[]}');
const AUTH = Buffer.from('user:canary-8d1f').toString('base64');

function resolve(registry: { readonly host: string }, client: RegistryClient = openClient()): Promise<unknown> {
  return client.resolve(reference(registry, 'dev/web:1'));
}

function store(registry: ScriptedRegistry): void {
  registry.manifests.set('dev/web:1', { bytes: BYTES, mediaType: 'application/vnd.oci.image.index.v1+json' });
}

describe('a registry that fails', () => {
  it.each([
    [400, 'registry-refused'],
    [401, 'access-denied'],
    [403, 'access-denied'],
    [405, 'registry-refused'],
    [408, 'registry-unavailable'],
    [429, 'rate-limited'],
    [500, 'registry-unavailable'],
    [502, 'registry-unavailable'],
    [503, 'registry-unavailable'],
  ])('with %i is told as %s, with its codes and without its words', async (status, code) => {
    const registry = await startRegistry();
    const errors = [{ code: 'SOME_CODE', message: 'canary' }, { code: 'bad code canary' }, null, 7];
    registry.on(/./, ({ reply }) => reply(status, {}, JSON.stringify({ errors })));
    const failure = await failureOf(resolve(registry));
    expect(failure).toMatchObject({ code, status, registryCodes: ['SOME_CODE'] });
    expect(failure.message).toContain(`fetch manifest ${registry.host}/dev/web:1: expected status 200`);
    expect(failure.message).not.toContain('canary');
  });

  it('is asked again where that may help, at most twice', async () => {
    const registry = await startRegistry();
    store(registry);
    registry.on(/./, async ({ round, reply, proceed }) => (round < 2 ? reply(503) : await proceed()));
    expect(await resolve(registry)).toBe(sha256(BYTES));
    registry.on(/./, ({ reply }) => reply(502));
    await failureOf(resolve(registry));
    expect(registry.requests).toHaveLength(6);
  });

  it('is asked again after its connection broke', async () => {
    const registry = await startRegistry();
    store(registry);
    registry.on(/./, async ({ round, cut, proceed }) => (round < 1 ? cut() : await proceed()));
    expect(await resolve(registry)).toBe(sha256(BYTES));
  });

  it('is not asked again where that cannot help', async () => {
    const registry = await startRegistry();
    registry.on(/./, ({ reply }) => reply(403));
    await failureOf(resolve(registry));
    expect(registry.requests).toHaveLength(1);
  });

  it('is left alone as long as it asks for, where that is not too long', async () => {
    const registry = await startRegistry();
    store(registry);
    registry.on(/./, async ({ round, reply, proceed }) =>
      round < 1 ? reply(429, { 'retry-after': '1' }) : await proceed(),
    );
    const begun = performance.now();
    expect(await resolve(registry, openClient({ patienceMs: 5000 }))).toBe(sha256(BYTES));
    expect(performance.now() - begun).toBeGreaterThan(900);
  });

  it('is left to the scheduler where it asks for a long time', async () => {
    const registry = await startRegistry();
    registry.on(/./, ({ reply }) => reply(429, { 'retry-after': '90' }));
    const { code, retryAfterMs } = await failureOf(resolve(registry));
    expect(code).toBe('rate-limited');
    // What is left of it when the limiter gives up.
    expect(retryAfterMs).toBeGreaterThan(80_000);
    expect(retryAfterMs).toBeLessThanOrEqual(90_000);
    expect(registry.requests).toHaveLength(1);
  });

  it('is told as unavailable where nobody listens', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((done) => server.close(done));
    const failure = await failureOf(resolve({ host }));
    expect(failure).toMatchObject({ code: 'registry-unavailable' });
    expect(failure.message).toContain('ECONNREFUSED');
  });

  it.each(['no answer', 'half an answer'])('is given up after the time it has for an answer: %s', async (which) => {
    const registry = await startRegistry();
    registry.on(/./, ({ response }) => {
      if (which === 'half an answer') response.writeHead(200, { 'content-type': OCI_MANIFEST }).write('{');
    });
    const begun = performance.now();
    const failure = await failureOf(resolve(registry, openClient({ timeoutMs: 100 })));
    expect(failure).toMatchObject({ code: 'registry-unavailable' });
    expect(failure.message).toContain('nothing heard within 100 ms');
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  it('with an endless error is read no further than needed', async () => {
    const registry = await startRegistry();
    let isClosed = false;
    registry.on(/./, async ({ response }) => {
      response.writeHead(400).on('close', () => (isClosed = true));
      while (!response.destroyed) if (!response.write(Buffer.alloc(65_536))) await sleep(1);
    });
    expect(await failureOf(resolve(registry))).toMatchObject({ code: 'registry-refused' });
    await expect.poll(() => isClosed).toBe(true);
  });

  it('stops at once where the caller does', async () => {
    const registry = await startRegistry();
    registry.on(/./, () => undefined);
    const controller = new AbortController();
    const call = openClient().resolve(reference(registry, 'dev/web:1'), { signal: controller.signal });
    await expect.poll(() => registry.requests.length).toBe(1);
    const reason = new Error('stop');
    controller.abort(reason);
    expect(await failureOf(call)).toBe(reason);
  });
});

describe('a redirect', () => {
  async function startPair(): Promise<{ registry: ScriptedRegistry; other: ScriptedRegistry; client: RegistryClient }> {
    const [registry, other] = await Promise.all([startRegistry(), startRegistry()]);
    registry.on(/./, async ({ request, reply, proceed }) => {
      if (request.headers.authorization === undefined) reply(401, { 'www-authenticate': 'Basic realm="x"' });
      else await proceed();
    });
    const text = JSON.stringify({ auths: { [registry.host]: { auth: AUTH } } });
    return { registry, other, client: openClient({ credentials: parseDockerConfig(text, 'registry.json') }) };
  }

  function redirect(from: ScriptedRegistry, pattern: RegExp, location: string, status = 307): void {
    from.on(pattern, ({ request, reply }) => {
      if (request.headers.authorization === undefined) reply(401, { 'www-authenticate': 'Basic realm="x"' });
      else reply(status, { location });
    });
  }

  it.each([301, 302, 303, 307, 308])('with %i to the same origin is followed with the credential', async (status) => {
    const { registry, client } = await startPair();
    store(registry);
    redirect(registry, /manifests\/2$/, '/v2/dev/web/manifests/1', status);
    expect(await client.resolve(reference(registry, 'dev/web:2'))).toBe(sha256(BYTES));
  });

  it('to another origin is followed without the credential, and back without it too', async () => {
    const { registry, other, client } = await startPair();
    redirect(registry, /manifests\/1$/, `${other.origin}/elsewhere?x=1`);
    other.on(/elsewhere/, ({ reply }) => reply(302, { location: `${registry.origin}/back` }));
    registry.on(/back/, ({ reply }) =>
      reply(200, { 'content-type': 'application/vnd.oci.image.index.v1+json' }, BYTES),
    );
    expect(await resolve(registry, client)).toBe(sha256(BYTES));
    expect(other.log()).toEqual(['GET /elsewhere?x=1']);
    expect(JSON.stringify(other.requests)).not.toContain(AUTH);
    expect(registry.requests.at(-1)).toMatchObject({ target: '/back' });
    expect(registry.requests.at(-1)?.headers.authorization).toBeUndefined();
  });

  it.each(['manifest', 'blob', 'look for a blob'])('of a %s takes the credential nowhere', async (what) => {
    const { registry, other, client } = await startPair();
    redirect(registry, /^(GET|HEAD)/, `${other.origin}/elsewhere`);
    other.on(/./, ({ reply }) => reply(401, { 'www-authenticate': `Bearer realm="${other.origin}/token"` }));
    const [place, blob] = [repository(registry, 'dev/web'), { digest: sha256(BYTES), size: BYTES.length }];
    const call = async (): Promise<unknown> => {
      if (what === 'manifest') return await resolve(registry, client);
      return await (what === 'blob' ? client.readBlob(place, blob) : client.blobExists(place, blob));
    };
    // The second time the client knows what the registry wants to hear, and says it at once.
    for (const count of [1, 2]) {
      expect(await failureOf(call())).toMatchObject({ code: 'access-denied' });
      expect(other.log()).toEqual(Array(count).fill(`${what === 'look for a blob' ? 'HEAD' : 'GET'} /elsewhere`));
    }
    expect(JSON.stringify(other.requests)).not.toContain(AUTH);
  });

  it('is followed ten times and no more', async () => {
    const registry = await startRegistry();
    registry.on(/./, ({ request, reply }) => reply(302, { location: `${request.url ?? ''}x` }));
    expect(await failureOf(resolve(registry))).toMatchObject({ code: 'registry-refused' });
    expect(registry.requests).toHaveLength(11);
  });

  it('of an upload is not followed', async () => {
    const { registry, other, client } = await startPair();
    redirect(registry, /^POST/, `${other.origin}/elsewhere`);
    const failure = await failureOf(startUpload(client, repository(registry, 'dev/web')));
    expect(failure).toMatchObject({ code: 'registry-refused', status: 307 });
    expect(other.requests).toEqual([]);
  });

  it('without Location is refused', async () => {
    const registry = await startRegistry();
    registry.on(/./, ({ reply }) => reply(302));
    expect(await failureOf(resolve(registry))).toMatchObject({ code: 'registry-refused' });
  });

  it('of an upload by its Location goes to another host without the credential', async () => {
    const { registry, other, client } = await startPair();
    redirect(registry, /^POST/, `${other.origin}/take?_state=a%2Bb~+c`, 202);
    other.on(/^PUT/, async ({ request, reply }) => {
      await buffer(request);
      reply(201);
    });
    const upload = await startUpload(client, repository(registry, 'dev/web'));
    const blob = { digest: sha256(BYTES), size: BYTES.length };
    await upload.finish(blob, BYTES);
    expect(other.log()).toEqual([`PUT /take?_state=a%2Bb~+c&digest=${encodeURIComponent(blob.digest)}`]);
    expect(JSON.stringify(other.requests)).not.toContain(AUTH);
  });
});

describe('resolveLocation', () => {
  const from = new URL('https://r.example.com/v2/a/blobs/uploads/');

  it.each([
    ['/v2/x?_state=a%2Bb%3D&y=~z', 'https://r.example.com/v2/x?_state=a%2Bb%3D&y=~z'],
    ['1234', 'https://r.example.com/v2/a/blobs/uploads/1234'],
    ['//cdn.example.com/x', 'https://cdn.example.com/x'],
    ['https://r.example.com:444/x#part', 'https://r.example.com:444/x'],
  ])('reads %s', (location, expected) => {
    expect(resolveLocation(location, from, 'test').href).toBe(expected);
  });

  it.each([
    ...[
      'http://r.example.com/v2/x',
      'http://cdn.example.com/',
      'https://user:pw@r.example.com/',
      'https://user@r.example.com/',
    ],
    ...[
      'ftp://r.example.com/',
      'file:///etc/passwd',
      'data:,x',
      'javascript:1',
      'http:\\\\cdn.example.com',
      'https://',
      undefined,
    ],
  ])('refuses %s', (location) => {
    expect(() => resolveLocation(location, from, 'test')).toThrow(/^test: the registry sends us on with a Location/);
  });

  it('adds a parameter and leaves the others as they are written', () => {
    expect(withParameter(new URL('https://r/x?_s=a%2Bb%3D+~'), 'digest', 'sha256:a').search).toBe(
      '?_s=a%2Bb%3D+~&digest=sha256%3Aa',
    );
    expect(withParameter(new URL('https://r/x'), 'digest', 'sha256:a').search).toBe('?digest=sha256%3Aa');
  });
});

describe('endpointOf', () => {
  it.each([
    ['registry.example.com', 'https://registry.example.com'],
    ['registry.example.com:5000', 'https://registry.example.com:5000'],
    ['docker.io', 'https://registry-1.docker.io'],
    ['mydocker.io', 'https://mydocker.io'],
    ['localhost:5000', 'http://localhost:5000'],
    ['dev.localhost', 'http://dev.localhost'],
    ['127.0.0.1:5000', 'http://127.0.0.1:5000'],
    ['127.9.8.7', 'http://127.9.8.7'],
    ['127.0.0.1.example.com', 'https://127.0.0.1.example.com'],
    ['localhost.example.com', 'https://localhost.example.com'],
    ['10.0.0.1:5000', 'https://10.0.0.1:5000'],
    ['192.168.0.1', 'https://192.168.0.1'],
  ])('reaches %s at %s', (domain, origin) => {
    expect(endpointOf({ domain }, {}).origin).toBe(origin);
  });

  it('follows the configuration of the host, and of no other', () => {
    const hosts = {
      'r.example.com': { plainHttp: true },
      'localhost:1': { ca: 'PEM' },
      'localhost:2': { plainHttp: false },
    };
    expect(endpointOf({ domain: 'r.example.com' }, hosts).origin).toBe('http://r.example.com');
    expect(endpointOf({ domain: 'r.example.com:80' }, hosts).origin).toBe('https://r.example.com:80');
    expect(endpointOf({ domain: 'localhost:1' }, hosts).origin).toBe('https://localhost:1');
    expect(endpointOf({ domain: 'localhost:2' }, hosts).origin).toBe('https://localhost:2');
    expect(endpointOf({ domain: 'constructor' }, hosts).origin).toBe('https://constructor');
  });
});

describe('optionsByOrigin', () => {
  it('finds the options of a host however references write it', () => {
    const hosts = { 'R.example.com:443': { ca: 'one' }, 'docker.io': { ca: 'two' }, 'localhost:1': {} };
    expect([...optionsByOrigin(hosts)]).toEqual([
      ['https://r.example.com', { ca: 'one' }],
      ['https://registry-1.docker.io', { ca: 'two' }],
      ['http://localhost:1', {}],
    ]);
  });
});

describe('an address that a server names', () => {
  it.each([
    ...['127.0.0.1', '127.255.0.9', '0.0.0.0', '169.254.169.254', '::1', '::', 'fe80::1', 'febf::1'],
    ...['::ffff:127.0.0.1', '::ffff:169.254.169.254', '::ffff:7f00:1'],
  ])('%s is local', (address) => {
    expect(isLocalAddress(address)).toBe(true);
  });

  it.each([
    '10.0.0.1',
    '192.168.1.1',
    '8.8.8.8',
    '128.0.0.1',
    '2001:db8::1',
    'fd00::1',
    '::ffff:10.0.0.1',
    'example.com',
  ])('%s is not', (address) => {
    expect(isLocalAddress(address)).toBe(false);
  });

  it.each([
    ...[
      'https://localhost/',
      'https://x.localhost/',
      'https://127.1/',
      'https://2130706433/',
      'https://0x7f.1/',
      'https://0/',
    ],
    ...['https://[::1]/', 'https://[::ffff:127.0.0.1]/', 'https://[::]/', 'https://169.254.169.254/latest'],
  ])('%s is refused in every way to write it', (url) => {
    expect(() => refuseLocalHost(new URL(url), 'test')).toThrow(/address of this machine/);
  });
});

describe('guardedLookup', () => {
  it.each([{}, { all: true }])('refuses a name that resolves to this machine (%j)', async (options) => {
    const error = await new Promise((done) => guardedLookup('localhost', options, (one) => done(one)));
    expect(error).toMatchObject({ code: 'registry-refused' });
  });
});

describe('Wire', () => {
  const OPTIONS = { timeoutMs: 1000, patienceMs: 1000, dataPath: 'raw' } as const;

  it('goes to an address of this machine that a server names only where it is configured', async () => {
    const registry = await startRegistry();
    const request = {
      method: 'GET',
      url: new URL(`${registry.origin}/latest/meta-data`),
      headers: {},
      subject: 'test',
      address: 'named-by-server',
    } as const;
    const [strict, open] = [
      new Wire({ hosts: {}, ...OPTIONS }),
      new Wire({ hosts: { [registry.host]: {} }, ...OPTIONS }),
    ];
    expect(await failureOf(strict.send(request))).toMatchObject({ code: 'registry-refused' });
    expect(registry.requests).toEqual([]);
    expect((await open.send(request)).status).toBe(404);
    await Promise.all([strict.close(), open.close()]);
  });
});

describe('a blob', () => {
  const blob = { digest: sha256(BYTES), size: BYTES.length };

  it('of which the registry says another size is not there', async () => {
    const registry = await startRegistry();
    registry.on(/^HEAD/, ({ reply }) => reply(200, { 'content-length': '7' }));
    const call = openClient().blobExists(repository(registry, 'dev/web'), blob);
    expect(await failureOf(call)).toMatchObject({ code: 'content-mismatch' });
  });

  it('that is encoded is refused', async () => {
    const registry = await startRegistry();
    registry.on(/^GET/, ({ reply }) => reply(200, { 'content-encoding': 'gzip' }, BYTES));
    const call = openClient().readBlob(repository(registry, 'dev/web'), blob);
    expect(await failureOf(call)).toMatchObject({ code: 'registry-refused' });
  });

  it('without an end is given up as soon as it is too long', async () => {
    const registry = await startRegistry();
    registry.on(/^GET/, async ({ response }) => {
      while (!response.destroyed) if (!response.write(Buffer.alloc(65_536))) await sleep(1);
    });
    const call = openClient().readBlob(repository(registry, 'dev/web'), blob);
    expect(await failureOf(call)).toMatchObject({ code: 'content-mismatch' });
  });
});
