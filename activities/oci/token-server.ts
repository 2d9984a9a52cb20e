/** Where a credential may go when a registry names its token server: whoever answers for the registry names it. */
import { quote } from '../../workflows/domain/digest.ts';
import { RegistryError } from './error.ts';
import { isLoopback } from './registry-endpoint.ts';
import type { RegistryEndpoint } from './registry-endpoint.ts';

/** A realm that was judged. */
export interface TokenServer {
  readonly url: URL;
  /**
   * `own`: the registry's host, or configured for it. `known`: belongs to a well-known registry. `foreign`: anybody's,
   * to be asked for nothing but an anonymous token.
   */
  readonly standing: 'own' | 'known' | 'foreign';
}

/** Token servers on other hosts than their registries, by the registry's host. */
const KNOWN: ReadonlyMap<string, string> = new Map([
  ['registry-1.docker.io', 'https://auth.docker.io'],
  ['index.docker.io', 'https://auth.docker.io'],
  ['registry.gitlab.com', 'https://gitlab.com'],
  ['registry.redhat.io', 'https://sso.redhat.com'],
  ['registry.connect.redhat.com', 'https://sso.redhat.com'],
  ['registry.digitalocean.com', 'https://api.digitalocean.com'],
  ['rg.fr-par.scw.cloud', 'https://api.scaleway.com'],
  ['rg.nl-ams.scw.cloud', 'https://api.scaleway.com'],
  ['rg.pl-waw.scw.cloud', 'https://api.scaleway.com'],
]);

/**
 * Judges the realm of a bearer challenge: https always, except that a registry without TLS may be its own token server,
 * or have one without TLS configured.
 * @throws RegistryError `registry-refused` for what can be nobody's token server; `configuration-invalid` for one without
 * TLS that could be configured.
 */
export function judgeRealm(endpoint: RegistryEndpoint, realm: string | undefined): TokenServer {
  const url = realm !== undefined && URL.canParse(realm) ? new URL(realm) : undefined;
  const isWeb = url !== undefined && (url.protocol === 'https:' || url.protocol === 'http:');
  if (isWeb && url.username === '' && url.password === '') {
    const standing = standingOf(endpoint, url);
    if (url.protocol === 'https:') return { url, standing };
    const registry = new URL(endpoint.origin);
    if (registry.protocol === 'http:' && standing === 'own') return { url, standing };
    const isNeighbour = registry.protocol === 'http:' && isLoopback(registry.hostname) && isLoopback(url.hostname);
    if (isNeighbour) throw unconfigured(endpoint, url);
  }
  const received = isWeb ? url.origin : (url?.protocol ?? realm ?? '');
  throw new RegistryError(
    'registry-refused',
    `authenticate to ${endpoint.domain}: expected the https address of a token server as realm, received ${quote(received)}`,
  );
}

/** What to say where a credential would go to a token server that nobody vouched for. */
export function unconfigured({ domain }: RegistryEndpoint, { origin }: URL): RegistryError {
  const how = `add ${origin} to tokenServers of ${domain} below registries in the configuration, or give --token-server ${domain}=${origin}`;
  return new RegistryError(
    'configuration-invalid',
    `authenticate to ${domain}: it names ${origin} as its token server, which gets no credential unless configured; if it is meant, ${how}`,
  );
}

function standingOf({ origin, tokenServers = [] }: RegistryEndpoint, url: URL): TokenServer['standing'] {
  const registry = new URL(origin);
  if (url.origin === registry.origin) return 'own';
  if (url.protocol === 'https:' && url.hostname === registry.hostname) return 'own';
  if (tokenServers.some((server) => URL.canParse(server) && new URL(server).origin === url.origin)) return 'own';
  return KNOWN.get(registry.hostname) === url.origin && registry.protocol === 'https:' ? 'known' : 'foreign';
}
