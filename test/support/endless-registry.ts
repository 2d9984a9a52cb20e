/**
 * A registry without a disk: it has images of any size whose layers are made while they are sent, and takes uploads,
 * of which it keeps length and digest. It resumes downloads and uploads as the distribution specification has it.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BLOCK, MANIFEST, makeEndlessImage, sha256 } from './endless-images.ts';
import type { Content } from './endless-images.ts';

export interface EndlessOptions {
  /** Sizes of the layers of each image that it has; the first is tagged `1`, the second `2`. */
  readonly images: readonly (readonly number[])[];
  /** Refuses chunks and the question how far an upload is. */
  readonly takesChunks?: boolean;
  /** A bucket of tokens: so many requests per second, as many at once; 429 for what is more. */
  readonly requestsPerSecond?: number;
  /** Takes a blob of the size it should have for the right one: to hash it would take what the client needs. */
  readonly trusts?: ReadonlyMap<string, Content>;
}

export interface EndlessRegistry {
  readonly host: string;
  /** Digests of its images, in the order of the options. */
  readonly digests: readonly string[];
  /** All that its images consist of, by digest. */
  readonly contents: ReadonlyMap<string, Content>;
  /** Blobs and manifests that were completed here, by digest. */
  readonly taken: ReadonlyMap<string, Content>;
  readonly counts: EndlessCounts;
  readonly stop: () => Promise<void>;
}

export interface EndlessCounts {
  bytesSent: number;
  bytesReceived: number;
  requests: number;
  refused: number;
  /** Layers that are being sent, and the most of them at one moment. */
  sending: number;
  sendingAtOnce: number;
}

interface Upload {
  readonly hash: Hash;
  size: number;
}

