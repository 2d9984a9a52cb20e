import { afterEach, describe, expect, it } from 'vitest';
import { checkServed, checkServedByAll, SignatureServerError } from '../../../activities/signature-server/index.ts';
import type {
  CheckServedCall,
  CheckServedInput,
  ExpectedSignature,
} from '../../../activities/signature-server/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import { closedPort, startLoopback } from './http-fixture.ts';
import type { Loopback } from './http-fixture.ts';

const DIGEST = parseDigest(`sha256:${'a'.repeat(64)}`);
const DIRECTORY = `/images/acme/web@sha256=${'a'.repeat(64)}`;
const OURS = Buffer.from([0x89, 1, 2, 3]);
const THEIRS = Buffer.from([0x89, 9, 9]);
const expected = (number = 1, next: ExpectedSignature['next'] = 'absent'): ExpectedSignature => ({
  digest: DIGEST,
  number,
  blob: OURS,
  next,
});

describe('checkServed', () => {
  const servers: Loopback[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  const start = async (handler: Parameters<typeof startLoopback>[0]): Promise<Loopback> => {
    const server = await startLoopback(handler);
    servers.push(server);
    return server;
  };
  /** A server of these signatures, number 1 first; undefined is a gap. */
  const serving = (...blobs: readonly (Buffer | undefined)[]): Promise<Loopback> =>
    start((request, response) => {
      const number = Number(/signature-(\d+)$/.exec(request.url ?? '')?.[1]);
      const blob = request.url?.startsWith(`${DIRECTORY}/`) === true ? blobs[number - 1] : undefined;
      if (blob === undefined) response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not Found</h1>');
      else response.writeHead(200).end(blob);
    });
  const check = (servedAt: string, one: ExpectedSignature = expected(), call: CheckServedCall = {}) =>
    checkServed({ servedAt: `${servedAt}/images`, repositoryPath: 'acme/web', expected: [one] }, call);
  const failure = async (work: Promise<unknown>): Promise<SignatureServerError> => {
    const error = await work.then(
      () => new Error('it did not fail'),
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(SignatureServerError);
    return error as SignatureServerError;
  };

  it('accepts exactly the bytes and nothing behind them', async () => {
    await check((await serving(OURS)).url);
    await check((await serving(THEIRS, OURS)).url, expected(2));
    await check((await serving(OURS, THEIRS)).url, expected(1, THEIRS));
  });

  it('sends @ and = unescaped, asks caches to look again first, and then asks as a cluster does', async () => {
    const server = await serving(OURS);
    await check(server.url);
    const asked = server.requests.map(({ request }) => [request.url, request.headers['cache-control']]);
    expect(asked).toEqual([
      [`${DIRECTORY}/signature-1`, 'no-cache'],
      [`${DIRECTORY}/signature-2`, 'no-cache'],
      [`${DIRECTORY}/signature-1`, undefined],
      [`${DIRECTORY}/signature-2`, undefined],
    ]);
    expect(server.requests.every(({ request }) => request.headers.connection === 'close')).toBe(true);
  });

  it('uses the served address as written: a trailing slash is doubled, a query stays behind', async () => {
    const server = await start((_request, response) => response.writeHead(200).end(OURS));
    const input = { repositoryPath: 'acme/web', expected: [expected(1, OURS)] };
    await checkServed({ ...input, servedAt: `${server.url}/images/?tenant=x` }, { rounds: 1 });
    await checkServed({ ...input, servedAt: server.url }, { rounds: 1 });
    expect(server.requests.map(({ request }) => request.url?.replace(/@.*\//, '/'))).toEqual([
      '/images//acme/web/signature-1?tenant=x',
      '/images//acme/web/signature-2?tenant=x',
      '/acme/web/signature-1',
      '/acme/web/signature-2',
    ]);
  });

  it('reports a missing signature as not served', async () => {
    const server = await serving();
    const error = await failure(check(server.url));
    expect(error).toMatchObject({ code: 'not-served' });
    expect(error.failures).toEqual([
      {
        code: 'not-served',
        replica: server.address,
        url: `${server.url}${DIRECTORY}/signature-1`,
        expected: expect.stringMatching(/^the signature [0-9a-f]{12}… of 4 bytes$/) as string,
        received: 'status 404',
      },
    ]);
    expect(error.message).toContain(`${server.url}${DIRECTORY}/signature-1`);
  });

  it('reports a gap below the signature, which hides it from readers', async () => {
    const error = await failure(check((await serving(undefined, OURS)).url, expected(2)));
    expect(error).toMatchObject({ code: 'not-served' });
    expect(error.failures[0]?.url).toMatch(/signature-1$/);
  });

  it('reports what is no signature below it, which makes readers refuse the whole set', async () => {
    for (const blob of [Buffer.from('<html>'), Buffer.from('-----BEGIN'), Buffer.alloc(0)]) {
      expect(await failure(check((await serving(blob, OURS)).url, expected(2)))).toMatchObject({
        code: 'served-wrong',
      });
    }
  });

  it('reports a signature too many, and one missing behind', async () => {
    expect(await failure(check((await serving(OURS, THEIRS)).url))).toMatchObject({ code: 'served-wrong' });
    expect(await failure(check((await serving(OURS)).url, expected(1, THEIRS)))).toMatchObject({ code: 'not-served' });
    expect(await failure(check((await serving(OURS, OURS)).url, expected(1, THEIRS)))).toMatchObject({
      code: 'served-wrong',
    });
  });

  it.each([
    ['other bytes', 200, THEIRS, 'of 3 bytes'],
    ['fewer bytes', 200, OURS.subarray(0, 3), 'of 3 bytes'],
    ['more bytes', 200, Buffer.concat([OURS, OURS]), 'of 8 bytes'],
    ['nothing', 200, Buffer.alloc(0), 'without a body'],
    ['an HTML page', 200, Buffer.from('<!DOCTYPE html>'), 'an HTML page of 15 bytes'],
    ['too much', 200, Buffer.alloc(4 * 1024 * 1024 + 1, 1), 'more than 4194304 bytes'],
    ['no content', 204, Buffer.alloc(0), 'status 204'],
    ['a part', 206, OURS, 'status 206'],
    ['a login', 401, OURS, 'status 401'],
    ['a refusal', 403, OURS, 'status 403'],
    ['gone', 410, OURS, 'status 410'],
    ['an error', 500, OURS, 'status 500'],
    ['a router without servers', 503, OURS, 'status 503'],
  ])('reports %s as wrong', async (_name, status, body, received) => {
    const server = await start((_request, response) =>
      response.writeHead(status).end(status === 204 ? undefined : body),
    );
    const error = await failure(check(server.url));
    expect(error.code).toBe('served-wrong');
    expect(error.message).toContain(received);
  });

  it('stops reading an answer that never ends', async () => {
    const server = await start((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024, 1);
      const more = (): void => {
        if (!response.destroyed) response.write(chunk, () => setImmediate(more));
      };
      more();
    });
    const error = await failure(check(server.url));
    expect(error.code).toBe('served-wrong');
    expect(error.message).toContain('more than 4194304 bytes');
  });

  it('reports a 200 for what must be absent, such as a page for everything', async () => {
    const server = await start((request, response) => {
      if (request.url?.endsWith('signature-1') === true) response.end(OURS);
      else response.writeHead(200, { 'content-type': 'text/html' }).end('<html>not found</html>');
    });
    const error = await failure(check(server.url));
    expect(error.code).toBe('served-wrong');
    expect(error.failures[0]).toMatchObject({ received: 'status 200 with an HTML page of 22 bytes' });
  });

  it('asks twice, so that a server that serves it now and then is found out', async () => {
    let count = 0;
    const server = await start((request, response) => {
      if (request.url?.endsWith('signature-1') !== true) return response.writeHead(404).end();
      count += 1;
      return count % 2 === 1 ? response.end(OURS) : response.writeHead(404).end();
    });
    expect(await failure(check(server.url))).toMatchObject({ code: 'not-served' });
    count = 0;
    await check(server.url, expected(), { rounds: 1 });
  });

  it('finds out a cache that answers its old 404 to whoever does not insist', async () => {
    const server = await start((request, response) => {
      const insists = request.headers['cache-control'] === 'no-cache';
      if (request.url?.endsWith('signature-1') === true && insists) response.end(OURS);
      else response.writeHead(404).end();
    });
    expect(await failure(check(server.url))).toMatchObject({ code: 'not-served' });
  });

  it('names what does not answer: refused, cut, silent', async () => {
    const down = await failure(check(`http://127.0.0.1:${await closedPort()}`));
    expect([down.code, down.message]).toEqual(['not-served', expect.stringContaining('ECONNREFUSED')]);
    const cut = await start((_request, response) => {
      response.writeHead(200, { 'content-length': '4' });
      response.write(OURS.subarray(0, 2));
      setTimeout(() => response.destroy(), 10);
    });
    expect(await failure(check(cut.url))).toMatchObject({ code: 'not-served' });
    const silent = await start(() => undefined);
    const late = await failure(check(silent.url, expected(), { requestTimeoutMs: 50 }));
    expect([late.code, late.message]).toEqual(['not-served', expect.stringContaining('within 50 ms')]);
    expect(silent.requests).toHaveLength(1);
  });

  it('ends at once when cancelled, with the reason', async () => {
    const silent = await start(() => undefined);
    const controller = new AbortController();
    const reason = new Error('cancelled by the operator');
    setTimeout(() => controller.abort(reason), 20);
    await expect(check(silent.url, expected(), { signal: controller.signal })).rejects.toBe(reason);
  });

  it('follows redirects as readers do, but not in a circle', async () => {
    const target = await serving(OURS);
    const server = await start((request, response) =>
      response.writeHead(302, { location: `${target.url}${request.url ?? ''}` }).end(),
    );
    await check(server.url);
    const circle = await start((request, response) => response.writeHead(301, { location: request.url }).end());
    const error = await failure(check(circle.url, expected(), { rounds: 1 }));
    expect(error.code).toBe('served-wrong');
    expect(error.message).toContain('a redirect to');
    expect(circle.requests).toHaveLength(22);
  });

  it('does not count for a replica what it redirects elsewhere', async () => {
    const good = await serving(OURS);
    const elsewhere = await start((request, response) =>
      response
        .writeHead(302, { location: `http://127.0.0.1:${new URL(good.url).port}${request.url ?? ''}?secret=hunter2` })
        .end(),
    );
    const input: CheckServedInput = {
      servedAt: 'http://signatures.test/images',
      replica: { address: elsewhere.address },
      repositoryPath: 'acme/web',
      expected: [expected()],
    };
    const error = await failure(checkServed(input));
    expect(error).toMatchObject({ code: 'served-wrong' });
    expect(error.message).toContain(`a redirect to ${good.url}`);
    expect(error.message).not.toContain('hunter2');
    expect(good.requests).toHaveLength(0);
    // Number 1 and number 2, and no hop after either.
    expect(elsewhere.requests).toHaveLength(2);
    const within = await start((request, response) => {
      if (request.url?.startsWith('/moved') === true) {
        if (request.url.endsWith('-1')) response.end(OURS);
        else response.writeHead(404).end();
      } else response.writeHead(301, { location: `http://signatures.test/moved${request.url ?? ''}` }).end();
    });
    await checkServed({ ...input, replica: { address: within.address } });
  });

  it('asks a replica under the name of the served address', async () => {
    const server = await serving(OURS);
    await checkServed({
      servedAt: 'http://signatures.example.invalid/images',
      replica: { address: server.address },
      repositoryPath: 'acme/web',
      expected: [expected()],
    });
    expect(new Set(server.requests.map(({ request }) => request.headers.host))).toEqual(
      new Set(['signatures.example.invalid']),
    );
  });

  it('asks a replica plainly that stands behind a router that ends TLS', async () => {
    const server = await serving(OURS);
    const input = { servedAt: 'https://signatures.test/images', repositoryPath: 'acme/web', expected: [expected()] };
    await checkServed({ ...input, replica: { address: server.address } });
    await checkServed({ ...input, replica: { address: server.address, scheme: 'http' } });
    const strict = await failure(checkServed({ ...input, replica: { address: server.address, scheme: 'https' } }));
    expect(strict.code).toBe('not-served');
    // The served address itself is never asked so.
    const { url } = await serving(OURS);
    expect(await failure(check(url.replace('http:', 'https:')))).toMatchObject({ code: 'not-served' });
  });

  it('names the one stale replica of four, and asks all', async () => {
    const good = await Promise.all([serving(OURS), serving(OURS), serving(OURS)]);
    const stale = await serving();
    const [front, ...replicas] = [good[0], good[1], stale, good[2], good[0]] as Loopback[];
    const error = await failure(
      checkServed({
        servedAt: `${front?.url ?? ''}/images`,
        replicas: replicas.map(({ address }) => ({ address, ...(address === stale.address && { pod: 'web-7' }) })),
        repositoryPath: 'acme/web',
        expected: [expected()],
      }),
    );
    expect(error).toMatchObject({ code: 'not-served' });
    expect(error.failures.map(({ replica }) => replica)).toEqual([`${stale.address} (pod web-7)`]);
    expect(error.message).toContain(`1 of 5 servers asked do not serve them: ${stale.address} (pod web-7): GET `);
    for (const server of good) expect(server.requests.length).toBeGreaterThan(0);
  });

  it('reports all replicas that fail in one error, the wrong answer as the kind', async () => {
    const [front, stale, lying] = await Promise.all([serving(OURS), serving(), serving(THEIRS)]);
    const port = await closedPort();
    const error = await failure(
      checkServed({
        servedAt: `${front.url}/images`,
        replicas: [{ address: stale.address }, { address: lying.address }, { address: `127.0.0.1:${port}` }],
        repositoryPath: 'acme/web',
        expected: [expected()],
      }),
    );
    expect(error.code).toBe('served-wrong');
    expect(error.failures.map(({ replica, code }) => [replica, code])).toEqual([
      [stale.address, 'not-served'],
      [lying.address, 'served-wrong'],
      [`127.0.0.1:${port}`, 'not-served'],
    ]);
    for (const address of [stale.address, lying.address, `127.0.0.1:${port}`]) expect(error.message).toContain(address);
  });

  it('asks the served address itself beside the replicas', async () => {
    const [front, replica] = await Promise.all([serving(), serving(OURS)]);
    const input = { servedAt: `${front.url}/images`, repositoryPath: 'acme/web', expected: [expected()] };
    const error = await failure(checkServed({ ...input, replicas: [{ address: replica.address }] }));
    expect(error.failures.map((one) => one.replica)).toEqual([front.address]);
  });

  it('takes two signatures of one manifest that follow each other', async () => {
    const server = await serving(THEIRS, OURS);
    await checkServed({
      servedAt: `${server.url}/images`,
      repositoryPath: 'acme/web',
      expected: [{ ...expected(1, OURS), blob: THEIRS }, expected(2)],
    });
  });

  it.each([
    ['another scheme', { servedAt: 'file:///srv/images' }],
    ['no url', { servedAt: 'signatures.test/images' }],
    ['credentials', { servedAt: 'https://user:hunter2@signatures.test/images' }],
    ['a fragment', { servedAt: 'https://signatures.test/images#x' }],
    ['a replica without a port', { servedAt: 'http://signatures.test', replica: { address: '127.0.0.1' } }],
  ])('refuses a served address with %s', async (_name, change) => {
    const error = await failure(checkServed({ repositoryPath: 'acme/web', expected: [expected()], ...change }));
    expect(error.code).toBe('configuration-invalid');
    expect(error.message).not.toContain('hunter2');
  });
});

describe('checkServedByAll', () => {
  it('checks any files, and that others are absent', async () => {
    const server = await startLoopback((request, response) =>
      request.url === '/a/b' ? response.end('abc') : response.writeHead(404).end(),
    );
    try {
      const files = (blob: string) => [
        { path: 'b', is: 'bytes', blob: Buffer.from(blob) } as const,
        { path: 'c', is: 'absent' } as const,
      ];
      await checkServedByAll({ servedAt: `${server.url}/a`, files: files('abc') });
      await expect(checkServedByAll({ servedAt: `${server.url}/a`, files: files('abd') })).rejects.toThrow(/expected/);
    } finally {
      await server.close();
    }
  });
});
