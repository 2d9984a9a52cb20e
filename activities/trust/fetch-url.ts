import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { TrustError } from './error.ts';
import { displayUrl, parseLookasideUrl } from './lookaside-url.ts';
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

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Fetches a lookaside URL as readers do: 200 gives the bytes, 404 gives undefined, redirects are followed.
 * @throws TrustError `not-served` for every other status and failed connections; `served-wrong` past the limit.
 */
export async function fetchUrl(url: string, options: FetchUrl): Promise<Uint8Array | undefined> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
  const first = parseLookasideUrl(url);
  let target = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const isFirstOrigin = target.scheme === first.scheme && target.authority === first.authority;
    const headers = isFirstOrigin ? { ...options.headers, ...authorization(first) } : {};
    const answer = await exchange(target, { ...options, headers, signal }).catch((error: unknown) => {
      options.signal?.throwIfAborted();
      throw translate(error, target);
    });
    if (answer.location === undefined) return answer.body;
    target = resolveLocation(answer.location, target);
  }
  throw new TrustError('not-served', `GET ${displayUrl(first)}: more than ${MAX_REDIRECTS} redirects`, {
    url: displayUrl(first),
  });
}

async function exchange(
  target: LookasideUrl,
  options: FetchUrl,
): Promise<{ readonly body?: Uint8Array; readonly location?: string }> {
  const { dispatcher, headers, signal } = options;
  const response = await request(`${target.scheme}://${target.authority}${target.path}${target.query}`, {
    method: 'GET',
    headers: { ...headers },
    signal: signal ?? null,
    ...(dispatcher !== undefined && { dispatcher }),
  });
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
  const colon = userInfo.indexOf(':');
  const user = decodeURIComponent(colon < 0 ? userInfo : userInfo.slice(0, colon));
  const password = colon < 0 ? '' : decodeURIComponent(userInfo.slice(colon + 1));
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

function resolveLocation(location: string, from: LookasideUrl): LookasideUrl {
  const url = displayUrl(from);
  const resolved = URL.canParse(location, url) ? new URL(location, url) : undefined;
  if (resolved === undefined || !['http:', 'https:'].includes(resolved.protocol)) {
    throw new TrustError('not-served', `GET ${url}: redirected to something that is no http URL`, { url });
  }
  resolved.username = '';
  resolved.password = '';
  return parseLookasideUrl(resolved.href);
}

function translate(error: unknown, target: LookasideUrl): unknown {
  if (error instanceof TrustError) return error;
  const url = displayUrl(target);
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const why = code ?? (error instanceof Error ? error.name : 'unknown error');
  return new TrustError('not-served', `GET ${url}: no answer (${why})`, { url, cause: error });
}
