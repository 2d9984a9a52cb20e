import { isIPv6 } from 'node:net';
import { isDigest, quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { repositoryUnder } from '../../workflows/domain/reference.ts';
import { signaturePath } from '../../workflows/domain/signature-path.ts';
import { TrustError } from './error.ts';

/** A lookaside URL taken apart as Go's `net/url` does it, which decides what readers ask for. */
export interface LookasideUrl {
  readonly scheme: 'http' | 'https' | 'file';
  readonly userInfo?: { readonly user: string; readonly password?: string };
  /** Host with port; empty with `file`, whatever is written. */
  readonly authority: string;
  /** Escaped in the one way that readers send it, however it is written. */
  readonly path: string;
  /** As written, with its question mark; or empty. */
  readonly query: string;
}

const SCHEME = /^([a-zA-Z][a-zA-Z0-9+.-]*):/;
/** What Go leaves as it is; the rest is escaped, also where it was not written so. */
const ESCAPED_IN_PATH = /[^A-Za-z0-9\-._~$&+,/:;=@]/g;
const CONTROL = /[^\P{Cc}\u0080-\u009f]/u;
const BAD_ESCAPE = /%(?![0-9a-fA-F]{2})/;
const USER_INFO = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
/** In a file's URL, where it means nothing, up to the last colon anything goes. */
const FILE_HOST_CHARACTER = String.raw`(?:[\w\-.~!$&'()*+,;=<>"\u0080-\u{10ffff}]|%(?:25|[89a-fA-F][0-9a-fA-F]))`;
const FILE_HOST = new RegExp(`^(?:(?:${FILE_HOST_CHARACTER}*:)*[0-9]*|${FILE_HOST_CHARACTER}*)$`, 'u');
const HOST = /^[A-Za-z0-9\-._~]+(?::[0-9]*)?$/;

/**
 * The URL of signature number `number`: base, `/`, repository path `@` algorithm `=` hex `/signature-N`. A trailing slash
 * of the base yields a double one, its query stays behind the path, and its path is escaped anew: `%2F` becomes `/`.
 * @throws TrustError `configuration-invalid` for a base that readers cannot use.
 */
export function lookasideUrl(base: string, repositoryPath: string, digest: Digest, number: number): string {
  const { scheme, userInfo, authority, path, query } = parseLookasideUrl(base);
  // Throws for a path with `..`, so that nothing outside the base is ever asked for.
  repositoryUnder('localhost', repositoryPath);
  if (!isDigest(digest)) throw new TrustError('configuration-invalid', `invalid digest ${quote(digest)}`);
  const credentials = userInfo === undefined ? '' : `${formatUserInfo(userInfo)}@`;
  return `${scheme}://${credentials}${authority}${path}/${signaturePath(repositoryPath, digest, number)}${query}`;
}

/** Where readers look while nothing is configured: root's directory, or that of a user with this home. */
export function builtInLookaside(home?: string): string {
  return home === undefined
    ? 'file:///var/lib/containers/sigstore'
    : `file://${escapePath(Buffer.from(home))}/.local/share/containers/sigstore`;
}

/** @throws TrustError `configuration-invalid` for anything but http, https and file URLs. */
export function parseLookasideUrl(url: string): LookasideUrl {
  const isBroken = CONTROL.test(withoutFragment(url)) || BAD_ESCAPE.test(url.slice(withoutFragment(url).length));
  const [prefix = '', written = ''] = SCHEME.exec(url) ?? [];
  const scheme = (['http', 'https', 'file'] as const).find((known) => known === written.toLowerCase());
  if (isBroken || scheme === undefined) throw unusable(url);
  const rest = withoutFragment(url).slice(prefix.length);
  const question = rest.indexOf('?');
  const hierarchy = question < 0 ? rest : rest.slice(0, question);
  const query = question < 0 ? '' : rest.slice(question);
  if (!hierarchy.startsWith('//')) return withoutAuthority(url, scheme, hierarchy);
  const slash = hierarchy.indexOf('/', 2);
  const authority = slash < 0 ? hierarchy.slice(2) : hierarchy.slice(2, slash);
  const path = normalizePath(slash < 0 ? '' : hierarchy.slice(slash), url);
  const at = authority.lastIndexOf('@');
  const userInfo = at < 0 ? undefined : parseUserInfo(authority.slice(0, at), url);
  const host = authority.slice(at + 1);
  if (!isHost(host, scheme) || (scheme !== 'file' && /[^!-~]/.test(query))) throw unusable(url);
  if (scheme === 'file') return { scheme, authority: '', path, query: '' };

  return { scheme, authority: host, path, query, ...(userInfo !== undefined && { userInfo }) };
}

/** A URL for messages: without user, password, query and fragment, all of which may be secret. */
export function displayUrl({ scheme, authority, path }: LookasideUrl): string {
  return `${scheme}://${authority}${path}`;
}

/** `displayUrl` of text; of text that is no usable URL, what stands before anything secret. */
export function publicUrl(url: string): string {
  try {
    return displayUrl(parseLookasideUrl(url));
  } catch (error) {
    if (error instanceof TrustError) return displayText(url);
    throw error;
  }
}

/** The path of a `file` URL, as bytes: a name need not be text. */
export function filePath({ path }: LookasideUrl): Buffer {
  return decode(path);
}

/** `file:/x` is `file:///x`; behind `file:x` readers see no path at all, and with http no host. */
function withoutAuthority(url: string, scheme: LookasideUrl['scheme'], hierarchy: string): LookasideUrl {
  if (scheme !== 'file') throw unusable(url);
  return { scheme, authority: '', path: hierarchy.startsWith('/') ? normalizePath(hierarchy, url) : '', query: '' };
}

function isHost(host: string, scheme: LookasideUrl['scheme']): boolean {
  const literal = /^\[([^\]]*)\](?::[0-9]*)?$/.exec(host)?.[1];
  if (literal !== undefined) return isIPv6Literal(literal);
  // Of a file's URL nobody asks for the host.
  return scheme === 'file' ? FILE_HOST.test(host) : HOST.test(host);
}

