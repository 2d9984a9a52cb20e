import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { lookasideUrl, readLookaside } from '../../../activities/trust/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';

const HEX = 'c'.repeat(64);
const digest = parseDigest(`sha256:${HEX}`);
const servers: Server[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, number: number) => void,
): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response, Number(/signature-(\d+)/.exec(request.url ?? '')?.[1] ?? 0));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
/** Serves so many signatures, then 404. */
const serving = (count: number) => (_: IncomingMessage, response: ServerResponse, number: number) => {
  response.writeHead(number <= count ? 200 : 404).end(`signature ${number}`);
};
const texts = (blobs: Uint8Array[]): string[] => blobs.map((blob) => Buffer.from(blob).toString());

describe('lookasideUrl', () => {
  it.each([
    ['https://s.example.com', `https://s.example.com/acme/web@sha256=${HEX}/signature-3`],
    ['https://s.example.com/', `https://s.example.com//acme/web@sha256=${HEX}/signature-3`],
    ['https://s.example.com/a/b', `https://s.example.com/a/b/acme/web@sha256=${HEX}/signature-3`],
    ['https://s.example.com/a?t=1', `https://s.example.com/a/acme/web@sha256=${HEX}/signature-3?t=1`],
    ['http://u:p%40@s.example.com:81/x', `http://u:p%40@s.example.com:81/x/acme/web@sha256=${HEX}/signature-3`],
    ['file:///var/lib/sigstore', `file:///var/lib/sigstore/acme/web@sha256=${HEX}/signature-3`],
    ['https://s.example.com/a b', `https://s.example.com/a%20b/acme/web@sha256=${HEX}/signature-3`],
  ])('keeps %s as written', (base, url) => {
    expect(lookasideUrl(base, 'acme/web', digest, 3)).toBe(url);
  });

  it.each([
    'file://é/v',
    'file://%C3%A9/v',
    'file://a%25/v',
    'file://[::1]:80/v',
    'file://a:80:90/v',
    'file://u:p@h/v',
  ])('looks at no host of %s', (base) => {
    expect(lookasideUrl(base, 'acme/web', digest, 1)).toBe(`file:///v/acme/web@sha256=${HEX}/signature-1`);
  });

  it.each(['file://[x]/v', 'file://a b/v', 'file://a%41/v', 'file://a:b/v', 'file://[::1/v', 'http://[fe80::1%en0]/'])(
    'refuses the host of %s',
    (base) => {
      expect(() => lookasideUrl(base, 'acme/web', digest, 1)).toThrow(
        expect.objectContaining({ code: 'configuration-invalid' }),
      );
    },
  );

  it.each(['/var/lib/sigstore', 's3://bucket', 'ftp://h/x', 'https://', ''])('refuses the base %j', (base) => {
    expect(() => lookasideUrl(base, 'acme/web', digest, 1)).toThrow(
      expect.objectContaining({ code: 'configuration-invalid' }),
    );
  });

  it.each([
    ['../x', digest],
    ['acme/../../x', digest],
    ['/etc', digest],
    ['Acme', digest],
    ['', digest],
    ['acme', 'sha256:../../etc' as Digest],
  ])('never leaves its base: %j, %s', (path, unchecked) => {
    expect(() => lookasideUrl('https://s.example.com', path, unchecked, 1)).toThrow();
  });
});

