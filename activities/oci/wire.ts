/** One HTTP exchange on the wire: no redirects, no authentication, no retries. */
import type { Dispatcher } from 'undici';
import { deadlineAfter, unlessAborted } from '../deadline/index.ts';
import { parseRetryAfter } from '../retry-after/index.ts';
import { BulkConnections } from './bulk-connections.ts';
import { NotPlainError } from './bulk-head.ts';
import { Connections } from './connections.ts';
import type { ConnectionsOptions, Destination } from './connections.ts';
import { RegistryError } from './error.ts';
import { fromBulk, fromUndici } from './http-answer.ts';
import type { HttpAnswer } from './http-answer.ts';
import { describeNetworkError, isTrustProblem } from './network-error.ts';
import { RegistryLimiter } from './registry-limiter.ts';
import { forUndici, isStream } from './request-body.ts';
import type { RequestBody } from './request-body.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface WireRequest extends Destination {
  readonly method: Method;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly signal?: AbortSignal | undefined;
  /** The answer's body is a stream of any length: bounded by its pace, not by a deadline. */
  readonly streamsAnswer?: boolean;
  /** So many bytes that the raw data path is worth its own connection. */
  readonly isBulk?: boolean;
  /** Goes on with a transfer that holds a place already: it does not wait for one more. */
  readonly resumes?: boolean;
}

export interface WireOptions extends ConnectionsOptions {
  /** Idle time of streams and the whole time of any other exchange, in milliseconds. */
  readonly timeoutMs: number;
  /** The longest pause that a registry may ask for before requests to it are given back as `rate-limited`. */
  readonly patienceMs: number;
  /** Never exceeded towards any one host. Default: what the host turns out to allow. */
  readonly requestsPerSecond?: number | undefined;
  /** What carries the bodies of large blobs. */
  readonly dataPath: 'raw' | 'undici';
}

/** A registry stores a finished upload before it answers, which takes time where it has to copy it. */
const COMMIT_FACTOR = 5;

/** Carries the requests of one client. */
export class Wire {
  readonly #options: WireOptions;
  readonly #connections: Connections;
  readonly #bulk = new BulkConnections();
  /** Hosts whose answers the raw data path does not understand. */
  readonly #notPlain = new Set<string>();
  readonly #limiters = new Map<string, RegistryLimiter>();
  #closed = false;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#connections = new Connections(options);
  }

  /**
   * Sends a request, when its host is ready for one, and returns as soon as the answer's head is there.
   * @throws RegistryError `registry-unavailable`, `rate-limited` or `configuration-invalid`; the reason of an aborted
   * signal.
   */
  async send(request: WireRequest): Promise<HttpAnswer> {
    const { url, subject, signal, resumes = false } = request;
    signal?.throwIfAborted();
    const admission = await this.#limiterOf(url).admit(subject, signal, { resumes });
    try {
      if (this.#closed) throw new Error(`${subject}: this registry client is closed`);
      const answer = await this.#exchange(request);
      const retryAfterMs = parseRetryAfter(answer.header('retry-after'), Date.now());
      admission.settle({ status: answer.status, retryAfterMs });
      return answer;
    } catch (error) {
      throw this.translate(error, request);
    } finally {
      admission.settle();
    }
  }

  /** What a failure of the exchange, or of reading its body, means. */
  translate(error: unknown, { signal, url, subject }: Pick<WireRequest, 'signal' | 'url' | 'subject'>): unknown {
    if (signal?.aborted === true) return signal.reason;
    if (error instanceof RegistryError) return error;
    const why = describeNetworkError(error, this.#options.timeoutMs);
    const code = isTrustProblem(error) ? 'configuration-invalid' : 'registry-unavailable';
    return new RegistryError(code, `${subject}: no good answer from ${url.origin}: ${why}`, { cause: error });
  }

  /** Ends all connections, those in use too. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#bulk.close();
    await this.#connections.close();
  }

  #limiterOf({ origin }: URL): RegistryLimiter {
    const known = this.#limiters.get(origin);
    if (known !== undefined) return known;
    const limiter = new RegistryLimiter(this.#options);
    this.#limiters.set(origin, limiter);
    return limiter;
  }

  async #exchange(request: WireRequest): Promise<HttpAnswer> {
    const { method, url, body } = request;
    const answer = await this.#overSocket(request);
    if (answer !== undefined) return answer;
    const bounds = this.#bounds(request);
    const response = this.#connections.dispatcherFor(request).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      ...bounds,
      ...forUndici(body, request.headers),
    });
    return fromUndici(await unlessAborted(response, bounds.signal, ({ body: unread }) => void unread.destroy()));
  }

  /** Undefined where the raw data path is not for this request, or not for this host. */
  async #overSocket({ isBulk, method, body, ...request }: WireRequest): Promise<HttpAnswer | undefined> {
    const { origin } = request.url;
    const { dataPath, timeoutMs } = this.#options;
    if (isBulk !== true || dataPath === 'undici' || this.#notPlain.has(origin)) return undefined;
    if (method !== 'GET' && method !== 'PUT' && method !== 'PATCH') return undefined;
    const connect = this.#connections.socketOptionsFor(request);
    if (connect === undefined) return undefined;
    const { url, headers, signal } = request;
    const times = { idleMs: timeoutMs, commitMs: timeoutMs * COMMIT_FACTOR };
    const stream = isStream(body) ? { body } : {};
    try {
      return fromBulk(await this.#bulk.exchange({ method, url, headers, connect, signal, ...times, ...stream }));
    } catch (error) {
      if (!(error instanceof NotPlainError)) throw error;
      this.#notPlain.add(origin);
      // A body exists only once: whoever brought it has to begin anew, and meets the other path then.
      if (body !== undefined) throw error;
      return undefined;
    }
  }

  #bounds({ signal, streamsAnswer, body }: WireRequest): Partial<Dispatcher.RequestOptions> & { signal: AbortSignal } {
    const { timeoutMs } = this.#options;
    const streams = streamsAnswer === true || isStream(body);
    const deadline = streams ? undefined : deadlineAfter(timeoutMs);
    const signals = [signal, deadline].filter((one) => one !== undefined);
    return {
      signal: AbortSignal.any(signals),
      headersTimeout: isStream(body) ? timeoutMs * COMMIT_FACTOR : timeoutMs,
      bodyTimeout: timeoutMs,
    };
  }
}
