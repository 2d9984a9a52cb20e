import type { Repository } from '../../workflows/domain/reference.ts';
import { refusalOf } from './answer.ts';
import { Authenticator } from './authenticator.ts';
import type { Authorization, AuthorizationScope } from './authenticator.ts';
import { parseChallenges } from './challenge.ts';
import type { RegistryCredentials } from './credentials.ts';
import { RegistryError } from './error.ts';
import type { RegistryErrorCode } from './error.ts';
import { resolveLocation } from './location.ts';
import { endpointOf, isLoopback } from './registry-endpoint.ts';
import type { RegistryEndpoint } from './registry-endpoint.ts';
import type { HttpAnswer } from './http-answer.ts';
import { isStream } from './request-body.ts';
import type { RequestBody } from './request-body.ts';
import { sleepUnlessAborted } from './sleep-unless-aborted.ts';
import { Wire } from './wire.ts';
import type { Method, WireOptions, WireRequest } from './wire.ts';

/** A request to a registry: redirects, authentication and retries are seen to. */
export interface RegistryRequest {
  readonly method: Method;
  readonly repository: Repository;
  /** Path below `/v2/<repository>/`, or the whole URL that a registry named. */
  readonly to: string | URL;
  readonly actions: 'pull' | 'push' | 'delete';
  /** A repository that is read beside, for a mount. */
  readonly alsoPulls?: Repository;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** What is being done to what, for messages. */
  readonly subject: string;
  /** Statuses that are an answer; all others are thrown. */
  readonly accept: readonly number[];
  /** What a 404 means; default: the registry refused. */
  readonly notFound?: RegistryErrorCode;
  readonly signal?: AbortSignal | undefined;
  readonly streamsAnswer?: boolean;
  /** So many bytes that the raw data path is worth its own connection. */
  readonly isBulk?: boolean;
  /** Goes on with a transfer that holds a place already. */
  readonly resumes?: boolean;
}

export interface RegistryAnswer extends HttpAnswer {
  /** The URL that answered; a Location is relative to it. */
  readonly url: URL;
}

export interface SessionOptions extends WireOptions {
  readonly credentials: RegistryCredentials | undefined;
  /** Pause before the first repetition, doubled for the second, in milliseconds. */
  readonly retryDelayMs: number;
}

interface Exchange {
  readonly request: RegistryRequest;
  readonly endpoint: RegistryEndpoint;
  readonly url: URL;
}

interface HopAnswer extends RegistryAnswer {
  /** Whether it comes from another origin than the registry's, where our credentials have no business. */
  readonly isForeign: boolean;
}

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REPETITIONS = 2;
const TOO_MANY = 429;
const ACTIONS = { pull: 'pull', push: 'pull,push', delete: 'delete' } as const;
const USER_AGENT = 'countersign';

