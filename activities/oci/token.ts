import { readBounded, refusalOf } from './answer.ts';
import type { Challenge } from './challenge.ts';
import type { Credential } from './credential.ts';
import { RegistryError } from './error.ts';
import type { RegistryEndpoint } from './registry-endpoint.ts';
import { judgeRealm, unconfigured } from './token-server.ts';
import type { TokenServer } from './token-server.ts';
import type { HttpAnswer } from './http-answer.ts';
import type { Wire, WireRequest } from './wire.ts';

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
 * Asks a registry's token server for a token. A credential goes only where the registry's own credential may go.
 * Redirects are not followed: a good token server may have been talked into one.
 * @throws RegistryError `configuration-invalid` for a token server that nobody vouched for.
 */
export async function fetchToken(wire: Wire, request: TokenRequest): Promise<Token> {
  const { endpoint, challenge, scopes, credential } = request;
  const server = judgeRealm(endpoint, challenge.parameters.get('realm'));
  if (server.standing === 'foreign' && credential !== undefined) throw unconfigured(endpoint, server.url);
  const subject = `get a token for ${scopes.join(' ')} from ${server.url.origin}`;
  const wireRequest = { ...encodeRequest(server.url, request), ...routeTo(server, endpoint), subject } as const;
  const answer = await wire.send(wireRequest);
  if (answer.status !== 200)
    throw await refusalOf(answer, { subject, expected: 'status 200', domain: endpoint.domain });
  const bytes = await readAnswer(wire, wireRequest, answer);
  return parseToken(bytes, { subject, sentAt: Date.parse(answer.header('date') ?? '') });
}

function routeTo({ standing }: TokenServer, { origin }: RegistryEndpoint): Pick<WireRequest, 'address' | 'onBehalfOf'> {
  const address = standing === 'own' ? 'configured' : 'named-by-server';
  return standing === 'foreign' ? { address } : { address, onBehalfOf: origin };
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
  answer: HttpAnswer,
): Promise<Buffer | undefined> {
  try {
    return await readBounded(answer, TOKEN_LIMIT);
  } catch (error) {
    throw wire.translate(error, request);
  }
}

interface TokenAnswer {
  readonly subject: string;
  /** By the server's clock; NaN where it does not say. */
  readonly sentAt: number;
}

function parseToken(bytes: Buffer | undefined, answer: TokenAnswer): Token {
  const fields = parseFields(bytes);
  const value = typeof fields.token === 'string' && fields.token !== '' ? fields.token : fields.access_token;
  // Anything else in a header would be a way to write headers.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw new RegistryError(
      'registry-refused',
      `${answer.subject}: expected a JSON object with token or access_token of at most ${TOKEN_LIMIT} bytes`,
    );
  }
  const named = typeof fields.expires_in === 'number' ? fields.expires_in : 0;
  const lifeMs = Math.min(Math.max(named, SHORTEST_LIFE_S), LONGEST_LIFE_S) * 1000 - ageOf(fields, answer);
  const leftMs = Math.max(lifeMs, SHORTEST_LIFE_S * 1000);
  return { value, refreshAt: Date.now() + leftMs - Math.min(leftMs / 4, LONGEST_MARGIN_MS) };
}

/** How long ago the token was made, by the clock of its server alone: some hand out the same one for a while. */
function ageOf({ issued_at: issuedAt }: TokenFields, { sentAt }: TokenAnswer): number {
  const age = sentAt - Date.parse(typeof issuedAt === 'string' ? issuedAt : '');
  return Number.isFinite(age) ? Math.max(age, 0) : 0;
}

interface TokenFields {
  readonly token?: unknown;
  readonly access_token?: unknown;
  readonly expires_in?: unknown;
  readonly issued_at?: unknown;
}

function parseFields(bytes: Buffer | undefined): TokenFields {
  try {
    const value: unknown = JSON.parse(bytes?.toString('utf8') ?? 'null');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
