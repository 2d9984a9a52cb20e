import { isIP } from 'node:net';
import type { Repository } from '../../workflows/domain/reference.ts';
import type { Certificates } from './certificates.ts';

/** What is configured for one registry host, or for a token or storage host that has a private authority. */
export interface RegistryHostOptions extends Certificates {
  /** Default: true for loopback addresses without certificates, as crane, oras and regctl hold it; else false. */
  readonly plainHttp?: boolean;
  /**
   * Origins to which the credential for this registry may go when it asks for a token of theirs, for example
   * `https://gitlab.example.com`. Its own host and the token servers of well-known registries need no mention.
   */
  readonly tokenServers?: readonly string[];
  /** There is no such option: name the authority in `ca`. */
  readonly insecureSkipVerify?: never;
}

/** Stands for every host that is not named; of its options only the certificates count. */
export const EVERY_HOST = '*';

/** Options by host with optional port, as references write it, or by `*`. */
export type RegistryHosts = Readonly<Record<string, RegistryHostOptions>>;

/** Where a registry is reached. */
export interface RegistryEndpoint {
  /** Host with optional port, as references write it. */
  readonly domain: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** Further origins to which its credential may go; default none. */
  readonly tokenServers?: readonly string[];
}

/** The endpoint of a repository's registry. */
export function endpointOf({ domain }: Pick<Repository, 'domain'>, hosts: RegistryHosts): RegistryEndpoint {
  const host = domain === 'docker.io' ? 'registry-1.docker.io' : domain;
  const own: RegistryHostOptions = Object.hasOwn(hosts, domain) ? (hosts[domain] ?? {}) : {};
  const { ca, clientCertificate } = { ...hosts[EVERY_HOST], ...own };
  const hasCertificates = ca !== undefined || clientCertificate !== undefined;
  const plain = own.plainHttp ?? (!hasCertificates && isLoopback(new URL(`http://${host}`).hostname));
  const { origin } = new URL(`${plain ? 'http' : 'https'}://${host}`);
  return { domain, origin, tokenServers: own.tokenServers ?? [] };
}

/** The options by origin: a URL writes hosts in lower case and without the usual port, references may not. */
export function optionsByOrigin(hosts: RegistryHosts): ReadonlyMap<string, RegistryHostOptions> {
  const named = Object.entries(hosts).filter(([domain]) => domain !== EVERY_HOST);
  return new Map(named.map(([domain, options]) => [endpointOf({ domain }, hosts).origin, options]));
}

/** Tells whether a host name, as a URL carries it, is this machine: `localhost`, `*.localhost`, 127.0.0.0/8, `::1`. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === 'localhost' || host.endsWith('.localhost');
}
