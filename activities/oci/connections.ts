/** Who may be connected to, and how: certificates by origin, proxies, and the guard before addresses a server named. */
import { Agent, Pool, ProxyAgent, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { secureContextOf } from './certificates.ts';
import type { Certificates } from './certificates.ts';
import { guardedLookup, refuseLocalHost } from './local-address.ts';
import { ProxyRules } from './proxy.ts';
import type { Proxy, ProxySettings } from './proxy.ts';
import { EVERY_HOST, optionsByOrigin } from './registry-endpoint.ts';
import type { RegistryHostOptions, RegistryHosts } from './registry-endpoint.ts';

export interface ConnectionsOptions {
  readonly hosts: RegistryHosts;
  /** Bounds the making of a connection, in milliseconds. */
  readonly timeoutMs: number;
  /** Default: none. */
  readonly proxy?: ProxySettings | undefined;
}

/** Where a connection leads and why. */
export interface Destination {
  readonly url: URL;
  /**
   * Whether the address was configured by the operator (a registry) or named by a server (a redirect, an upload's
   * Location, a token server): the second kind may not lead to this machine.
   */
  readonly address: 'configured' | 'named-by-server';
  /** Origin of the registry whose certificates count here too, beside the system's authorities. */
  readonly onBehalfOf?: string;
  /** What is being done to what, for messages. */
  readonly subject: string;
}

/** What a socket of our own is told beside host and port. */
export interface SocketOptions {
  /** For the making of the connection, in milliseconds. */
  readonly timeout: number;
  readonly secureContext?: SecureContext;
  readonly lookup?: LookupFunction;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** The connections of one client. */
export class Connections {
  readonly #timeout: number;
  readonly #everywhere: RegistryHostOptions;
  readonly #configured: ReadonlyMap<string, RegistryHostOptions>;
  readonly #proxies: ProxyRules;
  readonly #dispatchers = new Map<SocketOptions, Map<string, Dispatcher>>();
  readonly #options = new Map<string, SocketOptions>();

  constructor({ hosts, timeoutMs, proxy }: ConnectionsOptions) {
    this.#timeout = Math.min(CONNECT_TIMEOUT_MS, timeoutMs);
    this.#everywhere = hosts[EVERY_HOST] ?? {};
    this.#configured = optionsByOrigin(hosts);
    this.#proxies = new ProxyRules(proxy);
  }

  /**
   * What carries requests to a destination.
   * @throws RegistryError `registry-refused` where a server sends us to this machine, `configuration-invalid`.
   */
  dispatcherFor(destination: Destination): Dispatcher {
    const connect = this.#socketOptions(destination);
    const proxy = this.#proxies.proxyFor(destination.url);
    const known = this.#dispatchers.get(connect) ?? new Map<string, Dispatcher>();
    this.#dispatchers.set(connect, known);
    const key = proxy?.origin ?? '';
    const dispatcher = known.get(key) ?? this.#open(connect, proxy);
    known.set(key, dispatcher);
    return dispatcher;
  }

  /**
   * How a socket of our own reaches a destination: the same object for the same kind of connection. Undefined where a
   * proxy stands in between.
   * @throws RegistryError like `dispatcherFor`.
   */
  socketOptionsFor(destination: Destination): SocketOptions | undefined {
    const options = this.#socketOptions(destination);
    return this.#proxies.proxyFor(destination.url) === undefined ? options : undefined;
  }

  /** Ends all of them, those in use too. */
  async close(): Promise<void> {
    const dispatchers = [...this.#dispatchers.values()].flatMap((byProxy) => [...byProxy.values()]);
    this.#dispatchers.clear();
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.destroy()));
  }

  #open(connect: SocketOptions, proxy: Proxy | undefined): Dispatcher {
    if (proxy === undefined) return new Agent({ connect: connectorOf(connect), pipelining: 1 });
    return new ProxyAgent({
      uri: proxy.origin,
      ...(proxy.authorization !== undefined && { token: proxy.authorization }),
      requestTls: { ...connect },
      proxyTls: { timeout: this.#timeout },
      // Plain http is what proxies forward; tunnels they grant for TLS alone.
      proxyTunnel: false,
      // Bounds the answer to CONNECT.
      clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: this.#timeout }),
      pipelining: 1,
    });
  }

  #socketOptions(destination: Destination): SocketOptions {
    const { url, address, subject } = destination;
    const isGuarded = address === 'named-by-server' && !this.#configured.has(url.origin);
    if (isGuarded) refuseLocalHost(url, subject);
    const { like, certificates } = this.#certificatesFor(destination);
    const key = `${isGuarded ? 'guarded' : 'open'}, like ${like}`;
    const known = this.#options.get(key);
    if (known !== undefined) return known;
    const secureContext = secureContextOf(certificates, url.host);
    const options = {
      timeout: this.#timeout,
      ...(secureContext !== undefined && { secureContext }),
      ...(isGuarded && { lookup: guardedLookup }),
    };
    this.#options.set(key, options);
    return options;
  }

  /** Who we are is shown to registries and their token servers alone, not wherever one of them sends us. */
  #certificatesFor({ url, address, onBehalfOf = '' }: Destination): { like: string; certificates: Certificates } {
    const everywhere = this.#everywhere;
    const own = this.#configured.get(url.origin);
    if (own !== undefined) return { like: url.origin, certificates: { ...everywhere, ...own } };
    const registry = this.#configured.get(onBehalfOf);
    if (registry !== undefined) {
      return { like: `${onBehalfOf} and the system`, certificates: { ...everywhere, ...registry, systemCa: true } };
    }
    if (address === 'configured' || onBehalfOf !== '') return { like: 'everywhere', certificates: everywhere };
    const { ca, systemCa } = everywhere;
    const certificates = { ...(ca !== undefined && { ca }), ...(systemCa !== undefined && { systemCa }) };
    return { like: 'elsewhere', certificates };
  }
}

/**
 * A server that wants a client certificate says so after the handshake, and hangs up (TLS 1.3); undici would tell the
 * hanging up alone.
 */
function connectorOf(options: SocketOptions): buildConnector.connector {
  const connect = buildConnector({ ...options });
  return (target, callback) => {
    connect(target, (...[error, socket]) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      socket.once('error', () => socket.destroy());
      callback(null, socket);
    });
  };
}
