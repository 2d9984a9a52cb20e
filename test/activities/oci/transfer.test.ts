import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { copyImage } from '../../../activities/oci/index.ts';
import type { CopyOptions, CopyProgress } from '../../../activities/oci/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { sha256 } from '../../support/sample-image.ts';
import type { ScriptedExchange, ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, repository, startRegistry } from './fixture.ts';

const MIB = 1024 * 1024;
/** Large enough for the raw data path, which leaves smaller bodies to undici. */
const CHUNK = MIB + 100_000;

interface Setting {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly blob: Buffer;
  readonly digest: Digest;
  readonly options: CopyOptions;
}

/** An image of one layer of some MiB, and chunks small enough that it is worth some. */
async function prepare(dataPath: 'raw' | 'undici', size = 5 * CHUNK): Promise<Setting> {
  const [source, target] = await Promise.all([startRegistry(), startRegistry()]);
  const blob = randomBytes(size);
  const digest = sha256(blob);
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256(Buffer.from('{}')), size: 2 };
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] }));
  source.manifests.set(`dev/web@${sha256(bytes)}`, { bytes, mediaType });
  source.blobs.set(`dev/web@${digest}`, blob);
  source.blobs.set(`dev/web@${config.digest}`, Buffer.from('{}'));
  const client = openClient({ dataPath });
  const options = {
    source: { client, reference: reference(source, `dev/web@${sha256(bytes)}`) },
    target: { client, repository: repository(target, 'prod/web') },
    chunkBytes: CHUNK,
    retryDelayMs: 1,
  };
  return { source, target, blob, digest, options };
}

function expectWhole({ target, blob, digest }: Setting): void {
  expect(target.blobs.get(`prod/web@${digest}`)?.equals(blob)).toBe(true);
  expect(target.uploads.size).toBe(0);
}

/** Requests about the layer at the target, without what tells uploads apart. */
function chunksOf({ target }: Setting): readonly string[] {
  return target.requests
    .filter(({ method }) => method === 'PATCH')
    .map(({ headers }) => headers['content-range'] ?? 'none');
}

function chunkAt(index: number): string {
  return `${index * CHUNK}-${(index + 1) * CHUNK - 1}`;
}

/** Takes a part of the body, then breaks the connection, as often as told. */
function cutAfter(bytes: number, times: number): (exchange: ScriptedExchange) => Promise<void> {
  return async ({ request, round, proceed, cut }) => {
    if (round >= times) {
      await proceed();
      return;
    }
    let seen = 0;
    for await (const piece of request) {
      seen += (piece as Buffer).length;
      if (seen >= bytes) break;
    }
    cut();
  };
}