describe('readLookaside', () => {
  it('reads up to the first that is missing, in order', async () => {
    const { url, requests } = await serve(serving(3));
    expect(texts(await readLookaside(`${url}/x`, 'acme/web', digest))).toEqual([
      'signature 1',
      'signature 2',
      'signature 3',
    ]);
    expect(requests.map((request) => request.url)).toEqual(
      [1, 2, 3, 4].map((number) => `/x/acme/web@sha256=${HEX}/signature-${number}`),
    );
  });

  it('ends at a gap', async () => {
    const { url } = await serve((_, response, number) => {
      response.writeHead(number === 2 ? 404 : 200).end('x');
    });
    expect(await readLookaside(url, 'acme/web', digest)).toHaveLength(1);
  });

  it('reads 127 signatures and refuses the 128th', async () => {
    const enough = await serve(serving(127));
    expect(await readLookaside(enough.url, 'acme/web', digest)).toHaveLength(127);
    const endless = await serve(serving(Infinity));
    await expect(readLookaside(endless.url, 'acme/web', digest)).rejects.toMatchObject({ code: 'served-wrong' });
    expect(endless.requests).toHaveLength(128);
  });

  it.each([201, 204, 206, 304, 400, 401, 403, 410, 429, 500, 503])('fails as a whole at status %i', async (status) => {
    const { url } = await serve((_, response, number) => {
      response.writeHead(number === 2 ? status : 200).end();
    });
    const reading = readLookaside(url.replace('//', '//canary:secret@') + '?token=canary', 'acme/web', digest);
    await expect(reading).rejects.toMatchObject({ code: 'not-served', status });
    const error: unknown = await reading.catch((caught: unknown) => caught);
    expect(inspect(error, { depth: 9 })).not.toMatch(/canary|secret/);
    expect(String(error)).toContain(`/acme/web@sha256=${HEX}/signature-2`);
  });

  it('fails when nobody answers', async () => {
    const { url } = await serve(serving(0));
    servers[0]!.close();
    servers[0]!.closeAllConnections();
    await expect(readLookaside(url, 'acme/web', digest)).rejects.toMatchObject({ code: 'not-served' });
  });

  it('fails at its time limit when an answer does not end', async () => {
    const { url } = await serve((_, response) => response.writeHead(200).write('x'));
    const reading = readLookaside(url, 'acme/web', digest, { timeoutMs: 100 });
    await expect(reading).rejects.toMatchObject({ code: 'not-served' });
  });

  it('stops when cancelled, with the reason given', async () => {
    const controller = new AbortController();
    const { url } = await serve(() => controller.abort(new Error('cancelled')));
    const reading = readLookaside(url, 'acme/web', digest, { signal: controller.signal });
    await expect(reading).rejects.toThrow('cancelled');
  });

  it('gives up a body past the limit', async () => {
    let sent = 0;
    const { url } = await serve((_, response) => {
      response.writeHead(200);
      const more = (): void => {
        sent += 65536;
        if (!response.destroyed && sent < 100e6) response.write(Buffer.alloc(65536), more);
      };
      more();
    });
    await expect(readLookaside(url, 'acme/web', digest)).rejects.toMatchObject({ code: 'served-wrong' });
    expect(sent).toBeLessThan(20e6);
  });

  it('refuses an encoded body', async () => {
    const { url } = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'));
    await expect(readLookaside(url, 'acme/web', digest)).rejects.toMatchObject({ code: 'served-wrong' });
  });

  it("sends the URL's user and keeps the query", async () => {
    const { url, requests } = await serve(serving(0));
    await readLookaside(`${url.replace('//', '//me:p%40ss@')}/x?t=1`, 'acme/web', digest);
    expect(requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    expect(requests[0]!.url).toBe(`/x/acme/web@sha256=${HEX}/signature-1?t=1`);
    expect(requests[0]!.headers['accept-encoding']).toBeUndefined();
  });

  it('follows redirects, without credentials to another origin', async () => {
    const target = await serve(serving(1));
    const { url } = await serve((request, response) => {
      response.writeHead(302, { location: `${target.url}/moved${request.url ?? ''}` }).end();
    });
    const base = url.replace('//', '//me:secret@');
    const blobs = await readLookaside(base, 'acme/web', digest, { headers: { 'x-canary': '1' } });
    expect(texts(blobs)).toEqual(['signature 1']);
    expect(target.requests[0]!.headers.authorization).toBeUndefined();
    expect(target.requests[0]!.headers['x-canary']).toBeUndefined();
  });

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/x', '//'])('refuses a redirect to %s', async (location) => {
    const { url } = await serve((_, response) => response.writeHead(302, { location }).end());
    await expect(readLookaside(url, 'acme/web', digest)).rejects.toMatchObject({ code: 'not-served' });
  });

  it('ends a ring of redirects', async () => {
    const { url, requests } = await serve((request, response) => {
      response.writeHead(302, { location: request.url ?? '' }).end();
    });
    await expect(readLookaside(url, 'acme/web', digest)).rejects.toThrow('redirects');
    expect(requests).toHaveLength(10);
  });

  it('reads files, and an absent folder as none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lookaside '));
    folders.push(folder);
    expect(await readLookaside(`file://${folder}`, 'acme/web', digest)).toEqual([]);
    const directory = join(folder, `acme/web@sha256=${HEX}`);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'signature-1'), 'one');
    expect(texts(await readLookaside(`file://${folder}`, 'acme/web', digest))).toEqual(['one']);
    await mkdir(join(directory, 'signature-2'));
    await expect(readLookaside(`file://${folder}`, 'acme/web', digest)).rejects.toMatchObject({ code: 'not-served' });
  });
});
