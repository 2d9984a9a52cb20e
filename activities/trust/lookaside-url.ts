import { isDigest, quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { repositoryUnder } from '../../workflows/domain/reference.ts';
import { signaturePath } from '../../workflows/domain/signature-path.ts';
import { TrustError } from './error.ts';

/** A lookaside URL taken apart without normalizing anything: what is written is what is asked for. */
export interface LookasideUrl {
  readonly scheme: 'http' | 'https' | 'file';
  /** `user:password`, percent-encoded as written. */
  readonly userInfo?: string;
  readonly authority: string;
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
}

const URL_PARTS = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\/(?:([^@/?#]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?$/;
const SCHEMES = ['http', 'https', 'file'] as const;
/** Everything a path may carry unescaped; readers escape the rest, and `@` and `=` are not part of the rest. */
const ESCAPED_IN_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu;

/**
 * The URL of signature number `number`: base, `/`, repository path `@` algorithm `=` hex `/signature-N`. The base is used
 * as written, so a trailing slash yields a double one, and a query stays behind the path.
 * @throws TrustError `configuration-invalid` for a base that readers cannot use.
 */
export function lookasideUrl(base: string, repositoryPath: string, digest: Digest, number: number): string {
  const { scheme, userInfo, authority, path, query } = parseLookasideUrl(base);
  // Throws for a path with `..`, so that nothing outside the base is ever asked for.
  repositoryUnder('localhost', repositoryPath);
  if (!isDigest(digest)) throw new TrustError('configuration-invalid', `invalid digest ${quote(digest)}`);
  const credentials = userInfo === undefined ? '' : `${userInfo}@`;
  return `${scheme}://${credentials}${authority}${path}/${signaturePath(repositoryPath, digest, number)}${query}`;
}

/** @throws TrustError `configuration-invalid` for anything but http, https and file URLs. */
export function parseLookasideUrl(url: string): LookasideUrl {
  const [, writtenScheme = '', userInfo, authority = '', path = '', query = ''] = URL_PARTS.exec(url) ?? [];
  const scheme = SCHEMES.find((known) => known === writtenScheme.toLowerCase());
  if (scheme === undefined || (scheme !== 'file' && authority === '')) {
    throw new TrustError(
      'configuration-invalid',
      `unusable lookaside URL ${quote(displayText(url))}: expected http://, https:// or file:///`,
    );
  }
  const escaped = path.replace(ESCAPED_IN_PATH, (character) => encodeURIComponent(character));
  return { scheme, authority, path: escaped, query, ...(userInfo !== undefined && { userInfo }) };
}

/** A URL for messages: without user, password, query and fragment, all of which may be secret. */
export function displayUrl({ scheme, authority, path }: LookasideUrl): string {
  return `${scheme}://${authority}${path}`;
}

function displayText(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/^([^/]*\/\/)?[^/]*@/, '$1');
}
