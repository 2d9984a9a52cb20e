/** Fetches one path as a cluster would, optionally from one certain replica. */
import { checkServerIdentity } from 'node:tls';
import { buildConnector } from 'undici';
import { SignatureServerError } from './error.ts';
import { exchange } from './http-exchange.ts';
import type { ExchangeAnswer, ExchangeTarget } from './http-exchange.ts';
import { parseEndpoint } from './replicas.ts';
import type { Replica } from './replicas.ts';

/** The address clusters use, taken apart. */
export interface ServedAt {
  readonly origin: string;
  readonly host: string;
  /** Path as written: a trailing slash gives a double slash, as in the readers. */
  readonly basePath: string;
  /** Query with its question mark, or empty; it stays behind the path and appears in no message. */
  readonly query: string;
}

export interface ServedSource {
  readonly servedAt: ServedAt;
  readonly replica?: Replica;
  /** Certificates of a private authority, PEM; they replace the system's. */
  readonly ca?: string;
}

export interface FetchServedCall {
  readonly signal?: AbortSignal;
  readonly timeoutMs: number;
  /** Asks every cache on the way to look again. */
  readonly bypassCaches: boolean;
}

/** An answer, or the redirect that was not followed. */
export type ServedAnswer = ExchangeAnswer | { readonly redirect: string };

/** Readers refuse a larger signature (containers/image `internal/iolimits`). */
export const MAX_SIGNATURE_BYTES = 4 * 1024 * 1024;
/** As many as Go's client follows, which the readers use. */
const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** @throws SignatureServerError `configuration-invalid`. */
export function parseServedAt(text: string): ServedAt {
  const match = /^(https?:\/\/[^/?#]+)([^?#]*)(\?[^#]*)?$/i.exec(text);
  if (match === null || !URL.canParse(text)) {
    throw invalid('expected https://HOST[:PORT][/PATH] or http:// with the same');
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw invalid('it carries a user name or password; remove them');
  return { origin: url.origin, host: url.host, basePath: match[2] ?? '', query: match[3] ?? '' };
}

/**
 * `GET`s `path` below the served address. Redirects are followed as readers do, but never from https to http, and from
 * a replica only to the address it stands for: what another server answers says nothing about this one.
 * @throws undici's error when nothing answers, the reason of `signal` when it was aborted.
 */
export async function fetchServed(source: ServedSource, path: string, call: FetchServedCall): Promise<ServedAnswer> {
  const { servedAt } = source;
  let url = `${servedAt.origin}${servedAt.basePath}/${path}${servedAt.query}`;
  for (let hops = 0; ; hops++) {
    const answer = await getAsReplicaTalks(source, url, call);
    const location = REDIRECTS.has(answer.status) ? answer.header('location') : undefined;
    if (location === undefined) return answer;
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined;
    if (next === undefined || hops >= MAX_REDIRECTS || !mayFollow(source, url, next)) {
      return { redirect: next === undefined ? 'something that is no url' : `${next.origin}${next.pathname}` };
    }
    url = next.href;
  }
}

/**
 * A replica whose scheme is not known is asked as `servedAt` is; where it talks no TLS, because a router ends it before
 * the replicas, it is asked plainly. Nothing is lost by that: what it answers is compared byte by byte, and `servedAt`
 * itself is never asked so.
 */
async function getAsReplicaTalks(source: ServedSource, url: string, call: FetchServedCall): Promise<ExchangeAnswer> {
  try {
    return await get(targetOf(source, url), url, call);
  } catch (error) {
    if (source.replica === undefined || source.replica.scheme !== undefined || !isPlainTalk(error)) throw error;
    return await get(targetOf({ ...source, replica: { ...source.replica, scheme: 'http' } }, url), url, call);
  }
}

/** OpenSSL's word for an answer that is no TLS record. */
function isPlainTalk(error: unknown): boolean {
  return error instanceof Error && /wrong version number|packet length too long/.test(error.message);
}

function mayFollow({ servedAt, replica }: ServedSource, from: string, to: URL): boolean {
  if (to.protocol !== 'https:' && to.protocol !== 'http:') return false;
  if (from.startsWith('https:') && to.protocol === 'http:') return false;
  return replica === undefined || to.origin === servedAt.origin;
}

function get(target: ExchangeTarget, url: string, call: FetchServedCall): Promise<ExchangeAnswer> {
  const headers = {
    'user-agent': 'countersign',
    ...(call.bypassCaches && { 'cache-control': 'no-cache', pragma: 'no-cache' }),
  };
  const path = url.slice(url.indexOf('/', url.indexOf('//') + 2)).replace(/#.*$/, '');
  const request = { method: 'GET', path, headers, limit: MAX_SIGNATURE_BYTES, timeoutMs: call.timeoutMs } as const;
  return exchange(target, request, call.signal);
}

function targetOf({ servedAt, replica, ca }: ServedSource, url: string): ExchangeTarget {
  const tls = { maxCachedSessions: 0, ...(ca !== undefined && { ca }) };
  if (replica === undefined) return { origin: new URL(url).origin, connect: tls };
  const { host, port } = parseEndpoint(replica.address);
  const protocol = replica.scheme === undefined ? new URL(servedAt.origin).protocol : `${replica.scheme}:`;
  // The certificate has to name the address that clusters use, wherever the connection goes.
  const name = new URL(servedAt.origin).hostname.replace(/^\[|\]$/g, '');
  const connect = buildConnector({
    ...tls,
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
  });
  return {
    // The client's origin gives the Host header and the TLS server name; only the socket goes elsewhere.
    origin: `${protocol}//${servedAt.host}`,
    connect: (options, callback) => connect({ ...options, protocol, hostname: host, port: String(port) }, callback),
  };
}

function invalid(reason: string): SignatureServerError {
  return new SignatureServerError('configuration-invalid', `served address: ${reason}`);
}
