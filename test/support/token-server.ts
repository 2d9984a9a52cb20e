/** A token server on loopback, as registries with bearer authentication want one (distribution's token protocol). */
import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { EC_KEY, runOpenssl } from './certificates.ts';
import type { TlsFiles } from './certificates.ts';
import type { TokenIssuer } from './docker-registry.ts';

export type Action = 'pull' | 'push' | 'delete';

/** Repository, or `*` for every one that is not named, to what may be done there. */
export type Access = Readonly<Record<string, readonly Action[]>>;

export interface TokenServerOptions {
  readonly users: Readonly<Record<string, { readonly password: string; readonly access: Access }>>;
  /** What everybody may do; without it a request without credentials is refused. */
  readonly anonymous?: Access;
  /** Default `registry`. */
  readonly service?: string;
  /** Default `loopback token server`. */
  readonly issuer?: string;
  /** Default ES256. */
  readonly algorithm?: 'ES256' | 'RS256';
  /** Default 300 seconds, for both. */
  readonly lifetime?: Partial<TokenLifetime>;
  readonly tls?: TlsFiles;
}

/** Both in seconds; they differ for a server that promises too much. */
export interface TokenLifetime {
  /** `expires_in` of the answer. */
  readonly announced: number;
  /** From when on the registry refuses the token, to the second. */
  readonly real: number;
}

export interface TokenRequest {
  readonly method: string;
  /** `basic` of a GET, the grant type of a POST, or `anonymous`. */
  readonly grant: string;
  readonly user: string | undefined;
  /** As asked for, for example `repository:team/app:pull,push`. */
  readonly scopes: readonly string[];
  readonly service: string | undefined;
  /** Of the answer. */
  readonly status: number;
}

export interface TokenServer extends TokenIssuer {
  /** How many tokens were issued on request. */
  issued(): number;
  /** Every request with its outcome. */
  requests(): readonly TokenRequest[];
  /** For tokens issued from now on. */
  setLifetime(lifetime: Partial<TokenLifetime>): void;
  /** An Authorization header, made without a request; with less than asked for where the user may not do it. */
  bearerFor(user: string, ...scopes: readonly string[]): string;
  /** What docker calls an identity token. */
  refreshTokenFor(user: string): string;
  stop(): Promise<void>;
}