describe.each(['raw', 'undici'] as const)('a large blob over %s', (dataPath) => {
  it('is sent in one request where it is not worth chunks', async () => {
    const setting = await prepare(dataPath, 3 * MIB);
    const result = await copyImage(setting.options);
    expectWhole(setting);
    expect(chunksOf(setting)).toEqual([]);
    expect(result).toMatchObject({ bytesCopied: 3 * MIB + 2, bytesRepeated: 0 });
  });

  it('is sent in chunks that follow each other, and completed by an empty request', async () => {
    const setting = await prepare(dataPath);
    const reports: CopyProgress[] = [];
    await copyImage({ ...setting.options, onProgress: (report) => reports.push(report) });
    expectWhole(setting);
    const ends = [0, 1, 2, 3, 4].map(chunkAt);
    expect(chunksOf(setting)).toEqual(ends);
    const uploads = reports.flatMap((report) => report.uploads);
    expect(new Set(uploads.map(({ digest }) => digest))).toEqual(new Set([setting.digest]));
    expect(uploads[0]?.location).toContain(`${setting.target.origin}/v2/prod/web/blobs/uploads/`);
    expect(reports.at(-1)).toMatchObject({ inFlight: [], uploads: [], bytesDone: 5 * CHUNK + 2 });
  });

  it('keeps to the smallest chunk that the registry takes', async () => {
    const setting = await prepare(dataPath);
    setting.target.on(/^POST/, async ({ response, proceed }) => {
      response.setHeader('OCI-Chunk-Min-Length', String(4 * MIB));
      await proceed();
    });
    await copyImage(setting.options);
    expectWhole(setting);
    expect(chunksOf(setting)).toEqual([`0-${4 * MIB - 1}`, `${4 * MIB}-${5 * CHUNK - 1}`]);
  });

  it('goes on by range where its source breaks off, and repeats nothing', async () => {
    const setting = await prepare(dataPath);
    const { source, blob, digest, options } = setting;
    source.on(new RegExp(`^GET .*${digest}`), async ({ round, request, response, proceed, cut }) => {
      if (round >= 8) {
        await proceed();
        return;
      }
      const from = Number(/\d+/.exec(request.headers.range ?? '0')?.[0]);
      const headers = { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` };
      response.writeHead(from === 0 ? 200 : 206, { 'content-length': String(blob.length - from), ...headers });
      response.write(blob.subarray(from, from + 150_000), () => setTimeout(cut, 5));
    });
    const result = await copyImage(options);
    expectWhole(setting);
    expect(result.bytesRepeated).toBe(0);
    expect(chunksOf(setting)).toHaveLength(5);
  });

  it('listens to a source that knows no ranges from the start again', async () => {
    const setting = await prepare(dataPath);
    const { source, blob, digest, options } = setting;
    source.on(new RegExp(`^GET .*${digest}`), ({ round, response, reply, cut }) => {
      if (round > 0) {
        reply(200, { 'content-length': String(blob.length) }, blob);
        return;
      }
      response.writeHead(200, { 'content-length': String(blob.length) });
      response.write(blob.subarray(0, 2 * MIB), () => setTimeout(cut, 20));
    });
    const result = await copyImage(options);
    expectWhole(setting);
    expect(result.bytesRepeated).toBeGreaterThan(0);
    expect(result.bytesRepeated).toBeLessThanOrEqual(2 * MIB);
  });

  it.each([
    ['another range', { 'content-range': 'bytes 1-5/6' }],
    ['no range', {}],
  ])('refuses %s than the one that was asked for', async (_, headers) => {
    const { source, target, blob, digest, options } = await prepare(dataPath);
    source.on(new RegExp(`^GET .*${digest}`), ({ round, response, reply, cut }) => {
      if (round > 0) {
        reply(206, { 'content-length': String(blob.length - 100_000), ...headers });
        return;
      }
      response.writeHead(200, { 'content-length': String(blob.length) });
      response.write(blob.subarray(0, 100_000), () => setTimeout(cut, 20));
    });
    expect(await failureOf(copyImage(options))).toMatchObject({ code: 'content-mismatch', side: 'source' });
    expect(target.blobs.has(`prod/web@${digest}`)).toBe(false);
  });

  it('goes on where the registry stands when an upload breaks off', async () => {
    const setting = await prepare(dataPath);
    setting.target.on(/^PATCH/, async (exchange) => {
      if (exchange.round === 3) await cutAfter(300_000, 9)(exchange);
      else await exchange.proceed();
    });
    const result = await copyImage(setting.options);
    expectWhole(setting);
    expect(chunksOf(setting)).toEqual([0, 1, 2, 3, 3, 4].map(chunkAt));
    expect(result.bytesRepeated).toBeLessThanOrEqual(2 * CHUNK);
    expect(setting.target.log().filter((line) => line.startsWith('POST'))).toHaveLength(2);
  });

  it('reads what an upload lost from its source once more, and from then on keeps it', async () => {
    const setting = await prepare(dataPath);
    setting.target.on(/^PATCH/, async (exchange) => {
      if ([1, 3, 5].includes(exchange.round)) await cutAfter(300_000, 9)(exchange);
      else await exchange.proceed();
    });
    await copyImage(setting.options);
    expectWhole(setting);
    expect(chunksOf(setting)).toEqual([0, 1, 1, 2, 2, 3, 3, 4].map(chunkAt));
    const reads = setting.source.log().filter((line) => line.includes(setting.digest));
    expect(reads).toHaveLength(2);
  });

  it('begins anew where the registry has forgotten the upload', async () => {
    const setting = await prepare(dataPath);
    setting.target.on(/^PATCH/, async (exchange) => {
      if (exchange.round === 2) {
        setting.target.uploads.clear();
        await cutAfter(300_000, 9)(exchange);
      } else await exchange.proceed();
    });
    await copyImage(setting.options);
    expectWhole(setting);
    expect(chunksOf(setting).filter((range) => range.startsWith('0-'))).toHaveLength(2);
  });

  it.each([404, 405, 416, 501])('is sent whole where chunks are answered %i', async (status) => {
    const setting = await prepare(dataPath);
    setting.target.on(/^PATCH/, async ({ request, reply }) => {
      await buffer(request);
      reply(status, { 'content-length': '0' });
    });
    await copyImage(setting.options);
    expectWhole(setting);
    expect(chunksOf(setting)).toHaveLength(1);
  });

  it('is there where only the answer to its completion was lost', async () => {
    const setting = await prepare(dataPath, 3 * MIB);
    setting.target.on(/^PUT .*uploads/, async ({ round, response, proceed, cut }) => {
      if (round > 1) {
        await proceed();
        return;
      }
      response.end = (() => {
        cut();
        return response;
      }) as never;
      await proceed();
    });
    await copyImage(setting.options);
    expectWhole(setting);
  });

  it('is given up where uploads break off again and again', async () => {
    const { target, options } = await prepare(dataPath, 3 * MIB);
    target.on(/^PUT .*uploads/, cutAfter(100_000, 99));
    expect(await failureOf(copyImage(options))).toMatchObject({ code: 'registry-unavailable', side: 'target' });
    await expect.poll(() => target.uploads.size, { timeout: 5000 }).toBe(0);
  });

  it.each([401, 403, 413, 500])('stops sending where the answer %i comes early', async (status) => {
    const { target, options } = await prepare(dataPath, 8 * MIB);
    let taken = 0;
    target.on(/^PATCH/, ({ request, response }) => {
      request.on('data', (piece: Buffer) => (taken += piece.length));
      response.writeHead(status, { connection: 'close', 'content-length': '0' }).end();
    });
    await failureOf(copyImage({ ...options, chunkBytes: 2 * MIB - 1 }));
    expect(taken).toBeLessThan(8 * MIB);
  });

  it('is resumed where an earlier attempt left it, and sends again nothing that arrived', async () => {
    const setting = await prepare(dataPath);
    const { target, digest, options } = setting;
    const reports: CopyProgress[] = [];
    target.on(/^PATCH/, async ({ round, proceed, reply }) => (round < 3 ? await proceed() : reply(503)));
    const first = await failureOf(copyImage({ ...options, onProgress: (report) => reports.push(report) }));
    expect(first).toMatchObject({ code: 'registry-unavailable' });
    const { uploads: untrustedUploads } = reports.findLast(({ uploads }) => uploads.length > 0)!;
    expect(untrustedUploads).toMatchObject([{ digest }]);
    const before = chunksOf(setting).length;
    target.on(/^PATCH/, ({ proceed }) => proceed());
    const result = await copyImage({ ...options, untrustedUploads });
    expectWhole(setting);
    expect(chunksOf(setting).slice(before)).toEqual([3, 4].map(chunkAt));
    expect(result.bytesRepeated).toBe(3 * CHUNK);
  });

  it.each([
    ['of another registry', (own: string) => own.replace(/:\d+\//, ':9/')],
    ['of another repository', (own: string) => own.replace('prod/web', 'prod/api')],
    ['with a way out', (own: string) => own.replace('/blobs/uploads/', '/blobs/uploads/../../../x/')],
    ['of a user', (own: string) => own.replace('//', '//user@')],
  ])('does not resume an upload at an address %s', async (_, change) => {
    const setting = await prepare(dataPath, 2 * MIB);
    const { target, digest, options } = setting;
    const location = change(`${target.origin}/v2/prod/web/blobs/uploads/0815`);
    await copyImage({ ...options, untrustedUploads: [{ digest, location }] });
    expectWhole(setting);
    expect(target.log().filter((line) => line.includes('0815') || line.includes('/x/'))).toEqual([]);
  });

  it('is not completed with other bytes, however they come', async () => {
    const { source, target, blob, digest, options } = await prepare(dataPath);
    source.on(new RegExp(`^GET .*${digest}`), ({ reply }) => {
      reply(200, { 'content-length': String(blob.length) }, Buffer.from(blob).fill(1, blob.length - 1));
    });
    expect(await failureOf(copyImage(options))).toMatchObject({ code: 'content-mismatch', side: 'source' });
    expect(target.blobs.has(`prod/web@${digest}`)).toBe(false);
    await expect.poll(() => target.uploads.size, { timeout: 5000 }).toBe(0);
  });
});