/** Speaks to registries on behalf of one client. */
export class RegistrySession {
  readonly #options: SessionOptions;
  readonly #wire: Wire;
  readonly #authenticator: Authenticator;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#wire = new Wire(options);
    this.#authenticator = new Authenticator(this.#wire, options.credentials);
  }

  /**
   * Sends a request; GET and HEAD are repeated at most twice where that may help.
   * @throws RegistryError for every status that is not accepted; the reason of an aborted signal.
   */
  async send(request: RegistryRequest): Promise<RegistryAnswer> {
    const endpoint = endpointOf(request.repository, this.#options.hosts);
    const url =
      request.to instanceof URL
        ? request.to
        : new URL(`${endpoint.origin}/v2/${request.repository.path}/${request.to}`);
    const exchange = { request, endpoint, url };
    const failures: RegistryError[] = [];
    const begun = performance.now();
    for (;;) {
      try {
        return await this.#attempt(exchange);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        const refusal = failures.findLast(({ status }) => status === TOO_MANY);
        // The limiter has no patience for what the registry asked for: its words and codes say more than the limiter's.
        if (error.code === 'rate-limited' && error.status === undefined) throw postponed(refusal, error);
        failures.push(error);
        const pauseMs = this.#pauseAfter(failures, request, performance.now() - begun);
        if (pauseMs === undefined) throw error;
        if (pauseMs > 0) await sleepUnlessAborted(pauseMs, request.signal);
      }
    }
  }

  /** Translates what reading an answer's body threw. */
  translate(error: unknown, request: Pick<RegistryRequest, 'signal' | 'subject'>, { url }: RegistryAnswer): unknown {
    return this.#wire.translate(error, { signal: request.signal, subject: request.subject, url });
  }

  async close(): Promise<void> {
    await this.#wire.close();
  }

  /** The pause before the request is repeated; undefined where that is no use. The limiter adds what the host wants. */
  #pauseAfter(
    failures: readonly RegistryError[],
    { method, body }: RegistryRequest,
    spentMs: number,
  ): number | undefined {
    const last = failures.at(-1);
    if (last === undefined || isStream(body)) return undefined;
    // It was not carried out, so it can be repeated whatever it is, as soon as its host is ready for it.
    if (last.status === TOO_MANY) return spentMs > this.#options.patienceMs ? undefined : 0;
    if (method !== 'GET' && method !== 'HEAD') return undefined;
    const repetition = failures.filter(({ status }) => status !== TOO_MANY).length - 1;
    if (last.code !== 'registry-unavailable' || repetition >= MAX_REPETITIONS) return undefined;
    return this.#options.retryDelayMs * 2 ** repetition;
  }

  async #attempt(exchange: Exchange): Promise<RegistryAnswer> {
    const { request, endpoint } = exchange;
    const answer = await this.#authorized(exchange);
    if (request.accept.includes(answer.status)) return answer;
    const { subject, accept, notFound } = request;
    const expected = `status ${accept.join(' or ')}`;
    throw await refusalOf(answer, {
      subject,
      expected,
      domain: endpoint.domain,
      ...(notFound !== undefined && { notFound }),
    });
  }

  /** Sends with what the registry wants to hear; after a 401 once more, and once more where it names other scopes. */
  async #authorized(exchange: Exchange): Promise<HopAnswer> {
    const { request, endpoint, url } = exchange;
    const { repository, signal } = request;
    if (url.origin !== endpoint.origin) return await this.#follow(exchange, { fresh: true });
    let scope: AuthorizationScope = { endpoint, repository, scopes: scopesOf(request), signal };
    let authorization = await this.#authenticator.authorize(scope);
    let answer = await this.#follow(exchange, authorization);
    for (let tries = 0; answer.status === 401 && !answer.isForeign && tries < 2; tries++) {
      if (isStream(request.body)) break;
      const named = request.body === undefined ? missingScopes(answer, request, scope.scopes) : undefined;
      if (named !== undefined) scope = { ...scope, scopes: named };
      else if (tries > 0) break;
      const refused = named === undefined ? authorization : { fresh: false };
      const next = await this.#authenticator.answerChallenge(answer, refused, scope);
      if (next === undefined) break;
      await answer.discard();
      authorization = next;
      answer = await this.#follow(exchange, authorization);
    }
    return answer;
  }

  /** Follows redirects of GET and HEAD by hand: what we say of ourselves stays with the registry's own origin. */
  async #follow({ request, endpoint, url: first }: Exchange, { header }: Authorization): Promise<HopAnswer> {
    let url = first;
    let isForeign = url.origin !== endpoint.origin;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      isForeign ||= url.origin !== endpoint.origin;
      const answer = await this.#wire.send({
        ...request,
        url,
        headers: headersOf(request, isForeign ? undefined : header),
        address: isForeign && !isLoopback(new URL(endpoint.origin).hostname) ? 'named-by-server' : 'configured',
      });
      const follows = REDIRECTS.has(answer.status) && (request.method === 'GET' || request.method === 'HEAD');
      if (!follows) return { ...answer, url, isForeign };
      await answer.discard();
      url = resolveLocation(answer.header('location'), url, request.subject);
    }
    throw new RegistryError('registry-refused', `${request.subject}: more than ${MAX_REDIRECTS} redirects`);
  }
}

/** The refusal of a registry, with the time for which it wants to be left alone. */
function postponed(refusal: RegistryError | undefined, limit: RegistryError): RegistryError {
  if (refusal === undefined) return limit;
  const { code, message, status, registryCodes } = refusal;
  const { retryAfterMs } = limit;
  return new RegistryError(code, message, {
    registryCodes,
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function headersOf({ headers }: RegistryRequest, authorization: string | undefined): WireRequest['headers'] {
  return { 'user-agent': USER_AGENT, ...headers, ...(authorization !== undefined && { authorization }) };
}

function scopesOf({ repository, actions, alsoPulls }: RegistryRequest): string[] {
  const own = `repository:${repository.path}:${ACTIONS[actions]}`;
  return alsoPulls === undefined ? [own] : [own, `repository:${alsoPulls.path}:pull`];
}

/**
 * The scopes to ask for where the registry says that ours did not suffice, and which would have. Only those of the
 * repositories in question: a token for others is not for this registry to have.
 */
function missingScopes(
  answer: HttpAnswer,
  { repository, alsoPulls }: RegistryRequest,
  asked: readonly string[],
): string[] | undefined {
  const paths = [repository.path, ...(alsoPulls === undefined ? [] : [alsoPulls.path])];
  for (const { parameters } of parseChallenges(answer.headerLines('www-authenticate'))) {
    if (parameters.get('error') !== 'insufficient_scope') continue;
    const named = (parameters.get('scope') ?? '')
      .split(' ')
      .filter((scope) => !asked.includes(scope) && paths.some((path) => scope.startsWith(`repository:${path}:`)));
    if (named.length > 0) return [...asked, ...named];
  }
  return undefined;
}
