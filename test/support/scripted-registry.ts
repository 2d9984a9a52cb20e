/** A registry in this process that keeps what it is given, records every request, and fails as a test wants it to. */
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SampleImage } from './sample-image.ts';
import { serve } from './scripted-registry-store.ts';
import type { RegistryStore, StoredManifest } from './scripted-registry-store.ts';

export type { StoredManifest } from './scripted-registry-store.ts';

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

export interface ScriptedRegistryOptions {
  readonly tls?: ServerOptions;
}

interface Rule {
  readonly pattern: RegExp;
  readonly script: Script;
  round: number;
}

/** Starts a registry on a free loopback port; `stop` it after the test. */
export async function startScriptedRegistry({ tls }: ScriptedRegistryOptions = {}): Promise<ScriptedRegistry> {
  const store: RegistryStore = { blobs: new Map(), manifests: new Map(), uploads: new Set(), partial: new Map() };
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

function add(
  store: RegistryStore,
  repository: string,
  { image, tag }: { image: SampleImage; tag: string | undefined },
): void {
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

async function answer(exchange: Exchange, rules: readonly Rule[], store: RegistryStore): Promise<void> {
  const { request, response } = exchange;
  const line = `${request.method ?? ''} ${request.url ?? ''}`;
  const rule = rules.find(({ pattern }) => pattern.test(line));
  const reply: ScriptedExchange['reply'] = (status, headers = {}, body = '') => {
    const isFramed = status === 204 || 'content-length' in headers || 'transfer-encoding' in headers;
    const length = isFramed ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    response.writeHead(status, { ...headers, ...length }).end(body);
  };
  const proceed = async (): Promise<void> => {
    const { status, headers, body } = await serve(request, store);
    reply(status, headers, request.method === 'HEAD' ? '' : body);
  };
  if (rule === undefined) await proceed();
  else await rule.script({ ...exchange, round: rule.round++, proceed, reply, cut: () => request.socket.destroy() });
}
