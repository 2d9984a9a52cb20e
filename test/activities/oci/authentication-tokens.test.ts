import { afterEach, describe, expect, it, vi } from 'vitest';
import type { RegistryClient } from '../../../activities/oci/index.ts';
import { parseDockerConfig } from '../../../activities/oci/index.ts';
import { TokenShelf } from '../../../activities/oci/token-shelf.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import type { SampleImage } from '../../support/sample-image.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, repository, startRegistry, startUpload } from './fixture.ts';

interface Guarded {
  readonly registry: ScriptedRegistry;
  readonly client: RegistryClient;
  readonly image: SampleImage;
  /** Scopes of the requests for tokens. */
  readonly asked: () => readonly string[];
  /** The tokens that the registry takes; default all. */
  accepts: (token: string) => boolean;
  /** What the token server says beside the token. */
  answer: (round: number) => Record<string, unknown>;
}

afterEach(() => {
  vi.useRealTimers();
});

async function startGuarded(): Promise<Guarded> {
  const [registry, server] = [await startRegistry(), await startRegistry()];
  const image = await buildSampleImage({ layers: 15, layerBytes: 100 });
  registry.add('dev/web', image, '1.0');
  const credentials = parseDockerConfig(
    JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from('u:p').toString('base64') } } }),
    'registry.json',
  );
  const client = openClient({ credentials, hosts: { [registry.host]: { tokenServers: [server.origin] } } });
  const guarded: Guarded = {
    registry,
    client,
    image,
    asked: () =>
      server.requests.map(({ target }) => new URL(target, 'http://x').searchParams.getAll('scope').join(' ')),
    accepts: () => true,
    answer: () => ({ expires_in: 300 }),
  };
  server.on(/^GET \/token/, ({ round, reply }) => {
    reply(200, {}, JSON.stringify({ token: `token-${round}`, ...guarded.answer(round) }));
  });
  registry.on(/./, async ({ request, reply, proceed }) => {
    const token = request.headers.authorization?.replace(/^Bearer /, '');
    if (token !== undefined && guarded.accepts(token)) await proceed();
    else reply(401, { 'www-authenticate': `Bearer realm="${server.origin}/token",service="reg"` });
  });
  return guarded;
}

async function readAll({ client, registry, image }: Guarded): Promise<number> {
  const place = repository(registry, 'dev/web');
  const blobs = [...image.blobs]
    .slice(0, 16)
    .map(([digest, bytes]) => client.readBlob(place, { digest, size: bytes.length }));
  await Promise.all(blobs);
  return blobs.length;
}

function refusals({ registry }: Guarded): number {
  return registry.requests.filter(({ headers }) => headers.authorization === undefined).length;
}

describe('a token', () => {
  it('is asked for once by sixteen readers of blobs that come at once', async () => {
    const guarded = await startGuarded();
    expect(await readAll(guarded)).toBe(16);
    expect(guarded.asked()).toEqual(['repository:dev/web:pull']);
  });

  it('is replaced ahead of its end, once for sixteen readers, and without being refused', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const guarded = await startGuarded();
    await guarded.client.resolve(reference(guarded.registry, 'dev/web:1.0'));
    expect(refusals(guarded)).toBe(1);
    const end = Date.now() + 300_000;
    guarded.accepts = (token) => (token === 'token-0' ? Date.now() < end : token === 'token-1');
    vi.setSystemTime(end - 20_000);
    await readAll(guarded);
    expect(guarded.asked()).toEqual(['repository:dev/web:pull', 'repository:dev/web:pull']);
    expect(refusals(guarded)).toBe(1);
    expect(guarded.registry.requests.at(-1)?.headers.authorization).toBe('Bearer token-1');
  });

  it('is replaced once where sixteen readers hear together that it was revoked', async () => {
    const guarded = await startGuarded();
    await guarded.client.resolve(reference(guarded.registry, 'dev/web:1.0'));
    guarded.accepts = (token) => token === 'token-1';
    await readAll(guarded);
    expect(guarded.asked()).toHaveLength(2);
  });

  it('for a mount serves each narrower need', async () => {
    const guarded = await startGuarded();
    const { client, registry, image } = guarded;
    const [digest = image.digest, bytes] = [...image.blobs][0] ?? [];
    const wanted = { repository: repository(registry, 'dev/web'), blob: { digest, size: bytes?.length ?? 0 } };
    await client.openUpload({ ...wanted, neighbour: repository(registry, 'dev/other') });
    const wide = guarded.asked();
    expect(wide.at(-1)).toBe('repository:dev/web:pull,push repository:dev/other:pull');
    await readAll(guarded);
    await startUpload(client, repository(registry, 'dev/web'));
    expect(guarded.asked()).toEqual(wide);
  });

  it('for more that was revoked is replaced by one for what is needed', async () => {
    const guarded = await startGuarded();
    await startUpload(guarded.client, repository(guarded.registry, 'dev/web'));
    guarded.accepts = (token) => token === 'token-1';
    await guarded.client.resolve(reference(guarded.registry, 'dev/web:1.0'));
    expect(guarded.asked()).toEqual(['repository:dev/web:pull,push', 'repository:dev/web:pull']);
  });

  it('that died early takes those that were there beside it along, narrower or wider', async () => {
    const guarded = await startGuarded();
    const { client, registry } = guarded;
    await client.resolve(reference(registry, 'dev/web:1.0'));
    await startUpload(client, repository(registry, 'dev/web'));
    guarded.accepts = (token) => token === 'token-2';
    await client.resolve(reference(registry, 'dev/web:1.0'));
    expect(guarded.asked()).toHaveLength(3);
    guarded.accepts = () => false;
    await failureOf(client.resolve(reference(registry, 'dev/web:1.0')));
    guarded.accepts = (token) => token === 'token-4';
    await client.resolve(reference(registry, 'dev/web:1.0'));
    expect(guarded.asked()).toHaveLength(5);
  });

  it('of one repository is of no use in another', async () => {
    const guarded = await startGuarded();
    await guarded.client.resolve(reference(guarded.registry, 'dev/web:1.0'));
    await guarded.client.resolve(reference(guarded.registry, 'dev/other:1.0'));
    expect(guarded.asked()).toEqual(['repository:dev/web:pull', 'repository:dev/other:pull']);
  });

  it('that its server made a while ago ends that much earlier', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const guarded = await startGuarded();
    // The clocks of server and client differ by years; only the server's own two times count.
    guarded.answer = () => ({ expires_in: 300, issued_at: new Date(Date.now() - 120_000).toISOString() });
    const look = () => guarded.client.resolve(reference(guarded.registry, 'dev/web:1.0'));
    await look();
    const begun = Date.now();
    vi.setSystemTime(begun + 140_000);
    await look();
    expect(guarded.asked()).toHaveLength(1);
    vi.setSystemTime(begun + 160_000);
    await look();
    expect(guarded.asked()).toHaveLength(2);
  });
});