interface Grant {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

interface State {
  readonly options: TokenServerOptions;
  readonly service: string;
  readonly issuer: string;
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
  readonly refreshTokens: Map<string, string>;
  readonly requests: TokenRequest[];
  lifetime: TokenLifetime;
}

/** What a request says, whichever of the two forms it has. */
interface Claim {
  readonly grant: string;
  readonly user: string | undefined;
  readonly isProven: boolean;
  readonly wantsRefreshToken: boolean;
  readonly parameters: URLSearchParams;
}

/** Registries accept a token for this long after its end, to allow for clocks that differ. */
const LEEWAY_SECONDS = 60;

/** Starts a token server on a free port; `stop` it after the test. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const folder = await mkdtemp(path.join(await realpath(os.tmpdir()), 'cs-tokens-'));
  const certificateFile = path.join(folder, 'tokens.pem');
  const state: State = {
    options,
    service: options.service ?? 'registry',
    issuer: options.issuer ?? 'loopback token server',
    key: await createKey(folder, certificateFile, options.algorithm),
    certificate: new X509Certificate(await readFile(certificateFile)),
    refreshTokens: new Map(),
    requests: [],
    lifetime: { announced: 300, real: 300, ...options.lifetime },
  };
  const server = await listen(options.tls, (request, response) => {
    // A client that went away.
    answer(state, request, response).catch(() => response.destroy());
  });
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    realm: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    service: state.service,
    issuer: state.issuer,
    certificateFile,
    issued: () => state.requests.filter(({ status }) => status === 200).length,
    requests: () => [...state.requests],
    setLifetime: (lifetime) => (state.lifetime = { ...state.lifetime, ...lifetime }),
    bearerFor: (user, ...scopes) => `Bearer ${issueToken(state, user, grantsOf(state, user, scopes))}`,
    refreshTokenFor: (user) => issueRefreshToken(state, user),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function createKey(folder: string, certificateFile: string, algorithm = 'ES256'): Promise<KeyObject> {
  const keyFile = path.join(folder, 'tokens.key');
  const kind = algorithm === 'RS256' ? ['-newkey', 'rsa:2048', '-nodes'] : EC_KEY;
  const files = ['-keyout', keyFile, '-out', certificateFile];
  await runOpenssl(['req', '-x509', ...kind, '-days', '2', '-subj', '/CN=Loopback tokens', ...files]);
  return createPrivateKey(await readFile(keyFile));
}

async function listen(tls: TlsFiles | undefined, listener: RequestListener): Promise<Server> {
  const server =
    tls === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: await readFile(tls.certificateFile), key: await readFile(tls.keyFile) }, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://token-server');
  const claim = request.method === 'POST' ? readForm(state, await text(request)) : readQuery(state, request, url);
  const { user, grant } = claim;
  const scopes = claim.parameters.getAll('scope').flatMap((scope) => scope.split(' ').filter(Boolean));
  const service = claim.parameters.get('service') ?? undefined;
  const status = url.pathname === '/token' ? judge(state, claim) : 404;
  state.requests.push({ method: request.method ?? '', grant, user, scopes, service, status });
  if (status !== 200) {
    const challenge = status === 401 ? { 'www-authenticate': 'Basic realm="tokens"' } : {};
    response.writeHead(status, { 'content-type': 'application/json', ...challenge });
    response.end(JSON.stringify({ error: status === 401 ? 'access_denied' : 'invalid_request' }));
    return;
  }
  const grants = grantsOf(state, user, scopes);
  const token = issueToken(state, user, grants);
  const body = {
    // Clients of the older form read `token`, those of OAuth 2 `access_token`.
    ...(request.method !== 'POST' && { token }),
    access_token: token,
    expires_in: state.lifetime.announced,
    issued_at: new Date().toISOString(),
    scope: grants.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' '),
    ...(claim.wantsRefreshToken && user !== undefined && { refresh_token: issueRefreshToken(state, user) }),
  };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function judge(state: State, { isProven, user, parameters }: Claim): number {
  if (parameters.get('service') !== state.service) return 400;
  if (isProven) return 200;
  return user === undefined && state.options.anonymous !== undefined ? 200 : 401;
}

function readQuery(state: State, request: IncomingMessage, { searchParams: parameters }: URL): Claim {
  const wantsRefreshToken = parameters.get('offline_token') === 'true';
  const encoded = /^basic (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (encoded === undefined) {
    return { grant: 'anonymous', user: undefined, isProven: false, wantsRefreshToken, parameters };
  }
  const credentials = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = credentials.indexOf(':');
  const user = credentials.slice(0, Math.max(colon, 0));
  const isProven = isPassword(state, user, credentials.slice(colon + 1));
  return { grant: 'basic', user, isProven, wantsRefreshToken, parameters };
}

function readForm(state: State, body: string): Claim {
  const parameters = new URLSearchParams(body);
  const grant = parameters.get('grant_type') ?? '';
  const wantsRefreshToken = parameters.get('access_type') === 'offline';
  if (grant === 'refresh_token') {
    const user = state.refreshTokens.get(parameters.get('refresh_token') ?? '');
    return { grant, user: user ?? '', isProven: user !== undefined, wantsRefreshToken, parameters };
  }
  const user = parameters.get('username') ?? '';
  const isProven = grant === 'password' && isPassword(state, user, parameters.get('password') ?? '');
  return { grant, user, isProven, wantsRefreshToken, parameters };
}

function isPassword({ options }: State, user: string, password: string): boolean {
  return Object.hasOwn(options.users, user) && options.users[user]?.password === password;
}

/** What is both asked for and allowed; the rest is left out without a word, as the protocol has it. */
function grantsOf({ options }: State, user: string | undefined, scopes: readonly string[]): Grant[] {
  const access = (user === undefined ? options.anonymous : options.users[user]?.access) ?? {};
  return scopes.flatMap((scope) => {
    const [, type = '', name = '', wanted = ''] = /^([^:]+):(.+):([^:]*)$/.exec(scope) ?? [];
    const allowed = type === 'repository' ? (access[name] ?? access['*'] ?? []) : [];
    const actions = wanted.includes('*') ? allowed : allowed.filter((action) => wanted.split(',').includes(action));
    return actions.length === 0 ? [] : [{ type, name, actions }];
  });
}

function issueToken(state: State, user: string | undefined, access: readonly Grant[]): string {
  const { key, certificate, issuer, service, lifetime } = state;
  const now = Math.floor(Date.now() / 1000);
  const alg = state.options.algorithm ?? 'ES256';
  const header = { typ: 'JWT', alg, x5c: [certificate.raw.toString('base64')] };
  const exp = now + lifetime.real - LEEWAY_SECONDS;
  const claims = { iss: issuer, sub: user ?? '', aud: service, exp, nbf: now, iat: now, jti: randomUUID(), access };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

function issueRefreshToken({ refreshTokens }: State, user: string): string {
  const token = randomUUID();
  refreshTokens.set(token, user);
  return token;
}