/** The percent sign of a zone has to be escaped. */
function isIPv6Literal(text: string): boolean {
  return !/%(?!25)/.test(text) && isIPv6(text.replace('%25', '%'));
}

/** @throws TrustError `configuration-invalid` for what no URL may have there; `url` is for the message. */
export function parseUserInfo(text: string, url: string): LookasideUrl['userInfo'] {
  if (!USER_INFO.test(text) || BAD_ESCAPE.test(text)) throw unusable(url);
  const colon = text.indexOf(':');
  const part = (written: string): string => decode(written).toString('latin1');
  if (colon < 0) return { user: part(text) };
  return { user: part(text.slice(0, colon)), password: part(text.slice(colon + 1)) };
}

function normalizePath(path: string, url: string): string {
  if (BAD_ESCAPE.test(path)) throw unusable(url);
  return escapePath(decode(path));
}

function escapePath(bytes: Buffer): string {
  return bytes.toString('latin1').replace(ESCAPED_IN_PATH, escapeByte);
}

function formatUserInfo({ user, password }: NonNullable<LookasideUrl['userInfo']>): string {
  return password === undefined ? escapeUser(user) : `${escapeUser(user)}:${escapeUser(password)}`;
}

function escapeUser(latin1: string): string {
  return latin1.replace(/[^A-Za-z0-9\-._~$&+,;=]/g, escapeByte);
}

function escapeByte(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** The bytes of text in which some are escaped. */
function decode(text: string): Buffer {
  const bytes = Buffer.from(text).toString('latin1');
  const decoded = bytes.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(decoded, 'latin1');
}

function withoutFragment(url: string): string {
  const hash = url.indexOf('#');
  return hash < 0 ? url : url.slice(0, hash);
}

function unusable(url: string): TrustError {
  return new TrustError(
    'configuration-invalid',
    `unusable lookaside URL ${quote(displayText(url))}: expected http://, https:// or file:///`,
  );
}

function displayText(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/^([^/]*\/\/)?[^/]*@/, '$1');
}
