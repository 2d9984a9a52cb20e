/** A registry in this process that keeps what it is given, records every request, and fails as a test wants it to. */
import { createHash, randomUUID } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { SampleImage } from './sample-image.ts';

/** A request as it arrived; nothing is left out, so a secret that went astray is found here. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
}

/** Answers in the registry's place; `proceed` lets the registry answer. */
export type Script = (exchange: ScriptedExchange) => void | Promise<void>;

export interface ScriptedExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** How often this script was asked before. */
  readonly round: number;
  readonly proceed: () => Promise<void>;
  /** Answers at once. */
  readonly reply: (status: number, headers?: Record<string, string | string[]>, body?: string | Buffer) => void;
  /** Breaks the connection. */
  readonly cut: () => void;
}

export interface ScriptedRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly origin: string;
  /** Every request since the start. */
  readonly requests: readonly SeenRequest[];
  /** Requests in short, without the numbers of uploads, for comparisons: `PUT /v2/acme/web/blobs/uploads/ID`. */
  readonly log: () => readonly string[];
  /** By `repository@digest`. */
  readonly blobs: Map<string, Buffer>;
  /** By `repository@digest` and `repository:tag`. */
  readonly manifests: Map<string, StoredManifest>;
  /** Uploads that are open. */
  readonly uploads: Set<string>;
  /** Takes an image as if it had been pushed. */
  readonly add: (repository: string, image: SampleImage, tag?: string) => void;
  /** Asks `script` about each request whose `METHOD /target` fits; the latest one that fits is asked. */
  readonly on: (pattern: RegExp, script: Script) => void;
  readonly stop: () => Promise<void>;
}

export interface StoredManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
}

export interface ScriptedRegistryOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
}

type Store = Pick<ScriptedRegistry, 'blobs' | 'manifests' | 'uploads'>;

interface Rule {
  readonly pattern: RegExp;
  readonly script: Script;
  round: number;
}

