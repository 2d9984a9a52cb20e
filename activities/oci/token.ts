import { quote } from '../../workflows/domain/digest.ts';
import { readBounded, refusalOf } from './answer.ts';
import type { Challenge } from './challenge.ts';
import type { Credential } from './credential.ts';
import { RegistryError } from './error.ts';
import { isLoopback } from './registry-endpoint.ts';
import type { RegistryEndpoint } from './registry-endpoint.ts';
import type { Wire, WireAnswer, WireRequest } from './wire.ts';

/** A bearer token and when it must be replaced. */
export interface Token {
  readonly value: string;
  /** Milliseconds since 1970; some time before it expires. */
  readonly refreshAt: number;
}

/** What a token is asked for. */
export interface TokenRequest {
  readonly endpoint: RegistryEndpoint;
  readonly challenge: Challenge;
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
}

const TOKEN_LIMIT = 1024 * 1024;
/** Servers that name no time, or a shorter one, mean at least this (distribution's token specification). */
const SHORTEST_LIFE_S = 60;
const LONGEST_LIFE_S = 24 * 60 * 60;
const LONGEST_MARGIN_MS = 30_000;
const CLIENT_ID = 'countersign';

/**
 * Asks a registry's token server for a token. Redirects are not followed: a good token server may have been talked
 * into one.
 * @throws RegistryError
 */
export async function fetchToken(wire: Wire, request: TokenRequest): Promise<Token> {
  const { endpoint, challenge, scopes } = request;
  const realm = checkRealm(endpoint, challenge.parameters.get('realm'));
  const subject = `get a token for ${scopes.join(' ')} from ${realm.origin}`;
  const wireRequest = { ...encodeRequest(realm, request), subject, address: addressKind(endpoint, realm) } as const;
  const answer = await wire.send(wireRequest);
  if (answer.status !== 200)
    throw await refusalOf(answer, { subject, expected: 'status 200', domain: endpoint.domain });
  return parseToken(await readAnswer(wire, wireRequest, answer), subject);
}

/**
 * A realm is where credentials go, and it is named by whoever answers: https always, except that a registry on this
 * machine may have its token server on this machine.
 * @throws RegistryError `registry-refused`.
 */
export function checkRealm({ origin, domain }: RegistryEndpoint, realm: string | undefined): URL {
  const url = realm !== undefined && URL.canParse(realm) ? new URL(realm) : undefined;
  const registry = new URL(origin);
  const isLocal = registry.protocol === 'http:' && isLoopback(registry.hostname);
  const isFit =
    url !== undefined &&
    url.username === '' &&
    url.password === '' &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal && isLoopback(url.hostname)));
  if (isFit) return url;
  const received = url === undefined ? quote(realm ?? '') : quote(url.protocol === 'data:' ? 'data:' : url.origin);
  throw new RegistryError(
    'registry-refused',
    `authenticate to ${domain}: expected the https address of a token server as realm, received ${received}`,
  );
}

function addressKind({ origin }: RegistryEndpoint, realm: URL): WireRequest['address'] {
  const registry = new URL(origin);
  return realm.host === registry.host || isLoopback(registry.hostname) ? 'configured' : 'named-by-server';
}

type Encoded = Pick<WireRequest, 'method' | 'url' | 'headers' | 'body'>;

function encodeRequest(realm: URL, { challenge, scopes, credential }: TokenRequest): Encoded {
  const service = challenge.parameters.get('service');
  const parameters: [string, string][] = [
    ...(service === undefined ? [] : [['service', service] satisfies [string, string]]),
    ...scopes.map((scope): [string, string] => ['scope', scope]),
  ];
  const url = new URL(realm);
  if (credential?.kind === 'identity-token') {
    const form = new URLSearchParams([
      ...parameters,
      ['grant_type', 'refresh_token'],
      ['refresh_token', credential.token],
      ['client_id', CLIENT_ID],
    ]);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', url, headers, body: Buffer.from(form.toString()) };
  }
  if (credential !== undefined) parameters.unshift(['account', credential.user]);
  for (const [name, value] of parameters) url.searchParams.append(name, value);
  return { method: 'GET', url, headers: credential === undefined ? {} : { authorization: basicHeader(credential) } };
}

/** The value of an Authorization header for a password. */
export function basicHeader({ user, password }: Extract<Credential, { kind: 'password' }>): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

async function readAnswer(
  wire: Wire,
  request: Parameters<Wire['translate']>[1],
  answer: WireAnswer,
): Promise<Buffer | undefined> {
  try {
    return await readBounded(answer, TOKEN_LIMIT);
  } catch (error) {
    throw wire.translate(error, request);
  }
}

function parseToken(bytes: Buffer | undefined, subject: string): Token {
  const fields = parseFields(bytes);
  const value = typeof fields.token === 'string' && fields.token !== '' ? fields.token : fields.access_token;
  // Anything else in a header would be a way to write headers.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw new RegistryError(
      'registry-refused',
      `${subject}: expected a JSON object with token or access_token of at most ${TOKEN_LIMIT} bytes`,
    );
  }
  const named = typeof fields.expires_in === 'number' ? fields.expires_in : 0;
  const lifeMs = Math.min(Math.max(named, SHORTEST_LIFE_S), LONGEST_LIFE_S) * 1000;
  return { value, refreshAt: Date.now() + lifeMs - Math.min(lifeMs / 4, LONGEST_MARGIN_MS) };
}

function parseFields(bytes: Buffer | undefined): { token?: unknown; access_token?: unknown; expires_in?: unknown } {
  try {
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? 'null');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
