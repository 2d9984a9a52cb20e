import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { copyImage } from '../../../activities/oci/index.ts';
import type { CopyOptions, CopyProgress } from '../../../activities/oci/index.ts';
import { buildSampleImage, sha256 } from '../../support/sample-image.ts';
import type { SampleImage, SampleImageOptions } from '../../support/sample-image.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, repository, startRegistry } from './fixture.ts';

interface Setting {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly image: SampleImage;
  readonly options: CopyOptions;
}

const SMALL = { layerBytes: 2000 };

async function prepare(imageOptions: SampleImageOptions = SMALL, more: Partial<CopyOptions> = {}): Promise<Setting> {
  const [source, target, image] = await Promise.all([startRegistry(), startRegistry(), buildSampleImage(imageOptions)]);
  source.add('dev/web', image, '1.0');
  const client = openClient();
  const options: CopyOptions = {
    source: { client, reference: reference(source, `dev/web@${image.digest}`) },
    target: { client, repository: repository(target, 'prod/web') },
    ...more,
  };
  return { source, target, image, options };
}

function expectWhole(target: ScriptedRegistry, image: SampleImage, path = 'prod/web'): void {
  for (const { digest, bytes, mediaType } of image.everyManifest) {
    expect(target.manifests.get(`${path}@${digest}`)).toEqual({ bytes, mediaType });
  }
  // Compared as buffers: the matcher goes through them byte by byte.
  const wrong = [...image.blobs].filter(
    ([digest, blob]) => target.blobs.get(`${path}@${digest}`)?.equals(blob) !== true,
  );
  expect(wrong.map(([digest]) => digest)).toEqual([]);
}