describe('a changed password', () => {
  it.each(['Basic realm="x"', 'Bearer realm="/token",service="s"'])(
    'is taken up where %s refuses the old one',
    async (challenge) => {
      const registry = await startRegistry();
      let password = 'old';
      const client = openClient({
        credentials: { lookup: () => Promise.resolve({ kind: 'password', user: 'u', password }) },
      });
      let good = 'old';
      const isGood = (header = ''): boolean => header === `Basic ${Buffer.from(`u:${good}`).toString('base64')}`;
      const wanted = { 'www-authenticate': challenge.replace('/token', `${registry.origin}/token`) };
      registry.on(/./, async ({ request, reply, proceed }) => {
        const { authorization } = request.headers;
        if (isGood(authorization) || authorization === `Bearer ${good}`) await proceed();
        else reply(401, wanted);
      });
      registry.on(/^GET \/token/, ({ request, reply }) => {
        if (isGood(request.headers.authorization)) reply(200, {}, JSON.stringify({ token: good }));
        else reply(401);
      });
      expect(await client.resolve(reference(registry, 'dev/web:1'))).toBeUndefined();
      good = 'new';
      expect(await failureOf(client.resolve(reference(registry, 'dev/web:1')))).toMatchObject({
        code: 'access-denied',
      });
      password = 'new';
      expect(await client.resolve(reference(registry, 'dev/web:1'))).toBeUndefined();
    },
  );
});

describe('TokenShelf', () => {
  const token = (value: string, refreshAt = 1e15) => Promise.resolve({ value, refreshAt });

  it.each([
    [['repository:a:pull,push'], ['repository:a:pull'], true],
    [['repository:a:pull,push', 'repository:b:pull'], ['repository:b:pull'], true],
    [['repository:a:pull', 'repository:a:push'], ['repository:a:pull,push'], true],
    [['repository:a:*'], ['repository:a:delete'], true],
    [['repository:a:pull'], ['repository:a:pull,push'], false],
    [['repository:a:pull'], ['repository:ab:pull'], false],
    [['repository:a:pull,push'], ['repository:a:pull', 'repository:b:pull'], false],
    [['repository:a:pull'], ['registry:a:pull'], false],
  ])('with a token for %j serves %j: %j', async (have, need, expected) => {
    const shelf = new TokenShelf();
    shelf.keep('h', have, token('t'));
    await Promise.resolve();
    expect(shelf.find('h', need, 0) !== undefined).toBe(expected);
    expect(shelf.find('other', need, 0)).toBeUndefined();
  });

  it('shares what is on its way for exactly the same only, and forgets what failed', async () => {
    const shelf = new TokenShelf();
    const never = new Promise<never>(() => undefined);
    shelf.keep('h', ['repository:a:pull,push'], never);
    expect(shelf.find('h', ['repository:a:pull,push'], 0)).toBe(never);
    expect(shelf.find('h', ['repository:a:pull'], 0)).toBeUndefined();
    const failed = Promise.reject(new Error('no'));
    shelf.keep('g', ['repository:a:pull'], failed);
    await failed.catch(() => undefined);
    await Promise.resolve();
    expect(shelf.find('g', ['repository:a:pull'], 0)).toBeUndefined();
  });

  it('forgets what had been there when one was refused, and none that is newer', async () => {
    const shelf = new TokenShelf();
    shelf.keep('h', ['repository:a:pull'], token('t0'));
    shelf.keep('h', ['repository:a:pull,push'], token('t1'));
    shelf.keep('other', ['repository:a:pull'], token('t2'));
    const seen = shelf.count;
    shelf.keep('h', ['repository:b:pull'], token('t3'));
    await Promise.resolve();
    shelf.forget('h', seen);
    shelf.forget('h', seen);
    expect(shelf.find('h', ['repository:a:pull'], 0)).toBeUndefined();
    expect(shelf.find('h', ['repository:b:pull'], 0)).toBeDefined();
    expect(shelf.find('other', ['repository:a:pull'], 0)).toBeDefined();
  });
});
