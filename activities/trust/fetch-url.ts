import { getGlobalDispatcher } from 'undici';
import type { Dispatcher } from 'undici';
import { deadlineAfter, unlessAborted } from '../deadline/index.ts';
import { TrustError } from './error.ts';
import { displayUrl, parseLookasideUrl, parseUserInfo } from './lookaside-url.ts';
import type { LookasideUrl } from './lookaside-url.ts';

/** How one URL is fetched. */
export interface FetchUrl {
  readonly signal?: AbortSignal;
  /** undici's global one unless given. */
  readonly dispatcher?: Dispatcher;
  /** Sent to the first origin only, never behind a redirect to another. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes; the answer is given up as soon as it has more. */
  readonly limit: number;
  /** For the whole exchange with its redirects. */
  readonly timeoutMs: number;
}

/** Readers make so many, the first one included, and give up. */
const MAX_REQUESTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches a lookaside URL as readers do: 200 gives the bytes, 404 gives undefined, redirects are followed.
 * @throws TrustError `not-served` for every other status and failed connections; `served-wrong` past the limit.
 */
export async function fetchUrl(url: string, options: FetchUrl): Promise<Uint8Array | undefined> {
  const deadline = deadlineAfter(options.timeoutMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const first = parseLookasideUrl(url);
  let target = first;
  for (let requests = 0; requests < MAX_REQUESTS; requests++) {
    const isFirstOrigin = target.scheme === first.scheme && target.authority === first.authority;
    // Readers send a URL's own user with that URL alone, not behind a redirect within the same host either.
    const headers = { ...(isFirstOrigin && options.headers), ...authorization(target) };
    const answer = await exchange(target, { ...options, headers, signal }).catch((error: unknown) => {
      options.signal?.throwIfAborted();
      throw translate(error, target);
    });
    if (answer.location === undefined) return answer.body;
    target = resolveLocation(answer.location, target);
  }
  throw new TrustError('not-served', `GET ${displayUrl(first)}: more than ${MAX_REQUESTS - 1} redirects`, {
    url: displayUrl(first),
  });
}

async function exchange(
  target: LookasideUrl,
  options: FetchUrl & { readonly signal: AbortSignal },
): Promise<{ readonly body?: Uint8Array; readonly location?: string }> {
  const { dispatcher, headers, signal } = options;
  // In two parts, because a URL as one would lose `..` and an empty query, which readers send as written.
  const request = (dispatcher ?? getGlobalDispatcher()).request({
    origin: new URL(`${target.scheme}://${target.authority}`).origin,
    path: `${target.path === '' ? '/' : target.path}${target.query}`,
    method: 'GET',
    headers: { ...headers },
    signal,
  });
  const response = await unlessAborted(request, signal, ({ body: unread }) => void unread.destroy());
  const { statusCode, body } = response;
  const location = [response.headers['location']].flat()[0];
  if (statusCode === 200) {
    refuseEncoding(response.headers['content-encoding'], target);
    return { body: await readBounded(body, options.limit, target) };
  }
  await body.dump({ limit: 64 * 1024 });
  if (REDIRECTS.has(statusCode) && location !== undefined) return { location };
  if (statusCode === 404) return {};
  const url = displayUrl(target);
  throw new TrustError('not-served', `GET ${url}: status ${statusCode}; expected 200, or 404 where no signature is`, {
    url,
    status: statusCode,
  });
}

/** None was asked for, and an encoding is a way to make much out of little. */
function refuseEncoding(encoding: string | string[] | undefined, target: LookasideUrl): void {
  if (encoding === undefined || encoding === 'identity') return;
  const url = displayUrl(target);
  throw new TrustError('served-wrong', `GET ${url}: encoded answer; expected plain bytes`, { url });
}

async function readBounded(body: AsyncIterable<unknown>, limit: number, target: LookasideUrl): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limit) {
      const url = displayUrl(target);
      throw new TrustError('served-wrong', `GET ${url}: more than ${limit} bytes; no signature is that large`, { url });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function authorization({ userInfo }: LookasideUrl): Record<string, string> {
  if (userInfo === undefined) return {};
  const { user, password = '' } = userInfo;
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`, 'latin1').toString('base64')}` };
}

function resolveLocation(location: string, from: LookasideUrl): LookasideUrl {
  const url = displayUrl(from);
  const resolved = URL.canParse(location, url) ? new URL(location, url) : undefined;
  if (resolved === undefined || !['http:', 'https:'].includes(resolved.protocol)) {
    throw new TrustError('not-served', `GET ${url}: redirected to something that is no http URL`, { url });
  }
  const scheme = resolved.protocol === 'http:' ? 'http' : 'https';
  const { username, password } = resolved;
  const userInfo = username === '' && password === '' ? undefined : parseUserInfo(`${username}:${password}`, url);
  return {
    scheme,
    authority: resolved.host,
    path: resolved.pathname,
    query: resolved.search,
    ...(userInfo !== undefined && { userInfo }),
  };
}

function translate(error: unknown, target: LookasideUrl): unknown {
  if (error instanceof TrustError) return error;
  const url = displayUrl(target);
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const why = code ?? (error instanceof Error ? error.name : 'unknown error');
  return new TrustError('not-served', `GET ${url}: no answer (${why})`, { url, cause: error });
}