describe('copyImage', () => {
  it.each([
    ['an OCI index', SMALL],
    ['a Docker list', { ...SMALL, mediaTypes: 'docker' as const }],
    ['an index in an index', { ...SMALL, nested: true, platforms: ['linux/amd64', 'linux/arm64/v8', 'linux/s390x'] }],
    ['a single image', { ...SMALL, single: true, platforms: ['linux/amd64'] }],
    ['layers of many chunks', { layerBytes: 700_000, single: true, platforms: ['linux/amd64'] }],
  ])('copies %s byte for byte and touches no tag', async (_, imageOptions) => {
    const { target, image, options } = await prepare(imageOptions);
    const result = await copyImage(options);
    expectWhole(target, image);
    expect([...target.manifests.keys()].filter((key) => !key.includes('@'))).toEqual([]);
    const bytesTotal = [...image.blobs.values()].reduce((sum, { length }) => sum + length, 0);
    expect(result).toEqual({
      digest: image.digest,
      manifests: image.everyManifest.map(({ digest }) => digest),
      bytesCopied: bytesTotal,
      bytesTotal,
      blobsCopied: image.blobs.size,
      bytesRepeated: 0,
      blobsMounted: 0,
      blobsSkipped: 0,
      wasThere: false,
      foreignLayers: [],
    });
    expect(target.uploads.size).toBe(0);
  });

  it('sends every blob before the manifests, and children before parents', async () => {
    const { target, image, options } = await prepare({ ...SMALL, nested: true, platforms: ['a/b', 'a/c', 'a/d'] });
    await copyImage(options);
    const puts = target.log().filter((line) => line.startsWith('PUT'));
    const firstManifest = puts.findIndex((line) => line.includes('/manifests/'));
    expect(puts.slice(firstManifest).every((line) => line.includes('/manifests/'))).toBe(true);
    const put = ({ digest }: { digest: string }): string => `PUT /v2/prod/web/manifests/${digest}`;
    expect(puts.slice(-2)).toEqual(image.everyManifest.slice(-2).map(put));
    expect(new Set(puts.slice(firstManifest))).toEqual(new Set(image.everyManifest.map(put)));
  });

  it('makes two requests at the target for each missing blob, and one for each that is there', async () => {
    const { target, image, options } = await prepare({ ...SMALL, single: true, platforms: ['linux/amd64'] });
    const [digest, blob] = [...image.blobs][0]!;
    target.blobs.set(`prod/web@${digest}`, blob);
    await copyImage(options);
    const missing = image.blobs.size - 1;
    const blobs = target.log().filter((line) => line.includes('/blobs/'));
    expect(blobs.map((line) => line.split('?')[0]).toSorted()).toEqual([
      ...Array<string>(missing + 1).fill('POST /v2/prod/web/blobs/uploads/'),
      ...Array<string>(missing).fill('PUT /v2/prod/web/blobs/uploads/ID'),
    ]);
    expect(target.log().filter((line) => line.includes('/manifests/'))).toEqual([
      `HEAD /v2/prod/web/manifests/${image.digest}`,
      `PUT /v2/prod/web/manifests/${image.digest}`,
    ]);
  });

  it('sets the tag last, when one is given', async () => {
    const { target, image, options } = await prepare();
    await copyImage({ ...options, tag: '1.0' });
    expect(target.manifests.get('prod/web:1.0')?.bytes).toEqual(image.index.bytes);
    expect(target.log().at(-1)).toBe('PUT /v2/prod/web/manifests/1.0');
  });

  it('asks one question where the image is said to be there, and the source nothing', async () => {
    const { source, target, image, options } = await prepare();
    target.add('prod/web', image, '1.0');
    for (const [tag, name] of [[undefined, image.digest] as const, ['1.0', '1.0'] as const]) {
      const before = target.requests.length;
      const result = await copyImage({ ...options, ...(tag !== undefined && { tag }) });
      expect(target.log().slice(before)).toEqual([`HEAD /v2/prod/web/manifests/${name}`]);
      expect(result).toMatchObject({ wasThere: true, bytesCopied: 0, manifests: [image.digest] });
    }
    expect(source.requests).toEqual([]);
  });

  it('sets the tag where the image is there under another one', async () => {
    const { source, target, image, options } = await prepare();
    target.add('prod/web', image, '0.9');
    expect(await copyImage({ ...options, tag: '1.0' })).toMatchObject({ wasThere: true });
    expect(target.manifests.get('prod/web:1.0')?.bytes).toEqual(image.index.bytes);
    expect(source.log()).toEqual([`GET /v2/dev/web/manifests/${image.digest}`]);
  });

  it('finds, when it is thorough, that a child of the index is gone, and brings it again', async () => {
    const { target, image, options } = await prepare();
    target.add('prod/web', image);
    target.manifests.delete(`prod/web@${image.manifests[1]!.digest}`);
    await copyImage({ ...options, thorough: true });
    expectWhole(target, image);
  });

  it('brings a blob again that vanished, when it is thorough', async () => {
    const { source, target, image, options } = await prepare();
    target.add('prod/web', image);
    const [lost] = image.blobs.keys();
    target.blobs.delete(`prod/web@${lost!}`);
    expect(await copyImage(options)).toMatchObject({ blobsCopied: 0 });
    expect(await copyImage({ ...options, thorough: true })).toMatchObject({
      blobsCopied: 1,
      blobsSkipped: image.blobs.size - 1,
    });
    expectWhole(target, image);
    expect(source.log()).toEqual([`GET /v2/dev/web/blobs/${lost!}`]);
  });

  it('mounts what the same registry has elsewhere, and moves no byte', async () => {
    const { source, image, options } = await prepare();
    const result = await copyImage({
      ...options,
      target: { ...options.target, repository: repository(source, 'prod/web') },
    });
    expect(result).toMatchObject({
      blobsMounted: image.blobs.size,
      blobsCopied: 0,
      bytesCopied: 0,
    });
    expect(source.log().filter((line) => /^GET .*blobs/.test(line))).toEqual([]);
    expectWhole(source, image);
    expect(source.log().some((line) => line.startsWith('PUT') && line.includes('/blobs/'))).toBe(false);
  });

  it('sends a blob that was not mounted into the upload that was opened instead', async () => {
    const { source, image, options } = await prepare();
    source.on(/^POST .*mount=/, ({ reply }) => {
      const id = randomUUID();
      source.uploads.add(id);
      reply(202, { location: `${source.origin}/v2/prod/web/blobs/uploads/${id}?_state=a%2Bb%3D` });
    });
    const target = { ...options.target, repository: repository(source, 'prod/web') };
    const result = await copyImage({ ...options, target, concurrency: 1 });
    expect(result).toMatchObject({ blobsMounted: 0, blobsCopied: image.blobs.size });
    expect(source.log().filter((line) => line.startsWith('POST') && !line.includes('mount='))).toEqual([]);
    expectWhole(source, image);
  });

  it.each([400, 403, 404, 405])('opens an upload where a mount is refused with %i', async (status) => {
    const { source, image, options } = await prepare();
    source.on(/^POST .*mount=/, ({ reply }) => reply(status));
    await copyImage({ ...options, target: { ...options.target, repository: repository(source, 'prod/web') } });
    expectWhole(source, image);
  });

  it('references a foreign layer and never goes near its URLs', async () => {
    const elsewhere = await startRegistry();
    const { source, target, options } = await prepare();
    const mediaType = 'application/vnd.docker.distribution.manifest.v2+json';
    const config = Buffer.from('{}');
    const layer = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: sha256(Buffer.from('windows')),
      size: 7,
      urls: [`${elsewhere.origin}/layer`],
    };
    const described = { mediaType: 'application/vnd.docker.container.image.v1+json', digest: sha256(config), size: 2 };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config: described, layers: [layer] }));
    source.manifests.set(`dev/web@${sha256(bytes)}`, { bytes, mediaType });
    source.blobs.set(`dev/web@${sha256(config)}`, config);
    const wanted = { ...options.source, reference: reference(source, `dev/web@${sha256(bytes)}`) };
    expect(await copyImage({ ...options, source: wanted, thorough: true })).toMatchObject({ blobsCopied: 1 });
    expect(target.manifests.get(`prod/web@${sha256(bytes)}`)?.bytes).toEqual(bytes);
    expect(elsewhere.requests).toEqual([]);
    expect([...source.log(), ...target.log()].filter((line) => line.includes(layer.digest))).toEqual([]);
  });

  it('copies an empty blob', async () => {
    const { source, target, options } = await prepare();
    const empty = Buffer.alloc(0);
    const part = { mediaType: 'application/octet-stream', digest: sha256(empty), size: 0 };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config: part, layers: [] }));
    source.manifests.set(`dev/web@${sha256(bytes)}`, {
      bytes,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
    });
    source.blobs.set(`dev/web@${sha256(empty)}`, empty);
    await copyImage({
      ...options,
      source: { ...options.source, reference: reference(source, `dev/web@${sha256(bytes)}`) },
    });
    expect(target.blobs.get(`prod/web@${sha256(empty)}`)).toEqual(empty);
  });

  it('tells what it did, up to the whole', async () => {
    const reports: CopyProgress[] = [];
    const { image, options } = await prepare({ layerBytes: 300_000 }, { onProgress: (report) => reports.push(report) });
    const result = await copyImage(options);
    const last = reports.at(-1)!;
    expect(last).toMatchObject({
      bytesDone: result.bytesTotal,
      bytesTotal: result.bytesTotal,
      blobsTotal: 5,
      blobsDone: 5,
    });
    expect(new Set(last.digestsDone)).toEqual(new Set(image.blobs.keys()));
    expect(JSON.parse(JSON.stringify(last))).toEqual(last);
    expect(reports[0]).toMatchObject({ bytesDone: 0, blobsDone: 0, blobsTotal: 5 });
  });

  it('refuses a reference without digest before it asks anybody', async () => {
    const { source, options } = await prepare();
    const failure = await failureOf(
      copyImage({ ...options, source: { ...options.source, reference: reference(source, 'dev/web:1.0') } }),
    );
    expect(failure).toMatchObject({ code: 'reference-invalid', side: 'source' });
    expect(source.requests).toEqual([]);
  });
});

