/**
 * A strict loopback stand-in for the API server of Kubernetes, with EndpointSlices and Deployments: it answers as
 * documented, refuses what is not, and remembers every request. A Deployment moves only when a test says so.
 */
import http from 'node:http';
import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { V1Deployment, V1EndpointSlice } from '@kubernetes/client-node';

/** What the library's classes are on the wire. */
export type Plain<Value> = Value extends readonly (infer Item)[]
  ? Plain<Item>[]
  : Value extends Date
    ? Date
    : Value extends object
      ? { [Key in keyof Value]: Plain<Value[Key]> }
      : Value;
export type Deployment = Plain<V1Deployment>;
export type EndpointSlice = Plain<V1EndpointSlice>;

export const TOKEN = 'token-of-a-service-account';

export interface ApiOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  /** EndpointSlices in one page; all by default. */
  readonly page?: number;
}

/** Answers instead of what would be answered; undefined: as always. */
type Interference = (request: {
  method: string;
  path: string;
}) => { status: number; body: string; location?: string } | undefined;

export class KubernetesApiServer {
  slices: EndpointSlice[] = [];
  deployment: Deployment | undefined;
  interfere: Interference = () => undefined;
  /** Never answers while true. */
  silent = false;
  /** Called after a Deployment was changed. */
  onPatch: (deployment: Deployment) => void = () => undefined;
  readonly requests: string[] = [];
  readonly bodies: unknown[] = [];
  readonly #server: http.Server;
  readonly #options: ApiOptions;

  private constructor(options: ApiOptions) {
    this.#options = options;
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    this.#server = options.tls === undefined ? http.createServer(listener) : https.createServer(options.tls, listener);
  }

  static async start(options: ApiOptions = {}): Promise<KubernetesApiServer> {
    const api = new KubernetesApiServer(options);
    await new Promise<void>((resolve) => api.#server.listen(0, '127.0.0.1', resolve));
    return api;
  }

  get url(): string {
    const scheme = this.#options.tls === undefined ? 'http' : 'https';
    return `${scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', this.url);
    const method = request.method ?? '';
    this.requests.push(`${method} ${url.pathname}${url.search}`);
    if (this.silent) return;
    const told = this.interfere({ method, path: url.pathname });
    if (told !== undefined) {
      const location = told.location === undefined ? {} : { location: told.location };
      response.writeHead(told.status, { 'content-type': 'application/json', ...location }).end(told.body);
      return;
    }
    const { status, body } = this.#decide({ request, url, content: Buffer.concat(chunks).toString('utf8') });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  #decide({ request, url, content }: { request: IncomingMessage; url: URL; content: string }) {
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return failure(401, 'Unauthorized');
    if (url.pathname === '/apis/discovery.k8s.io/v1/namespaces/signatures/endpointslices') return this.#list(url);
    if (url.pathname !== `/apis/apps/v1/namespaces/signatures/deployments/${this.deployment?.metadata?.name ?? ''}`) {
      return failure(404, `the server could not find the requested resource ${url.pathname}`);
    }
    if (request.method === 'GET') return { status: 200, body: this.deployment };
    return request.method === 'PATCH' ? this.#patch(request, content) : failure(405, 'method not allowed');
  }

  #list(url: URL) {
    const [label, service] = (url.searchParams.get('labelSelector') ?? '').split('=');
    if (label !== 'kubernetes.io/service-name') return failure(400, 'this server knows one selector');
    const found = this.slices.filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === service);
    const from = Number(url.searchParams.get('continue') ?? 0);
    const to = from + (this.#options.page ?? found.length);
    const metadata = { resourceVersion: '1', ...(to < found.length && { continue: String(to) }) };
    const items = found.slice(from, to);
    return { status: 200, body: { kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items } };
  }

  #patch(request: IncomingMessage, content: string) {
    if (request.headers['content-type'] !== 'application/strategic-merge-patch+json') {
      return failure(415, 'the body of the request was in an unknown format');
    }
    const deployment = this.deployment!;
    const patch = JSON.parse(content) as Deployment;
    this.bodies.push(patch);
    const { resourceVersion } = patch.metadata ?? {};
    if (resourceVersion !== undefined && resourceVersion !== deployment.metadata?.resourceVersion) {
      return failure(
        409,
        'the object has been modified; please apply your changes to the latest version and try again',
      );
    }
    const old = deployment.spec!.template.metadata?.annotations;
    const annotations = { ...old, ...patch.spec?.template.metadata?.annotations };
    this.change((current) => {
      current.spec!.template.metadata = { ...current.spec!.template.metadata, annotations };
      current.metadata!.generation = (current.metadata!.generation ?? 1) + 1;
    });
    this.onPatch(this.deployment!);
    return { status: 200, body: this.deployment };
  }

  /** Changes the Deployment as somebody else would: its version moves. */
  change(work: (deployment: Deployment) => void): void {
    const copy = structuredClone(this.deployment!);
    work(copy);
    copy.metadata!.resourceVersion = String(Number(copy.metadata!.resourceVersion) + 1);
    this.deployment = copy;
  }
}

function failure(code: number, message: string) {
  return { status: code, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code } };
}
