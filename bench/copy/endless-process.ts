/**
 * Two registries that keep nothing: one has an image of any size, whose layers are made while they are sent; the other
 * takes uploads, counts their bytes and forgets them. With them the client is all that is measured. Started with `fork`.
 * In: `{ layers, layerBytes }`. Out: `{ source, target }`, for each; and `{ stop: true }` asks for
 * `{ atOnce, received }`: the most layers that were being sent at one moment, and the bytes taken.
 */
import { createHash, randomFillSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

interface Shape {
  readonly layers: number;
  readonly layerBytes: number;
}

interface Blob {
  readonly size: number;
  /** The bytes, where they are few; else blocks. */
  readonly bytes?: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Buffer;
}

interface Image {
  readonly manifest: Buffer;
  readonly digest: string;
  readonly blobs: ReadonlyMap<string, Blob>;
}

const BLOCK = Buffer.allocUnsafe(1024 * 1024);
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

fillBlock();
const uploads = new Map<string, number>();
let servers: readonly Server[] = [];
const counts = { now: 0, atOnce: 0, received: 0 };

process.on('message', (order: Shape | { readonly stop: true }) => {
  if ('stop' in order) stop();
  else void start(order);
});
process.on('disconnect', () => process.exit());

async function start(shape: Shape): Promise<void> {
  const image = makeImage(shape);
  Object.assign(counts, { now: 0, atOnce: 0, received: 0 });
  const source = await listen((request, response) => {
    serve(image, request, response);
  });
  const arrived = new Map<string, Blob>();
  const target = await listen((request, response) => {
    void take({ image, arrived }, request, response);
  });
  servers = [source.server, target.server];
  process.send?.({ source: source.host, target: target.host });
}

function stop(): void {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  process.send?.({ atOnce: counts.atOnce, received: counts.received });
}

async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer({ noDelay: true }, handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** The layers differ in length alone, so that one pass over the longest gives the digest of each. */
function makeImage({ layers, layerBytes }: Shape): Image {
  const blobs = new Map<string, Blob>();
  const hash = createHash('sha256');
  let hashed = 0;
  for (let number = 0; number < layers; number += 1) {
    const size = layerBytes + number * BLOCK.length;
    for (; hashed < size; hashed += BLOCK.length) hash.update(BLOCK);
    blobs.set(`sha256:${hash.copy().digest('hex')}`, { size });
  }
  const described = [...blobs].map(([digest, { size }]) => ({
    ...{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', size, digest },
  }));
  const rootfs = { type: 'layers', diff_ids: described.map(({ digest }) => digest) };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs }));
  const configDigest = sha256(config);
  blobs.set(configDigest, { size: config.length, bytes: config });
  const mediaType = 'application/vnd.oci.image.config.v1+json';
  const manifest = Buffer.from(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: MANIFEST },
      config: { mediaType, size: config.length, digest: configDigest },
      layers: described,
    }),
  );
  return { manifest, digest: sha256(manifest), blobs };
}

function describeManifest({ manifest, digest }: Image, status: number): Answer {
  return { status, headers: { 'content-type': MANIFEST, 'docker-content-digest': digest }, body: manifest };
}

function reply(request: IncomingMessage, response: ServerResponse, { status, headers = {}, body }: Answer): void {
  response.writeHead(status, { 'content-length': body?.length ?? 0, ...headers });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The source. */
function serve(image: Image, request: IncomingMessage, response: ServerResponse): void {
  const { kind, reference } = parsePath(request.url ?? '');
  if (kind === 'manifests') {
    reply(request, response, describeManifest(image, 200));
    return;
  }
  const blob = kind === 'blobs' ? image.blobs.get(reference) : undefined;
  if (blob === undefined) {
    reply(request, response, { status: kind === undefined ? 200 : 404 });
    return;
  }
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  response.writeHead(from === undefined ? 200 : 206, {
    ...{ 'content-type': 'application/octet-stream', 'content-length': blob.size - start },
    ...(from !== undefined && { 'content-range': `bytes ${start}-${blob.size - 1}/${blob.size}` }),
  });
  if (request.method === 'HEAD') response.end();
  else void send(blob, start, response);
}

async function send({ size, bytes }: Blob, start: number, response: ServerResponse): Promise<void> {
  if (bytes !== undefined) {
    response.end(bytes.subarray(start));
    return;
  }
  counts.now += 1;
  counts.atOnce = Math.max(counts.atOnce, counts.now);
  const closed = once(response, 'close');
  for (let at = start; at < size && !response.destroyed;) {
    const inBlock = at % BLOCK.length;
    const part = BLOCK.subarray(inBlock, Math.min(BLOCK.length, inBlock + size - at));
    at += part.length;
    if (!response.write(part)) await Promise.race([once(response, 'drain'), closed]);
  }
  response.end();
  counts.now -= 1;
}

/** The target. */
async function take(
  taken: { readonly image: Image; readonly arrived: Map<string, Blob> },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await drain(request);
  reply(request, response, answerTo(taken, request, bytes));
}

/** An upload is checked by its length: hashing here would take what the client needs. */
function answerTo(
  { image, arrived }: { readonly image: Image; readonly arrived: Map<string, Blob> },
  { method, url = '' }: IncomingMessage,
  bytes: number,
): Answer {
  const { kind, reference, upload, digest } = parsePath(url);
  if (kind === undefined) return { status: 200 };
  if (kind === 'manifests') {
    if (method === 'PUT') arrived.set(image.digest, { size: bytes });
    else if (!arrived.has(image.digest)) return { status: 404 };
    return describeManifest(image, method === 'PUT' ? 201 : 200);
  }
  if (upload === undefined) {
    const there = arrived.get(reference);
    return there === undefined ? { status: 404 } : { status: 200, headers: { 'content-length': there.size } };
  }
  const total = (uploads.get(upload) ?? 0) + bytes;
  uploads.set(upload, total);
  const location = `/v2/endless/blobs/uploads/${upload}`;
  if (digest === undefined) return { status: 202, headers: { location, range: `0-${Math.max(total - 1, 0)}` } };
  uploads.delete(upload);
  if (image.blobs.get(digest)?.size !== total) return { status: 400 };
  arrived.set(digest, { size: total });
  return { status: 201, headers: { location: `/v2/endless/blobs/${digest}`, 'docker-content-digest': digest } };
}

async function drain(request: IncomingMessage): Promise<number> {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    counts.received += chunk.length;
  });
  await once(request, 'end');
  return bytes;
}

function parsePath(target: string) {
  const { pathname, searchParams } = new URL(target, 'http://endless');
  const [, kind, reference = ''] = /^\/v2\/.+?\/(manifests|blobs)\/(.*)$/.exec(pathname) ?? [];
  const isUpload = kind === 'blobs' && reference.startsWith('uploads/');
  const upload = isUpload ? reference.slice('uploads/'.length) || randomUUID() : undefined;
  return {
    kind,
    reference,
    upload,
    digest: upload === undefined ? undefined : (searchParams.get('digest') ?? undefined),
  };
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Begins like gzip, so that nobody compresses it. */
function fillBlock(): void {
  randomFillSync(BLOCK);
  BLOCK.set([0x1f, 0x8b, 0x08]);
}
