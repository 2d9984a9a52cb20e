import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseDockerConfig } from '../../../activities/oci/index.ts';
import type { RegistryClientOptions, RegistryCredentials } from '../../../activities/oci/index.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, repository, startRegistry, startUpload } from './fixture.ts';

const CANARY = 'canary-8d1f';
const BASIC = `Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`;

function login({ host }: { readonly host: string }, entry: Record<string, string> = {}): RegistryCredentials {
  const auth = Buffer.from(`user:${CANARY}`).toString('base64');
  return parseDockerConfig(JSON.stringify({ auths: { [host]: { auth, ...entry } } }), 'registry.json');
}

interface Tokens {
  readonly server: ScriptedRegistry;
  /** Makes `registry` want tokens of this server. */
  readonly guard: (registry: ScriptedRegistry, accepts?: (token: string) => boolean) => void;
  answer: (round: number) => Record<string, unknown>;
}

async function startTokens(): Promise<Tokens> {
  const server = await startRegistry();
  const tokens: Tokens = {
    server,
    answer: (round) => ({ token: `token-${round}` }),
    guard: (registry, accepts = () => true) =>
      registry.on(/./, async ({ request, reply, proceed }) => {
        const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
        if (token !== undefined && accepts(token)) {
          await proceed();
          return;
        }
        reply(401, { 'www-authenticate': `Bearer realm="${server.origin}/token",service="reg"` });
      }),
  };
  server.on(/^(GET|POST) \/token/, ({ round, reply }) => reply(200, {}, JSON.stringify(tokens.answer(round))));
  return tokens;
}

/** The token server is configured for this registry. */
function vouched({ host }: { readonly host: string }, { server }: Tokens): Pick<RegistryClientOptions, 'hosts'> {
  return { hosts: { [host]: { tokenServers: [server.origin] } } };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('basic authentication', () => {
  it('says nothing before it is asked, and the password from then on', async () => {
    const registry = await startRegistry();
    registry.add('dev/web', await buildSampleImage({ layerBytes: 100 }), '1.0');
    registry.on(/./, async ({ request, reply, proceed }) => {
      if (request.headers.authorization === BASIC) await proceed();
      else reply(401, { 'www-authenticate': ['Negotiate', 'basic Realm="x"'] });
    });
    const client = openClient({ credentials: login(registry) });
    await client.resolve(reference(registry, 'dev/web:1.0'));
    await client.resolve(reference(registry, 'dev/web:1.0'));
    expect(registry.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, BASIC, BASIC]);
  });

  it('is denied where the password is wrong, without trying again', async () => {
    const registry = await startRegistry();
    registry.on(/./, ({ reply }) => reply(401, { 'www-authenticate': 'Basic realm="x"' }));
    const client = openClient({ credentials: login(registry) });
    const failure = await failureOf(client.resolve(reference(registry, 'dev/web:1.0')));
    expect(failure).toMatchObject({ code: 'access-denied', status: 401 });
    expect(failure.message).not.toContain(CANARY);
    expect(registry.requests).toHaveLength(2);
    await failureOf(client.resolve(reference(registry, 'dev/web:1.0')));
    expect(registry.requests).toHaveLength(3);
  });

  it('is denied where there is no password, without trying again', async () => {
    const registry = await startRegistry();
    registry.on(/./, ({ reply }) => reply(401, { 'www-authenticate': 'Basic realm="x"' }));
    expect(await failureOf(openClient().resolve(reference(registry, 'dev/web:1.0')))).toMatchObject({
      code: 'access-denied',
    });
    expect(registry.requests).toHaveLength(1);
  });
});