/** Starts it on a free loopback port. */
export async function startEndlessRegistry(options: EndlessOptions): Promise<EndlessRegistry> {
  const registry = new Endless(options);
  const server = createServer({ noDelay: true }, (request, response) => {
    for (const stream of [request, response]) stream.on('error', () => undefined);
    void registry.answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { digests, contents, taken, counts } = registry;
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ digests, contents, taken, counts },
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

class Endless {
  readonly digests: readonly string[];
  readonly contents = new Map<string, Content>();
  readonly taken = new Map<string, Content>();
  readonly counts: EndlessCounts = {
    ...{ bytesSent: 0, bytesReceived: 0, requests: 0, refused: 0 },
    ...{ sending: 0, sendingAtOnce: 0 },
  };
  readonly #tags = new Map<string, string>();
  readonly #uploads = new Map<string, Upload>();
  readonly #takesChunks: boolean;
  readonly #trusts: EndlessOptions['trusts'];
  readonly #perSecond: number | undefined;
  #tokens: number;
  #filledAt = performance.now();

  constructor({ images, takesChunks = true, requestsPerSecond, trusts }: EndlessOptions) {
    this.#takesChunks = takesChunks;
    this.#trusts = trusts;
    this.#perSecond = requestsPerSecond;
    this.#tokens = requestsPerSecond ?? 0;
    this.digests = images.map((layers, number) => {
      const { digest, contents } = makeEndlessImage(layers, number);
      for (const [name, content] of contents) this.contents.set(name, content);
      this.#tags.set(String(number + 1), digest);
      return digest;
    });
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.counts.requests += 1;
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://endless');
    const [, kind, name = ''] = /\/(manifests|blobs|uploads)\/([^/]*)$/.exec(pathname) ?? [];
    if (!this.#isAllowed()) {
      this.counts.refused += 1;
      request.resume();
      reply(response, 429, { 'retry-after': '1' });
    } else if (kind === undefined) reply(response, 200);
    else if (kind === 'manifests') await this.#manifest(name, request, response);
    else if (kind === 'blobs') await this.#blob(name, request, response);
    else if (request.method === 'POST') this.#open(response, pathname);
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
      const bytes = Buffer.concat(await request.toArray());
      this.#tags.set(name, sha256(bytes));
      this.taken.set(sha256(bytes), { size: bytes.length, bytes });
      reply(response, 201, { 'docker-content-digest': sha256(bytes) });
      return;
    }
    const bytes = this.#find(this.#tags.get(name) ?? name)?.bytes;
    if (bytes === undefined) {
      reply(response, 404);
      return;
    }
    const headers = { 'content-type': MANIFEST, 'docker-content-digest': sha256(bytes) };
    reply(response, 200, { ...headers, 'content-length': String(bytes.length) }, bodyFor(request, bytes));
  }

  #find(digest: string): Content | undefined {
    return this.contents.get(digest) ?? this.taken.get(digest);
  }

  async #blob(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = this.#find(name);
    const [, from] = /^bytes=(\d+)-/.exec(request.headers.range ?? '') ?? [];
    const [, , to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (content === undefined) {
      reply(response, 404);
      return;
    }
    const [begin, end] = [Number(from ?? 0), Number(to ?? content.size - 1) + 1];
    const range = from === undefined ? {} : { 'content-range': `bytes ${begin}-${end - 1}/${content.size}` };
    response.writeHead(from === undefined ? 200 : 206, { 'content-length': end - begin, ...range });
    if (request.method === 'HEAD') response.end();
    else await this.#send({ content, begin, end }, response);
  }

  async #send(
    { content, begin, end }: { readonly content: Content; readonly begin: number; readonly end: number },
    response: ServerResponse,
  ): Promise<void> {
    if (content.bytes !== undefined) {
      response.end(content.bytes.subarray(begin, end));
      return;
    }
    this.counts.sending += 1;
    this.counts.sendingAtOnce = Math.max(this.counts.sendingAtOnce, this.counts.sending);
    const closed = once(response, 'close');
    for (let at = begin; at < end && !response.destroyed;) {
      const inBlock = at % BLOCK.length;
      const piece = BLOCK.subarray(inBlock, Math.min(BLOCK.length, inBlock + end - at));
      at += piece.length;
      this.counts.bytesSent += piece.length;
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), closed]);
    }
    response.end();
    this.counts.sending -= 1;
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
    const current = await this.#receive(name, request, upload);
    if (digest === null) {
      const range = `0-${Math.max(current.size - 1, 0)}`;
      reply(response, request.method === 'PATCH' ? 202 : 204, { location: request.url ?? '', range });
      return;
    }
    this.#uploads.delete(name);
    const isRight = this.#isRight(current, digest);
    if (isRight) this.taken.set(digest, { size: current.size });
    reply(response, isRight ? 201 : 400);
  }

  /** What arrives is kept, also of a request that breaks off, where there are chunks. */
  async #receive(name: string, request: IncomingMessage, earlier: Upload): Promise<Upload> {
    const upload = this.#takesChunks ? earlier : { hash: createHash('sha256'), size: 0 };
    this.#uploads.set(name, upload);
    for await (const piece of request as AsyncIterable<Buffer>) {
      if (this.#trusts === undefined) upload.hash.update(piece);
      upload.size += piece.length;
      this.counts.bytesReceived += piece.length;
    }
    return upload;
  }

  #isRight({ hash, size }: Upload, digest: string): boolean {
    if (this.#trusts !== undefined) return this.#trusts.get(digest)?.size === size;
    return `sha256:${hash.digest('hex')}` === digest;
  }
}

function bodyFor({ method }: IncomingMessage, bytes: Buffer): Buffer | undefined {
  return method === 'HEAD' ? undefined : bytes;
}

function reply(response: ServerResponse, status: number, headers: Record<string, string> = {}, body?: Buffer): void {
  const length = status === 204 ? {} : { 'content-length': String(body?.length ?? 0) };
  response.writeHead(status, { ...length, ...headers }).end(body);
}
