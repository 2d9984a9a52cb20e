import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import { parseChallenges } from './challenge.ts';
import type { Challenge } from './challenge.ts';
import type { Credential } from './credential.ts';
import type { RegistryCredentials } from './credentials.ts';
import type { RegistryEndpoint } from './registry-endpoint.ts';
import { basicHeader, fetchToken } from './token.ts';
import type { Token } from './token.ts';
import type { Wire, WireAnswer } from './wire.ts';

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
}

/** A credential program is asked again after this time: what it hands out may be short-lived. */
const CREDENTIAL_LIFE_MS = 5 * 60_000;

interface Kept<T> {
  readonly value: Promise<T>;
  /** Milliseconds since 1970. */
  until: number;
}

/**
 * Knows what each registry wants to hear. Tokens are kept per repository and set of scopes, and asked for once
 * however many requests need them; whoever stops waiting leaves the others theirs.
 */
export class Authenticator {
  readonly #wire: Wire;
  readonly #credentials: RegistryCredentials | undefined;
  readonly #challenges = new Map<string, Challenge>();
  readonly #tokens = new Map<string, Kept<Token>>();
  readonly #known = new Map<string, Kept<Credential | undefined>>();

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
    answer: WireAnswer,
    refused: Authorization,
    scope: AuthorizationScope,
  ): Promise<Authorization | undefined> {
    const challenges = parseChallenges(answer.headerLines('www-authenticate'));
    const credential = await this.#credential(scope);
    const challenge = chooseChallenge(challenges, credential);
    if (challenge === undefined) return undefined;
    this.#challenges.set(scope.endpoint.origin, challenge);
    if (challenge.scheme === 'basic') {
      const next = await this.#answer(challenge, scope);
      return next.header === undefined || next.header === refused.header ? undefined : { ...next, fresh: true };
    }
    if (refused.fresh && refused.challenge?.scheme === 'bearer') return undefined;
    if (refused.header !== undefined) this.#tokens.delete(tokenKey(challenge, scope));
    return { ...(await this.#answer(challenge, scope)), fresh: true };
  }

  async #answer(challenge: Challenge, scope: AuthorizationScope): Promise<Authorization> {
    const credential = await this.#credential(scope);
    if (challenge.scheme === 'basic') {
      return credential?.kind === 'password'
        ? { header: basicHeader(credential), challenge, fresh: false }
        : { challenge, fresh: false };
    }
    const key = tokenKey(challenge, scope);
    const kept = this.#tokens.get(key);
    const isUsable = kept !== undefined && kept.until > Date.now();
    const token = isUsable ? kept : this.#requestToken(key, challenge, { ...scope, credential });
    const { value } = await unlessAborted(token.value, scope.signal);
    return { header: `Bearer ${value}`, challenge, fresh: !isUsable };
  }

  #requestToken(
    key: string,
    challenge: Challenge,
    { endpoint, scopes, credential }: AuthorizationScope & { readonly credential: Credential | undefined },
  ): Kept<Token> {
    const value = fetchToken(this.#wire, { endpoint, challenge, scopes, credential });
    const kept: Kept<Token> = { value, until: Number.POSITIVE_INFINITY };
    this.#tokens.set(key, kept);
    value.then(
      ({ refreshAt }) => (kept.until = refreshAt),
      () => this.#forget(key, kept),
    );
    return kept;
  }

  #forget(key: string, kept: Kept<Token>): void {
    if (this.#tokens.get(key) === kept) this.#tokens.delete(key);
  }

  async #credential({ repository, signal }: AuthorizationScope): Promise<Credential | undefined> {
    if (this.#credentials === undefined) return undefined;
    const key = formatRepository(repository);
    let kept = this.#known.get(key);
    if (kept === undefined || kept.until <= Date.now()) {
      kept = { value: this.#credentials.lookup(repository), until: Date.now() + CREDENTIAL_LIFE_MS };
      this.#known.set(key, kept);
      kept.value.catch(() => this.#known.delete(key));
    }
    return await unlessAborted(kept.value, signal);
  }
}

/** The first challenge we can answer; basic without a password only where there is no other. */
function chooseChallenge(challenges: readonly Challenge[], credential: Credential | undefined): Challenge | undefined {
  const supported = challenges.filter(({ scheme }) => scheme === 'bearer' || scheme === 'basic');
  return supported.find(({ scheme }) => scheme === 'bearer' || credential?.kind === 'password') ?? supported[0];
}

function tokenKey({ parameters }: Challenge, { repository, scopes }: AuthorizationScope): string {
  const asked = [parameters.get('realm'), parameters.get('service'), ...scopes.toSorted()];
  return JSON.stringify([formatRepository(repository), ...asked]);
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
