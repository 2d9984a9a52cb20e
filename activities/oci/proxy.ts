/** Which requests go by way of a proxy: the rules of Go's programs, which registries' users have set up for years. */
import { BlockList, isIP } from 'node:net';
import { RegistryError } from './error.ts';
import { isLoopback } from './registry-endpoint.ts';

/** Proxies as the environment names them. */
export interface ProxySettings {
  /** For plain http. */
  readonly http?: string;
  /** For https. */
  readonly https?: string;
  /** What is reached without: hosts and their subdomains, `.subdomains`, addresses, networks, each with `:port`, or `*`. */
  readonly except?: string;
}

/** A proxy, its credential apart from its address. */
export interface Proxy {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Value of `Proxy-Authorization`. */
  readonly authorization?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;
type Matches = (host: string, port: string) => boolean;

const USUAL_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, or the same in lower case. In a CGI program, which anybody can give
 * a variable `HTTP_PROXY` by a header `Proxy`, the one in upper case does not count.
 */
export function proxySettingsOf(environment: Environment): ProxySettings {
  const read = (name: string): string | undefined => {
    const isForged = name === 'HTTP_PROXY' && (environment['REQUEST_METHOD'] ?? '') !== '';
    const values = [isForged ? undefined : environment[name], environment[name.toLowerCase()]];
    return values.find((value) => value !== undefined && value.trim() !== '')?.trim();
  };
  const [http, https, except] = [read('HTTP_PROXY'), read('HTTPS_PROXY'), read('NO_PROXY')];
  return {
    ...(http !== undefined && { http }),
    ...(https !== undefined && { https }),
    ...(except !== undefined && { except }),
  };
}

/** The choice of a proxy for each address. */
export class ProxyRules {
  readonly #settings: ProxySettings;
  readonly #exceptions: readonly Matches[];

  constructor(settings: ProxySettings = {}) {
    this.#settings = settings;
    const entries = (settings.except ?? '').toLowerCase().split(/[\s,]+/);
    this.#exceptions = entries.map(parseException).filter((one) => one !== undefined);
  }

  /**
   * The proxy by which a URL is reached; undefined for none. Never one for this machine.
   * @throws RegistryError `configuration-invalid` where the proxy has an address that cannot be used.
   */
  proxyFor(url: URL): Proxy | undefined {
    const written = url.protocol === 'https:' ? this.#settings.https : this.#settings.http;
    if (written === undefined) return undefined;
    const host = url.hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1');
    if (isLoopback(host)) return undefined;
    const port = url.port === '' ? (USUAL_PORTS[url.protocol] ?? '') : url.port;
    if (this.#exceptions.some((matches) => matches(host, port))) return undefined;
    return parseProxy(written, url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
  }
}

/** Shows nothing of what was written: it may hold a password. */
function parseProxy(written: string, variable: string): Proxy {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `http://${written}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const credential = url === undefined ? undefined : credentialOf(url);
  if (url === undefined || credential === undefined || !(url.protocol in USUAL_PORTS)) {
    const message = `the proxy in ${variable} has no address that can be used; expected http://[USER:PASSWORD@]HOST:PORT or https://…, special characters percent-encoded`;
    throw new RegistryError('configuration-invalid', message);
  }
  if (credential === '') return { origin: url.origin };
  return { origin: url.origin, authorization: `Basic ${Buffer.from(credential).toString('base64')}` };
}

function credentialOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return '';
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

/** What an entry of `NO_PROXY` matches; undefined for one that says nothing. */
function parseException(entry: string): Matches | undefined {
  if (entry === '') return undefined;
  if (entry === '*') return () => true;
  const network = parseNetwork(entry);
  if (network !== undefined) return (host) => isIP(host) !== 0 && network.check(host, familyOf(host));
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
  const name = bracketed ?? plain ?? (isIP(entry) === 6 ? entry : '');
  if (name === '' || name === '.') return undefined;
  const isPort = (received: string): boolean => port === undefined || received === port;
  if (isIP(name) !== 0) {
    const address = new BlockList();
    address.addAddress(name, familyOf(name));
    return (host, received) => isIP(host) !== 0 && address.check(host, familyOf(host)) && isPort(received);
  }
  const suffix = name.replace(/^\*?(?=\.)/, '');
  const below = suffix.startsWith('.') ? suffix : `.${suffix}`;
  return (host, received) => (host === suffix || host.endsWith(below)) && isPort(received);
}

function parseNetwork(entry: string): BlockList | undefined {
  const [, address = '', bits] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return undefined;
  const network = new BlockList();
  network.addSubnet(address, Number(bits), familyOf(address));
  return network;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
