/** What the strict loopback stand-ins for API servers have in common: the token, rights, Status answers, a record of requests. */
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const TOKEN = 'token-of-a-service-account';

/** One request, read whole. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly isAnonymous: boolean;
}

/** An answer: an object as JSON, a text as it is. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A right as a rule of a Role has it: `create buildconfigs/instantiate`. */
export type Right = string;

export abstract class LoopbackApi {
  /** Rights that the token has not. */
  readonly denied = new Set<Right>();
  readonly requests: ApiRequest[] = [];
  /** Loses the answer of these requests after having done what they ask for. */
  losesAnswer: (request: ApiRequest) => boolean = () => false;
  readonly #server = http.createServer((request, response) => void this.#answer(request, response));

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** How many requests of a method there were on paths that end so. */
  count(method: string, end: string): number {
    return this.requests.filter((one) => one.method === method && one.path.endsWith(end)).length;
  }

  protected abstract decide(request: ApiRequest): ApiAnswer;

  /** Undefined where the right is there. */
  protected refuse(right: Right, what: string): ApiAnswer | undefined {
    if (!this.denied.has(right)) return undefined;
    const [verb, resource] = right.split(' ');
    return status(403, `${what} is forbidden: User "system:serviceaccount:a:b" cannot ${verb} resource "${resource}"`);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', this.url);
    const { authorization } = request.headers;
    const text = Buffer.concat(chunks).toString('utf8');
    const read: ApiRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
      isAnonymous: authorization === undefined,
    };
    this.requests.push(read);
    const isKnown = read.isAnonymous || authorization === `Bearer ${TOKEN}`;
    const { status: code, body } = isKnown ? this.decide(read) : status(401, 'Unauthorized');
    if (this.losesAnswer(read)) {
      response.destroy();
      return;
    }
    const type = typeof body === 'string' ? 'text/plain' : 'application/json';
    response.writeHead(code, { 'content-type': type }).end(typeof body === 'string' ? body : JSON.stringify(body));
  }
}

/** An answer as the API says no. */
export function status(code: number, message: string): ApiAnswer {
  return { status: code, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code } };
}

/** The fields of an object that strict decoding does not know. */
export function unknownFields(value: unknown, known: Readonly<Record<string, unknown>>, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const place = path === '' ? key : `${path}.${key}`;
    const at = known[key] ?? known['*'];
    if (at === undefined) return [place];
    if (typeof at !== 'object' || at === null) return [];
    const below = at as Readonly<Record<string, unknown>>;
    return Array.isArray(inner)
      ? inner.flatMap((item, index) => unknownFields(item, below, `${place}[${index}]`))
      : unknownFields(inner, below, place);
  });
}