describe('bearer authentication', () => {
  it('asks for one token however many requests need it at once', async () => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry);
    const client = openClient({ ...vouched(registry, tokens), credentials: login(registry) });
    await Promise.all([1, 2, 3, 4, 5].map((tag) => client.resolve(reference(registry, `dev/web:${tag}`))));
    expect(tokens.server.log()).toEqual([
      `GET /token?account=user&service=reg&scope=${encodeURIComponent('repository:dev/web:pull')}`,
    ]);
    expect(tokens.server.requests[0]?.headers.authorization).toBe(BASIC);
    expect(registry.requests.some(({ headers }) => headers.authorization === BASIC)).toBe(false);
  });

  it('keeps tokens apart by repository and by what is done there', async () => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry);
    const client = openClient(vouched(registry, tokens));
    await client.resolve(reference(registry, 'dev/web:1'));
    await client.resolve(reference(registry, 'dev/other:1'));
    await startUpload(client, repository(registry, 'dev/web'));
    await startUpload(client, repository(registry, 'dev/web'));
    expect(
      tokens.server.requests.map(({ target }) => new URL(target, 'http://x').searchParams.getAll('scope')),
    ).toEqual([['repository:dev/web:pull'], ['repository:dev/other:pull'], ['repository:dev/web:pull,push']]);
  });

  it.each([
    ['access_token', { access_token: 'abc' }],
    ['token before access_token', { token: 'abc', access_token: 'xyz' }],
  ])('takes %s', async (_, answer) => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry, (token) => token === 'abc');
    tokens.answer = () => answer;
    expect(await openClient(vouched(registry, tokens)).resolve(reference(registry, 'dev/web:1'))).toBeUndefined();
  });

  it.each([
    ['no token', {}],
    ['a token with a line end', { token: 'abc\r\nx-injected: 1' }],
    ['a token that is no text', { token: { a: 1 } }],
  ])('refuses an answer with %s', async (_, answer) => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry);
    tokens.answer = () => answer;
    expect(
      await failureOf(openClient(vouched(registry, tokens)).resolve(reference(registry, 'dev/web:1'))),
    ).toMatchObject({
      code: 'registry-refused',
    });
  });

  it('gives up on an endless answer', async () => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry);
    tokens.server.on(/./, async ({ response }) => {
      while (!response.destroyed) if (!response.write(Buffer.alloc(65_536, ' '))) await sleep(1);
    });
    expect(
      await failureOf(openClient(vouched(registry, tokens)).resolve(reference(registry, 'dev/web:1'))),
    ).toMatchObject({
      code: 'registry-refused',
    });
  });

  it('gets another token where the registry has forgotten the one it has', async () => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    let good = 'token-0';
    tokens.guard(registry, (token) => token === good);
    const client = openClient(vouched(registry, tokens));
    await client.resolve(reference(registry, 'dev/web:1'));
    good = 'token-1';
    await client.resolve(reference(registry, 'dev/web:1'));
    expect(tokens.server.requests).toHaveLength(2);
  });

  it.each([
    ['a long life', 600, 571_000, 569_000],
    ['a short life, which means a minute', 1, 46_000, 44_000],
    ['no life, which means a minute', undefined, 46_000, 44_000],
  ])('replaces a token of %s before it dies', async (_, expiresIn, late, early) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry);
    tokens.answer = (round) => ({ token: `token-${round}`, expires_in: expiresIn });
    const client = openClient(vouched(registry, tokens));
    await client.resolve(reference(registry, 'dev/web:1'));
    const begun = Date.now();
    vi.setSystemTime(begun + early);
    await client.resolve(reference(registry, 'dev/web:1'));
    expect(tokens.server.requests).toHaveLength(1);
    vi.setSystemTime(begun + late);
    await client.resolve(reference(registry, 'dev/web:1'));
    expect(tokens.server.requests).toHaveLength(2);
    expect(registry.requests.at(-1)?.headers.authorization).toBe('Bearer token-1');
  });

  it('is denied where a new token is refused as well', async () => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry, () => false);
    expect(
      await failureOf(openClient(vouched(registry, tokens)).resolve(reference(registry, 'dev/web:1'))),
    ).toMatchObject({
      code: 'access-denied',
      status: 401,
    });
    expect(tokens.server.requests).toHaveLength(1);
    expect(registry.requests).toHaveLength(2);
  });

  it('asks once for a token that is refused as soon as it is there', async () => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry, (token) => token === 'token-0');
    const client = openClient(vouched(registry, tokens));
    await client.resolve(reference(registry, 'dev/web:1'));
    const failure = await failureOf(startUpload(client, repository(registry, 'dev/web')));
    expect(failure).toMatchObject({ code: 'access-denied', status: 401 });
    expect(tokens.server.requests).toHaveLength(2);
  });

  it('asks for the scope that the registry names, once, and only for this repository', async () => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    registry.on(/./, ({ request, reply }) => {
      const scope = 'repository:dev/web:* repository:secret:pull';
      const error = request.headers.authorization === undefined ? '' : ',error="insufficient_scope"';
      reply(401, { 'www-authenticate': `Bearer realm="${tokens.server.origin}/token",scope="${scope}"${error}` });
    });
    expect(
      await failureOf(openClient(vouched(registry, tokens)).resolve(reference(registry, 'dev/web:1'))),
    ).toMatchObject({
      code: 'access-denied',
    });
    expect(
      tokens.server.requests.map(({ target }) => new URL(target, 'http://x').searchParams.getAll('scope')),
    ).toEqual([['repository:dev/web:pull'], ['repository:dev/web:pull', 'repository:dev/web:*']]);
  });

  it('sends an identity token by POST and nowhere else', async () => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry);
    tokens.server.on(/^POST \/token/, async ({ request, reply }) => {
      const form = new URLSearchParams(await text(request));
      expect(Object.fromEntries(form)).toEqual({
        service: 'reg',
        scope: 'repository:dev/web:pull',
        grant_type: 'refresh_token',
        refresh_token: 'idt',
        client_id: 'countersign',
      });
      reply(200, {}, '{"access_token":"t"}');
    });
    const client = openClient({ ...vouched(registry, tokens), credentials: login(registry, { identitytoken: 'idt' }) });
    await client.resolve(reference(registry, 'dev/web:1'));
    expect(registry.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer t']);
  });

  it.each([
    [401, 'access-denied'],
    [403, 'access-denied'],
    [429, 'rate-limited'],
    [500, 'registry-unavailable'],
    [302, 'registry-refused'],
  ])('tells of a token server that answers %i', async (status, code) => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    const elsewhere = await startRegistry();
    tokens.guard(registry);
    tokens.server.on(/./, ({ reply }) => reply(status, { location: `${elsewhere.origin}/token` }));
    const client = openClient({ ...vouched(registry, tokens), credentials: login(registry) });
    expect(await failureOf(client.resolve(reference(registry, 'dev/web:1')))).toMatchObject({ code });
    expect(elsewhere.requests).toEqual([]);
  });

  it('leaves the others their token when one caller stops waiting', async () => {
    const [registry, tokens] = [await startRegistry(), await startTokens()];
    tokens.guard(registry);
    let letGo = (): void => undefined;
    const release = new Promise<void>((resolve) => (letGo = resolve));
    tokens.server.on(/./, async ({ reply }) => {
      await release;
      reply(200, {}, '{"token":"t"}');
    });
    const client = openClient(vouched(registry, tokens));
    const controller = new AbortController();
    const stopped = failureOf(client.resolve(reference(registry, 'dev/web:1'), { signal: controller.signal }));
    await expect.poll(() => tokens.server.requests.length).toBe(1);
    const waiting = client.resolve(reference(registry, 'dev/web:2'));
    controller.abort(new Error('stop'));
    expect((await stopped).message).toBe('stop');
    letGo();
    expect(await waiting).toBeUndefined();
    expect(tokens.server.requests).toHaveLength(1);
  });
});