/** Starts a registry on a free loopback port; `stop` it after the test. */
export async function startScriptedRegistry({ tls }: ScriptedRegistryOptions = {}): Promise<ScriptedRegistry> {
  const store: Store = { blobs: new Map(), manifests: new Map(), uploads: new Set() };
  const requests: SeenRequest[] = [];
  const rules: Rule[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url: target = '', headers } = request;
    requests.push({ method, target, headers });
    // Clients break off, and so do scripts.
    for (const stream of [request, response]) stream.on('error', () => undefined);
    void answer({ request, response }, rules, store).catch(() => response.destroy());
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...store,
    host,
    origin: `${tls === undefined ? 'http' : 'https'}://${host}`,
    requests,
    log: () =>
      requests.map(({ method, target }) => `${method} ${target.replace(/uploads\/[0-9a-f-]{36}/, 'uploads/ID')}`),
    add: (repository, image, tag) => add(store, repository, { image, tag }),
    on: (pattern, script) => {
      rules.unshift({ pattern, script, round: 0 });
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function add(store: Store, repository: string, { image, tag }: { image: SampleImage; tag: string | undefined }): void {
  for (const [digest, blob] of image.blobs) store.blobs.set(`${repository}@${digest}`, blob);
  for (const { digest, bytes, mediaType } of image.everyManifest) {
    store.manifests.set(`${repository}@${digest}`, { bytes, mediaType });
  }
  const { bytes, mediaType } = image.index;
  if (tag !== undefined) store.manifests.set(`${repository}:${tag}`, { bytes, mediaType });
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function answer(exchange: Exchange, rules: readonly Rule[], store: Store): Promise<void> {
  const { request, response } = exchange;
  const line = `${request.method ?? ''} ${request.url ?? ''}`;
  const rule = rules.find(({ pattern }) => pattern.test(line));
  const reply: ScriptedExchange['reply'] = (status, headers = {}, body = '') => {
    response.writeHead(status, headers).end(body);
  };
  const proceed = async (): Promise<void> => {
    const { status, headers, body } = await serve(request, store);
    reply(status, headers, request.method === 'HEAD' ? '' : body);
  };
  if (rule === undefined) await proceed();
  else await rule.script({ ...exchange, round: rule.round++, proceed, reply, cut: () => request.socket.destroy() });
}

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

interface StoreCall {
  readonly method: string;
  readonly repository: string;
  /** Tag, digest or number of an upload. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly mediaType: string;
}

const ROUTE =
  /^\/v2\/(?<repository>.+)\/(?:(?<kind>manifests|blobs)\/(?<name>[^/]+)|blobs\/uploads\/(?<upload>[^/]*))$/;

async function serve(request: IncomingMessage, store: Store): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://registry');
  const { repository, kind, name, upload } = ROUTE.exec(url.pathname)?.groups ?? {};
  const body = await buffer(request);
  if (repository === undefined) return failure(404, 'NAME_UNKNOWN');
  const method = request.method ?? '';
  const mediaType = request.headers['content-type'] ?? '';
  const call = { method, repository, name: name ?? upload ?? '', query: url.searchParams, body, mediaType };
  if (kind === 'manifests') return serveManifest(store, call);
  return kind === 'blobs' ? serveBlob(store, call) : serveUpload(store, call);
}

function serveManifest(store: Store, call: StoreCall): Answer {
  const { method, repository, name } = call;
  const key = name.includes(':') ? `${repository}@${name}` : `${repository}:${name}`;
  if (method === 'PUT') return takeManifest(store, call, key);
  const found = store.manifests.get(key);
  if (found === undefined) return failure(404, 'MANIFEST_UNKNOWN');
  if (method === 'DELETE') {
    store.manifests.delete(key);
    return { status: 202 };
  }
  const headers = { 'content-type': found.mediaType, 'content-length': String(found.bytes.length) };
  return { status: 200, headers, body: found.bytes };
}

interface Part {
  readonly digest: string;
  readonly urls?: readonly string[];
}

function takeManifest({ manifests, blobs }: Store, call: StoreCall, key: string): Answer {
  const { repository, name, body, mediaType } = call;
  const digest = sha256(body);
  if (name.includes(':') && name !== digest) return failure(400, 'DIGEST_INVALID');
  const parts = JSON.parse(body.toString()) as { config?: Part; layers?: Part[]; manifests?: Part[] };
  const isBlobMissing = [...(parts.config ? [parts.config] : []), ...(parts.layers ?? [])].some(
    (part) => part.urls === undefined && !blobs.has(`${repository}@${part.digest}`),
  );
  const isChildMissing = (parts.manifests ?? []).some((part) => !manifests.has(`${repository}@${part.digest}`));
  if (isBlobMissing || isChildMissing) return failure(400, 'MANIFEST_BLOB_UNKNOWN');
  for (const one of [key, `${repository}@${digest}`]) manifests.set(one, { bytes: body, mediaType });
  return { status: 201, headers: { 'docker-content-digest': digest } };
}

function serveBlob({ blobs }: Store, { repository, name }: StoreCall): Answer {
  const blob = blobs.get(`${repository}@${name}`);
  if (blob === undefined) return failure(404, 'BLOB_UNKNOWN');
  return { status: 200, headers: { 'content-length': String(blob.length) }, body: blob };
}

function serveUpload(store: Store, { method, repository, name, query, body }: StoreCall): Answer {
  const { blobs, uploads } = store;
  if (method === 'POST') return openUpload(store, repository, query);
  if (!uploads.delete(name)) return failure(404, 'BLOB_UPLOAD_UNKNOWN');
  if (method === 'DELETE') return { status: 204 };
  if (query.get('_state') !== 'a+b=') return failure(400, 'BLOB_UPLOAD_INVALID');
  const digest = query.get('digest') ?? '';
  if (sha256(body) !== digest) return failure(400, 'DIGEST_INVALID');
  blobs.set(`${repository}@${digest}`, body);
  return { status: 201 };
}

function openUpload({ blobs, uploads }: Store, repository: string, query: URLSearchParams): Answer {
  const digest = query.get('mount') ?? '';
  const mounted = blobs.get(`${query.get('from') ?? ''}@${digest}`);
  if (mounted !== undefined) {
    blobs.set(`${repository}@${digest}`, mounted);
    return { status: 201 };
  }
  const id = randomUUID();
  uploads.add(id);
  return { status: 202, headers: { location: `/v2/${repository}/blobs/uploads/${id}?_state=a%2Bb%3D` } };
}

function failure(status: number, code: string): Answer {
  const body = JSON.stringify({ errors: [{ code, message: 'no' }] });
  return { status, headers: { 'content-type': 'application/json' }, body };
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
