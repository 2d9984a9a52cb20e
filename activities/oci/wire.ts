/** One HTTP exchange on the wire: no redirects, no authentication, no retries. */
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { Readable } from 'node:stream';
import { RegistryError } from './error.ts';
import { guardedLookup, refuseLocalHost } from './local-address.ts';
import { optionsByOrigin } from './registry-endpoint.ts';
import type { RegistryHostOptions, RegistryHosts } from './registry-endpoint.ts';
import { describeNetworkError, isTrustProblem } from './network-error.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';

/** Bytes of known number that exist only once. */
export interface StreamBody {
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface WireRequest {
  readonly method: Method;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | StreamBody;
  /** What is being done to what, for messages. */
  readonly subject: string;
  /**
   * Whether the address was configured by the operator (a registry) or named by a server (a redirect, an upload's
   * Location, a token server): the second kind may not lead to this machine.
   */
  readonly address: 'configured' | 'named-by-server';
  readonly signal?: AbortSignal | undefined;
  /** The answer's body is a stream of any length: bounded by its pace, not by a deadline. */
  readonly streamsAnswer?: boolean;
}

export interface WireAnswer {
  readonly status: number;
  /** A header by its lower-case name; the first where there are several. */
  readonly header: (name: string) => string | undefined;
  /** Every line of a header. */
  readonly headerLines: (name: string) => readonly string[];
  readonly body: Readable;
  /** Gives the connection back, or ends it where much is left to read. */
  readonly discard: () => Promise<void>;
}

export interface WireOptions {
  readonly hosts: RegistryHosts;
  /** Idle time of streams and the whole time of any other exchange, in milliseconds. */
  readonly timeoutMs: number;
}

const DISCARD_LIMIT = 64 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
/** A registry stores a finished upload before it answers, which takes time where it has to copy it. */
const COMMIT_FACTOR = 5;

/** The connections of one client. */
export class Wire {
  readonly #timeoutMs: number;
  readonly #configured: ReadonlyMap<string, RegistryHostOptions>;
  readonly #agents = new Map<string, Agent>();
  #closed = false;

  constructor({ hosts, timeoutMs }: WireOptions) {
    this.#timeoutMs = timeoutMs;
    this.#configured = optionsByOrigin(hosts);
  }

  /**
   * Sends a request and returns as soon as the answer's head is there.
   * @throws RegistryError `registry-unavailable` or `configuration-invalid`; the reason of an aborted signal.
   */
  async send(request: WireRequest): Promise<WireAnswer> {
    const { method, url, subject, body } = request;
    request.signal?.throwIfAborted();
    if (this.#closed) throw new Error(`${subject}: this registry client is closed`);
    const guarded = this.#isGuarded(request);
    if (guarded) refuseLocalHost(url, subject);
    try {
      const response = await this.#agentFor(url, guarded).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        ...this.#bounds(request),
        ...encodeBody(body, request.headers),
      });
      return toAnswer(response);
    } catch (error) {
      throw this.translate(error, request);
    }
  }

  /** What a failure of the exchange, or of reading its body, means. */
  translate(error: unknown, { signal, url, subject }: Pick<WireRequest, 'signal' | 'url' | 'subject'>): unknown {
    if (signal?.aborted === true) return signal.reason;
    if (error instanceof RegistryError) return error;
    const why = describeNetworkError(error, this.#timeoutMs);
    const code = isTrustProblem(error) ? 'configuration-invalid' : 'registry-unavailable';
    return new RegistryError(code, `${subject}: no good answer from ${url.origin}: ${why}`, { cause: error });
  }

  /** Ends all connections, those in use too. */
  async close(): Promise<void> {
    this.#closed = true;
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  #isGuarded({ url, address }: WireRequest): boolean {
    return address === 'named-by-server' && !this.#configured.has(url.origin);
  }

  #bounds({ signal, streamsAnswer, body }: WireRequest): Partial<Dispatcher.RequestOptions> {
    const timeoutMs = this.#timeoutMs;
    const streams = streamsAnswer === true || isStream(body);
    const deadline = streams ? undefined : AbortSignal.timeout(timeoutMs);
    const signals = [signal, deadline].filter((one) => one !== undefined);
    return {
      signal: AbortSignal.any(signals),
      headersTimeout: isStream(body) ? timeoutMs * COMMIT_FACTOR : timeoutMs,
      bodyTimeout: timeoutMs,
    };
  }

  #agentFor(url: URL, guarded: boolean): Agent {
    const ca = this.#configured.get(url.origin)?.ca;
    const key = ca === undefined ? (guarded ? 'guarded' : 'open') : `authority of ${url.origin}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const timeout = Math.min(CONNECT_TIMEOUT_MS, this.#timeoutMs);
    const connect = { timeout, ...(ca !== undefined && { ca }), ...(guarded && { lookup: guardedLookup }) };
    const agent = new Agent({ connect, pipelining: 1 });
    this.#agents.set(key, agent);
    return agent;
  }
}

/** Tells whether a body can be sent only once. */
export function isStream(body: Uint8Array | StreamBody | undefined): body is StreamBody {
  return body !== undefined && !(body instanceof Uint8Array);
}

function encodeBody(
  body: Uint8Array | StreamBody | undefined,
  headers: Readonly<Record<string, string>>,
): Partial<Dispatcher.RequestOptions> & { headers: Record<string, string> } {
  if (!isStream(body)) return { headers: { ...headers }, body: body ?? null };
  return {
    headers: { ...headers, 'content-length': String(body.size) },
    // undici takes any async iterable (its documentation of `request`); its types know streams only.
    body: body.chunks as unknown as Readable,
  };
}

function toAnswer({ statusCode, headers, body }: Dispatcher.ResponseData): WireAnswer {
  const headerLines = (name: string): readonly string[] => [headers[name] ?? []].flat();
  // A body that fails while nobody reads it must not end the process.
  body.on('error', () => undefined);
  return {
    status: statusCode,
    header: (name) => headerLines(name)[0],
    headerLines,
    body,
    discard: () => body.dump({ limit: DISCARD_LIMIT }).catch(() => undefined),
  };
}
