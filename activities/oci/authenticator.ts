import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import { parseChallenges } from './challenge.ts';
import type { Challenge } from './challenge.ts';
import type { Credential } from './credential.ts';
import type { RegistryCredentials } from './credentials.ts';
import { RegistryError } from './error.ts';
import type { HttpAnswer } from './http-answer.ts';
import type { RegistryEndpoint } from './registry-endpoint.ts';
import { judgeRealm } from './token-server.ts';
import { TokenShelf } from './token-shelf.ts';
import { basicHeader, fetchToken } from './token.ts';
import type { Token } from './token.ts';
import type { Wire } from './wire.ts';

/** Whom a request concerns. */
export interface AuthorizationScope {
  readonly endpoint: RegistryEndpoint;
  /** Whose credential is used. */
  readonly repository: Repository;
  /** For example `repository:acme/web:pull`; the first one names `repository`. */
  readonly scopes: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** What a request says of us. */
export interface Authorization {
  readonly header?: string;
  readonly challenge?: Challenge;
  /** Whether it was made for this very request, so that asking again is pointless. */
  readonly fresh: boolean;
  /** How many tokens there had been by then: a refusal speaks against all of them, whichever was used. */
  readonly tokensSeen?: number;
}

/** A credential program is asked again after this time: what it hands out may be short-lived. */
const CREDENTIAL_LIFE_MS = 5 * 60_000;
/** Repositories whose credential is remembered; beyond them it is looked up anew. */
const MANY = 1024;

interface KnownCredential {
  readonly value: Promise<Credential | undefined>;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/**
 * Knows what each registry wants to hear. Tokens are kept per repository, serve whatever they cover, and are asked for
 * once however many requests need them; whoever stops waiting leaves the others theirs.
 */
export class Authenticator {
  readonly #wire: Wire;
  readonly #credentials: RegistryCredentials | undefined;
  readonly #challenges = new Map<string, Challenge>();
  readonly #tokens = new TokenShelf();
  readonly #known = new Map<string, KnownCredential>();

  constructor(wire: Wire, credentials: RegistryCredentials | undefined) {
    this.#wire = wire;
    this.#credentials = credentials;
  }

  /** What to say at once, from what the registry asked for earlier; nothing before it asked for anything. */
  async authorize(scope: AuthorizationScope): Promise<Authorization> {
    const challenge = this.#challenges.get(scope.endpoint.origin);
    return challenge === undefined ? { fresh: false } : await this.#answer(challenge, scope);
  }

  /**
   * What to say after a 401; undefined where nothing is left to try.
   * @param refused what was said.
   */
  async answerChallenge(
    answer: HttpAnswer,
    refused: Authorization,
    scope: AuthorizationScope,
  ): Promise<Authorization | undefined> {
    const challenges = parseChallenges(answer.headerLines('www-authenticate'));
    const credential = await this.#credential(scope);
    const challenge = chooseChallenge(challenges, scope.endpoint, credential);
    if (challenge === undefined) return undefined;
    this.#challenges.set(scope.endpoint.origin, challenge);
    if (challenge.scheme === 'basic') return await this.#answerAnew(challenge, refused, scope);
    this.#tokens.forget(holderOf(challenge, scope), refused.tokensSeen ?? 0);
    if (refused.fresh && refused.challenge?.scheme === 'bearer') return undefined;
    return { ...(await this.#answer(challenge, scope)), fresh: true };
  }

  async #answer(challenge: Challenge, scope: AuthorizationScope): Promise<Authorization> {
    const credential = await this.#credential(scope);
    if (challenge.scheme === 'basic') {
      return credential?.kind === 'password'
        ? { header: basicHeader(credential), challenge, fresh: false }
        : { challenge, fresh: false };
    }
    const holder = holderOf(challenge, scope);
    const known = this.#tokens.find(holder, scope.scopes, Date.now());
    const token = known ?? this.#fetchToken(challenge, scope, credential);
    if (known === undefined) this.#tokens.keep(holder, scope.scopes, token);
    const { value } = await unlessAborted(token, scope.signal);
    const tokensSeen = this.#tokens.count;
    return { header: `Bearer ${value}`, challenge, fresh: known === undefined, tokensSeen };
  }

  /** A password that was refused may have been changed since it was looked up. */
  async #answerAnew(
    challenge: Challenge,
    refused: Authorization,
    scope: AuthorizationScope,
  ): Promise<Authorization | undefined> {
    let next = await this.#answer(challenge, scope);
    if (next.header !== undefined && next.header === refused.header) {
      this.#known.delete(formatRepository(scope.repository));
      next = await this.#answer(challenge, scope);
    }
    return next.header === undefined || next.header === refused.header ? undefined : { ...next, fresh: true };
  }

  /** Others may be waiting for the token, so it does not end with the one who asked. */
  async #fetchToken(
    challenge: Challenge,
    { endpoint, repository, scopes }: AuthorizationScope,
    credential: Credential | undefined,
  ): Promise<Token> {
    const request = { endpoint, challenge, scopes, credential };
    try {
      return await fetchToken(this.#wire, request);
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'access-denied' || credential === undefined) throw error;
      this.#known.delete(formatRepository(repository));
      const changed = await this.#credential({ repository });
      if (JSON.stringify(changed) === JSON.stringify(credential)) throw error;
      return await fetchToken(this.#wire, { ...request, credential: changed });
    }
  }

  async #credential({
    repository,
    signal,
  }: Pick<AuthorizationScope, 'repository' | 'signal'>): Promise<Credential | undefined> {
    if (this.#credentials === undefined) return undefined;
    const key = formatRepository(repository);
    let kept = this.#known.get(key);
    if (kept === undefined || kept.until <= Date.now()) {
      kept = { value: this.#credentials.lookup(repository), until: Date.now() + CREDENTIAL_LIFE_MS };
      if (this.#known.size >= MANY) this.#known.clear();
      this.#known.set(key, kept);
      kept.value.catch(() => this.#known.delete(key));
    }
    return await unlessAborted(kept.value, signal);
  }
}

/**
 * The first challenge we can answer. Basic without a password, and a token server that gets no credential, come into
 * question only where there is nothing else.
 */
function chooseChallenge(
  challenges: readonly Challenge[],
  endpoint: RegistryEndpoint,
  credential: Credential | undefined,
): Challenge | undefined {
  const supported = challenges.filter(({ scheme }) => scheme === 'bearer' || scheme === 'basic');
  const isBearer = ({ scheme }: Challenge): boolean => scheme === 'bearer';
  const isAnswerable = (one: Challenge): boolean =>
    isBearer(one)
      ? credential === undefined || mayHaveCredential(endpoint, one.parameters.get('realm'))
      : credential?.kind === 'password';
  return supported.find(isAnswerable) ?? supported.find(isBearer) ?? supported[0];
}

function mayHaveCredential(endpoint: RegistryEndpoint, realm: string | undefined): boolean {
  try {
    return judgeRealm(endpoint, realm).standing !== 'foreign';
  } catch (error) {
    if (error instanceof RegistryError) return false;
    throw error;
  }
}

/** Whose token it is: tokens of another repository, or of another token server, are of no use here. */
function holderOf({ parameters }: Challenge, { endpoint, repository }: AuthorizationScope): string {
  return JSON.stringify([
    endpoint.origin,
    formatRepository(repository),
    parameters.get('realm'),
    parameters.get('service'),
  ]);
}

/** Waits for shared work until one's own signal says to stop. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason is thrown as it is
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