describe('copyImage when something breaks', () => {
  it('names the source where it has lost a blob, and leaves no upload behind', async () => {
    const { source, target, image, options } = await prepare();
    source.blobs.delete(`dev/web@${[...image.blobs.keys()][0]!}`);
    expect(await failureOf(copyImage(options))).toMatchObject({ code: 'image-unknown', side: 'source', status: 404 });
    await expect.poll(() => target.uploads.size, { timeout: 5000 }).toBe(0);
    expect(target.manifests.size).toBe(0);
  });

  it.each(['root', 'child'])('names the source where it has lost the %s manifest', async (which) => {
    const { source, image, options } = await prepare();
    source.manifests.delete(`dev/web@${which === 'root' ? image.digest : image.manifests[0]!.digest}`);
    const failure = await failureOf(copyImage(options));
    expect(failure).toMatchObject({ code: 'image-unknown', side: 'source' });
    expect(failure.message).toMatch(/^source: fetch manifest /);
  });

  it.each([
    ['other bytes', (blob: Buffer) => Buffer.alloc(blob.length, 1), undefined],
    ['fewer bytes', (blob: Buffer) => blob.subarray(1), undefined],
    ['more bytes', (blob: Buffer) => Buffer.concat([blob, Buffer.from('!')]), undefined],
    ['more bytes of unknown length', (blob: Buffer) => Buffer.concat([blob, Buffer.from('!')]), 'chunked'],
    ['fewer bytes of unknown length', (blob: Buffer) => blob.subarray(1), 'chunked'],
  ])('refuses a blob with %s, and never completes its upload', async (_, change, encoding) => {
    const { source, target, image, options } = await prepare({ layerBytes: 300_000 });
    const [digest, blob] = [...image.blobs].find(([, { length }]) => length > 1000)!;
    source.on(new RegExp(`^GET .*${digest}`), ({ reply }) => {
      const bytes = change(blob);
      reply(
        200,
        encoding === undefined ? { 'content-length': String(bytes.length) } : { 'transfer-encoding': encoding },
        bytes,
      );
    });
    expect(await failureOf(copyImage(options))).toMatchObject({ code: 'content-mismatch', side: 'source' });
    expect(target.blobs.has(`prod/web@${digest}`)).toBe(false);
    expect(target.manifests.size).toBe(0);
  });

  it('begins a blob once more when its source broke off', async () => {
    const { source, target, image, options } = await prepare({ layerBytes: 300_000 });
    const [digest, blob] = [...image.blobs].find(([, { length }]) => length > 1000)!;
    source.on(new RegExp(`^GET .*${digest}`), async ({ round, response, proceed, cut }) => {
      if (round > 0) {
        await proceed();
        return;
      }
      response.writeHead(200, { 'content-length': String(blob.length) });
      response.write(blob.subarray(0, 100_000), cut);
    });
    const reports: CopyProgress[] = [];
    const result = await copyImage({ ...options, onProgress: (report) => reports.push(report) });
    expectWhole(target, image);
    expect(result.bytesCopied).toBe(result.bytesTotal);
    expect(reports.at(-1)?.bytesDone).toBe(result.bytesTotal);
  });

  it('says that the source is unavailable when it breaks off again and again', async () => {
    const { source, target, image, options } = await prepare({ layerBytes: 300_000 });
    const [digest, blob] = [...image.blobs].find(([, { length }]) => length > 1000)!;
    source.on(new RegExp(`^GET .*${digest}`), ({ response, cut }) => {
      response.writeHead(200, { 'content-length': String(blob.length) });
      response.write(blob.subarray(0, 100_000), cut);
    });
    expect(await failureOf(copyImage(options))).toMatchObject({ code: 'registry-unavailable', side: 'source' });
    // It brought something once, and nothing new four times.
    expect(source.log().filter((line) => line.includes(digest))).toHaveLength(5);
    await expect.poll(() => target.uploads.size, { timeout: 5000 }).toBe(0);
  });

  it.each([
    ['is cut', ({ cut }: { cut: () => void }) => cut()],
    ['is answered with 503', ({ reply }: { reply: (status: number) => void }) => reply(503)],
  ])('begins a blob once more when its upload %s', async (_, break_) => {
    const { target, image, options } = await prepare({ layerBytes: 300_000 });
    target.on(/^PUT .*uploads/, async (exchange) => {
      if (exchange.round > 0) await exchange.proceed();
      else break_(exchange);
    });
    await copyImage(options);
    expectWhole(target, image);
  });

  it('names the target where that refuses', async () => {
    const { target, options } = await prepare();
    target.on(/^POST/, ({ reply }) => reply(403, {}, '{"errors":[{"code":"DENIED","message":"canary"}]}'));
    const failure = await failureOf(copyImage(options));
    expect(failure).toMatchObject({ code: 'access-denied', side: 'target', status: 403, registryCodes: ['DENIED'] });
    expect(failure.message).not.toContain('canary');
  });

  it('sends blobs again, once, when the registry said that it had them and misses them for the manifest', async () => {
    const { target, image, options } = await prepare();
    target.on(/^HEAD .*\/blobs\//, ({ reply }) => reply(200));
    expect(await copyImage(options)).toMatchObject({ digest: image.digest });
    expectWhole(target, image);
  });

  it('gives up when the manifest is refused for a missing blob again', async () => {
    const { target, options } = await prepare({ ...SMALL, single: true, platforms: ['linux/amd64'] });
    target.on(/^PUT .*manifests/, ({ reply }) => reply(400, {}, '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'));
    const failure = await failureOf(copyImage({ ...options, concurrency: 1 }));
    expect(failure).toMatchObject({
      code: 'registry-refused',
      side: 'target',
      registryCodes: ['MANIFEST_BLOB_UNKNOWN'],
    });
    expect(target.log().filter((line) => /^PUT .*manifests/.test(line))).toHaveLength(2);
  });

  it('goes on after a failure without sending again what had arrived', async () => {
    const { target, image, options } = await prepare({ layerBytes: 100_000 });
    target.on(/^PUT .*uploads/, async ({ round, proceed, reply }) => {
      if (round < 2) await proceed();
      else reply(400);
    });
    await failureOf(copyImage({ ...options, concurrency: 1 }));
    target.on(/^PUT .*uploads/, ({ proceed }) => proceed());
    expect(await copyImage(options)).toMatchObject({ blobsSkipped: 2, blobsCopied: image.blobs.size - 2 });
    expectWhole(target, image);
  });
});

describe('copyImage when it is cancelled', () => {
  it('throws the reason within a second and gives the upload up', async () => {
    const { source, target, image, options } = await prepare({ layerBytes: 300_000 });
    const blobs = [...image.blobs].filter(([, { length }]) => length > 1000);
    source.on(/^GET .*blobs\/sha256/, async ({ request, response, proceed }) => {
      const found = blobs.find(([digest]) => request.url?.includes(digest));
      if (found === undefined) {
        await proceed();
        return;
      }
      response.writeHead(200, { 'content-length': String(found[1].length) }).write(found[1].subarray(0, 100_000));
    });
    const controller = new AbortController();
    const copying = failureOf(copyImage({ ...options, signal: controller.signal }));
    await expect.poll(() => target.log().filter((line) => /^PUT .*uploads/.test(line)).length).toBeGreaterThan(0);
    const reason = new Error('stop it');
    const begun = performance.now();
    controller.abort(reason);
    expect(await copying).toBe(reason);
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(target.log().some((line) => line.startsWith('DELETE /v2/prod/web/blobs/uploads/'))).toBe(true);
    const count = source.requests.length + target.requests.length;
    await sleep(50);
    expect(source.requests.length + target.requests.length).toBe(count);
  });

  it('asks nobody when it was cancelled before', async () => {
    const { source, target, options } = await prepare();
    const reason = new Error('stop it');
    expect(await failureOf(copyImage({ ...options, signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect([...source.requests, ...target.requests]).toEqual([]);
  });
});
