import { quote } from '../../workflows/domain/digest.ts';
import { RegistryError } from './error.ts';

/**
 * The URL that a `Location` header names, relative to the one that was asked. Its path and query stay as they are
 * written: registries keep the state of an upload there.
 * @throws RegistryError `registry-refused` for what is no URL, has user info, or goes from https to http.
 */
export function resolveLocation(location: string | undefined, from: URL, subject: string): URL {
  const url = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  const refused = (why: string): RegistryError =>
    new RegistryError('registry-refused', `${subject}: the registry sends us on with a Location that ${why}`);
  if (location === undefined || url === undefined) throw refused('is missing or no URL');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused(`has the scheme ${quote(url.protocol)}`);
  if (url.username !== '' || url.password !== '') throw refused('carries user info');
  if (from.protocol === 'https:' && url.protocol !== 'https:') {
    throw refused(`leaves https for ${url.origin}; a proxy in front must pass X-Forwarded-Proto on`);
  }
  url.hash = '';
  return url;
}

/** Adds a parameter to a query without writing the rest of it anew. */
export function withParameter(url: URL, name: string, value: string): URL {
  const extended = new URL(url);
  extended.search = `${url.search === '' ? '?' : `${url.search}&`}${name}=${encodeURIComponent(value)}`;
  return extended;
}
