/**
 * A registry without a disk: it has images of any size whose layers are made while they are sent, and takes uploads,
 * of which it keeps length and digest. It resumes downloads and uploads as the distribution specification has it.
 */
import { createHash, randomFillSync, randomUUID } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EndlessOptions {
  /** Sizes of the layers of each image that it has. */
  readonly images: readonly (readonly number[])[];
  /** Refuses chunks and the question how far an upload is. */
  readonly takesChunks?: boolean;
  /** A bucket of tokens: so many requests per second, as many at once; 429 for what is more. */
  readonly requestsPerSecond?: number;
}

export interface EndlessRegistry {
  readonly host: string;
  /** Digests of its images, in the order of the options. */
  readonly digests: readonly string[];
  /** Blobs and manifests that were completed here, by digest. */
  readonly taken: ReadonlySet<string>;
  readonly counts: EndlessCounts;
  readonly stop: () => Promise<void>;
}

export interface EndlessCounts {
  bytesSent: number;
  bytesReceived: number;
  requests: number;
  refused: number;
}

interface Upload {
  readonly hash: Hash;
  size: number;
}

interface Content {
  readonly size: number;
  readonly bytes?: Buffer;
}

const BLOCK = randomFillSync(Buffer.allocUnsafe(1024 * 1024));
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Starts it on a free loopback port. */
export async function startEndlessRegistry(options: EndlessOptions): Promise<EndlessRegistry> {
  const registry = new Endless(options);
  const server = createServer({ noDelay: true }, (request, response) => {
    for (const stream of [request, response]) stream.on('error', () => undefined);
    void registry.answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    digests: registry.digests,
    taken: registry.taken,
    counts: registry.counts,
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

class Endless {
  readonly digests: readonly string[];
  readonly taken = new Set<string>();
  readonly counts: EndlessCounts = { bytesSent: 0, bytesReceived: 0, requests: 0, refused: 0 };
  readonly #contents = new Map<string, Content>();
  readonly #uploads = new Map<string, Upload>();
  readonly #takesChunks: boolean;
  readonly #perSecond: number | undefined;
  #tokens: number;
  #filledAt = performance.now();

  constructor({ images, takesChunks = true, requestsPerSecond }: EndlessOptions) {
    this.#takesChunks = takesChunks;
    this.#perSecond = requestsPerSecond;
    this.#tokens = requestsPerSecond ?? 0;
    this.digests = images.map((layers, number) => this.#addImage(layers, number));
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.counts.requests += 1;
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://endless');
    const [, name = ''] = /\/(?:manifests|blobs|uploads)\/([^/]*)$/.exec(pathname) ?? [];
    const { method = '' } = request;
    if (!this.#isAllowed()) {
      this.counts.refused += 1;
      request.resume();
      reply(response, 429, { 'retry-after': '1' });
    } else if (pathname.includes('/manifests/')) await this.#manifest(name, request, response);
    else if (!pathname.includes('/uploads/')) await this.#blob(name, request, response);
    else if (method === 'POST') this.#open(response, pathname);
    else await this.#upload({ name, digest: searchParams.get('digest') }, request, response);
  }

  #isAllowed(): boolean {
    if (this.#perSecond === undefined) return true;
    const now = performance.now();
    this.#tokens = Math.min(this.#perSecond, this.#tokens + ((now - this.#filledAt) / 1000) * this.#perSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  async #manifest(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'PUT') {
      const bytes: Buffer[] = [];
      for await (const piece of request) bytes.push(piece as Buffer);
      const digest = sha256(Buffer.concat(bytes));
      this.taken.add(digest);
      reply(response, 201, { 'docker-content-digest': digest });
      return;
    }
    const bytes = this.#contents.get(name)?.bytes;
    if (bytes === undefined) reply(response, 404);
    else reply(response, 200, { 'content-type': MANIFEST }, request.method === 'HEAD' ? undefined : bytes);
  }

  async #blob(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'HEAD') {
      reply(response, this.taken.has(name) ? 200 : 404);
      return;
    }
    const content = this.#contents.get(name);
    if (content === undefined) {
      reply(response, 404);
      return;
    }
    const { size, bytes } = content;
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const headers = { 'content-length': size - from, 'content-range': `bytes ${from}-${size - 1}/${size}` };
    response.writeHead(from === 0 ? 200 : 206, headers);
    const closed = once(response, 'close');
    for (let at = from; at < size && !response.destroyed;) {
      const piece =
        bytes?.subarray(at) ??
        BLOCK.subarray(at % BLOCK.length, Math.min(BLOCK.length, (at % BLOCK.length) + size - at));
      at += piece.length;
      this.counts.bytesSent += piece.length;
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed]);
    }
    response.end();
  }

  #open(response: ServerResponse, pathname: string): void {
    const id = randomUUID();
    this.#uploads.set(id, { hash: createHash('sha256'), size: 0 });
    reply(response, 202, { location: `${pathname}${id}` });
  }

  async #upload(
    { name, digest }: { readonly name: string; readonly digest: string | null },
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const upload = this.#uploads.get(name);
    const isChunk = request.method === 'PATCH' || request.method === 'GET';
    if (upload === undefined || (isChunk && !this.#takesChunks) || request.method === 'DELETE') {
      if (!isChunk) this.#uploads.delete(name);
      request.resume();
      reply(response, upload === undefined || isChunk ? 404 : 204);
      return;
    }
    const from = Number(request.headers['content-range']?.split('-', 1)[0] ?? upload.size);
    if (from !== upload.size) {
      reply(response, 416);
      return;
    }
    // What arrives is kept, also of a request that breaks off.
    if (!this.#takesChunks) this.#uploads.set(name, { hash: createHash('sha256'), size: 0 });
    const current = this.#uploads.get(name) ?? upload;
    for await (const piece of request as AsyncIterable<Buffer>) {
      current.hash.update(piece);
      current.size += piece.length;
      this.counts.bytesReceived += piece.length;
    }
    if (digest === null) {
      const range = `0-${Math.max(current.size - 1, 0)}`;
      reply(response, request.method === 'PATCH' ? 202 : 204, { location: request.url ?? '', range });
      return;
    }
    this.#uploads.delete(name);
    const isRight = `sha256:${current.hash.digest('hex')}` === digest;
    if (isRight) this.taken.add(digest);
    reply(response, isRight ? 201 : 400);
  }

  /** Layers of one length are one layer, so a number is mixed into the length. */
  #addImage(layers: readonly number[], number: number): string {
    const described = layers.map((size) => {
      const digest = digestOfLength(size);
      this.#contents.set(digest, { size });
      return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size };
    });
    const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', number }));
    this.#contents.set(sha256(config), { size: config.length, bytes: config });
    const mediaType = 'application/vnd.oci.image.config.v1+json';
    const manifest = Buffer.from(
      JSON.stringify({
        ...{ schemaVersion: 2, mediaType: MANIFEST, layers: described },
        config: { mediaType, digest: sha256(config), size: config.length },
      }),
    );
    const digest = sha256(manifest);
    this.#contents.set(digest, { size: manifest.length, bytes: manifest });
    return digest;
  }
}

const hashes = new Map<number, string>();
let longest: { readonly hash: Hash; length: number } = { hash: createHash('sha256'), length: 0 };

/** Of that many bytes of the block, over and over. Ascending lengths cost one pass. */
function digestOfLength(size: number): string {
  const known = hashes.get(size);
  if (known !== undefined) return known;
  if (longest.length > size - (size % BLOCK.length)) longest = { hash: createHash('sha256'), length: 0 };
  for (; longest.length + BLOCK.length <= size; longest.length += BLOCK.length) longest.hash.update(BLOCK);
  const digest = `sha256:${longest.hash
    .copy()
    .update(BLOCK.subarray(0, size - longest.length))
    .digest('hex')}`;
  hashes.set(size, digest);
  return digest;
}

function reply(response: ServerResponse, status: number, headers: Record<string, string> = {}, body?: Buffer): void {
  const length = status === 204 ? {} : { 'content-length': String(body?.length ?? 0) };
  response.writeHead(status, { ...length, ...headers }).end(body);
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
