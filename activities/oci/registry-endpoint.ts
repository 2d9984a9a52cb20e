import { isIP } from 'node:net';
import type { Repository } from '../../workflows/domain/reference.ts';

/** What is configured for one registry host, or for a token or storage host that has a private authority. */
export interface RegistryHostOptions {
  /** Default: true for loopback addresses without `ca`, as crane, oras and regctl hold it; false for all others. */
  readonly plainHttp?: boolean;
  /** Authorities that vouch for this host, in PEM, instead of the system's. */
  readonly ca?: string;
  /** There is no such option: name the authority in `ca`. */
  readonly insecureSkipVerify?: never;
}

/** Options by host with optional port, as references write it. */
export type RegistryHosts = Readonly<Record<string, RegistryHostOptions>>;

/** Where a registry is reached. */
export interface RegistryEndpoint {
  /** Host with optional port, as references write it. */
  readonly domain: string;
  /** Scheme, host and port. */
  readonly origin: string;
}

/** The endpoint of a repository's registry. */
export function endpointOf({ domain }: Pick<Repository, 'domain'>, hosts: RegistryHosts): RegistryEndpoint {
  const host = domain === 'docker.io' ? 'registry-1.docker.io' : domain;
  const { plainHttp, ca }: RegistryHostOptions = Object.hasOwn(hosts, domain) ? (hosts[domain] ?? {}) : {};
  const plain = plainHttp ?? (ca === undefined && isLoopback(new URL(`http://${host}`).hostname));
  return { domain, origin: new URL(`${plain ? 'http' : 'https'}://${host}`).origin };
}

/** The options by origin: a URL writes hosts in lower case and without the usual port, references may not. */
export function optionsByOrigin(hosts: RegistryHosts): ReadonlyMap<string, RegistryHostOptions> {
  return new Map(Object.entries(hosts).map(([domain, options]) => [endpointOf({ domain }, hosts).origin, options]));
}

/** Tells whether a host name, as a URL carries it, is this machine: `localhost`, `*.localhost`, 127.0.0.0/8, `::1`. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === 'localhost' || host.endsWith('.localhost');
}
