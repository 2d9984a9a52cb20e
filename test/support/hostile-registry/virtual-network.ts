/**
 * The internet of a test: every connection that this process opens is written down and ends at a loopback port, whatever
 * name or address it was meant for. So names can resolve to what an attacker wants, and no address but loopback is met.
 */
import dns from 'node:dns';
import type { LookupAddress } from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import type { ConnectionPorts, Place } from './raw-server.ts';

/** A connection that was asked for. */
export interface Attempt extends Place {
  /** What the name had resolved to at that moment. */
  readonly address: string;
}

/** The part of the network that one case has to itself. */
export interface Territory {
  /** Ends of the host names in it, for example `.case-1.test`. */
  readonly suffix: string;
  /** Its ports at addresses that are written as such. */
  readonly ports: readonly number[];
  /** What its names resolve to, one element for each time that they are; the last one stays. */
  readonly addresses: (name: string, round: number) => readonly string[];
  /** The loopback port at which its connections end. */
  readonly port: () => number;
  readonly attempts: Attempt[];
}

export interface VirtualNetwork {
  readonly claim: (territory: Territory) => void;
  /** Where a client believes to be. One port of a client may lead to several servers at once. */
  readonly placeOf: (connection: ConnectionPorts) => Place;
  /** Connections that nobody had claimed; they were refused. */
  readonly strays: readonly Attempt[];
  /** Gives the process its real network back. */
  readonly restore: () => void;
}

interface ConnectOptions extends Omit<net.TcpNetConnectOpts, 'port'> {
  /** Some callers write it as text. */
  readonly port: number | string;
}

type Connect = (this: net.Socket, ...args: unknown[]) => net.Socket;

/** Takes the network of this process over: until it is given back, only what a territory claims can be reached. */
export function takeNetworkOver(): VirtualNetwork {
  const territories: Territory[] = [];
  const places = new Map<string, Place>();
  const strays: Attempt[] = [];
  const lookups = new Map<string, number>();
  const { connect } = net.Socket.prototype as unknown as { readonly connect: Connect };
  const original = { lookup: dns.lookup, connect };

  const resolve = (name: string): readonly LookupAddress[] => {
    const host = name.replace(/\.$/, '').toLowerCase();
    const round = lookups.get(host) ?? 0;
    lookups.set(host, round + 1);
    const territory = territories.find(({ suffix }) => host.endsWith(suffix));
    const own = territory?.addresses(host, round) ?? (/(^|\.)localhost$/.test(host) ? ['127.0.0.1'] : []);
    return own.map((address) => ({ address, family: net.isIP(address) }));
  };
  const reach = ({ host, port }: Place, addresses: readonly string[]): number | undefined => {
    const owner = territories.find((one) => host.endsWith(one.suffix) || one.ports.includes(port));
    // Each of them would be tried in turn.
    (owner?.attempts ?? strays).push(...addresses.map((address) => ({ host, port, address })));
    return owner?.port();
  };
  Object.assign(dns, { lookup: fakeLookup(resolve) });
  Object.assign(net.Socket.prototype, { connect: connectThrough(original.connect, { reach, places }) });
  syncBuiltinESMExports();
  return {
    claim: (territory) => void territories.push(territory),
    placeOf: (ports) => places.get(keyOf(ports)) ?? { host: 'unknown', port: 0 },
    strays,
    restore: () => {
      Object.assign(dns, { lookup: original.lookup });
      Object.assign(net.Socket.prototype, { connect: original.connect });
      syncBuiltinESMExports();
    },
  };
}

type Callback = (error: Error | null, address: string | readonly LookupAddress[], family?: number) => void;

function fakeLookup(resolve: (name: string) => readonly LookupAddress[]) {
  return (name: string, options: unknown, callback?: Callback): void => {
    const answer = (callback ?? options) as Callback;
    const wanted = typeof options === 'object' && options !== null ? (options as dns.LookupOptions) : {};
    const addresses = net.isIP(name) === 0 ? resolve(name) : [{ address: name, family: net.isIP(name) }];
    const [first] = addresses;
    process.nextTick(() => {
      if (first === undefined)
        answer(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), '');
      else if (wanted.all === true) answer(null, addresses);
      else answer(null, first.address, first.family);
    });
  };
}

interface Routing {
  readonly reach: (place: Place, addresses: readonly string[]) => number | undefined;
  readonly places: Map<string, Place>;
}

/** A `Socket.prototype.connect` that resolves as the real one does, and then goes to loopback. */
function connectThrough(original: Connect, { reach, places }: Routing): Connect {
  return function connect(this: net.Socket, ...args: unknown[]) {
    const given = (Array.isArray(args[0]) ? (args[0] as unknown[])[0] : args[0]) as ConnectOptions;
    const listener = (Array.isArray(args[0]) ? (args[0] as unknown[])[1] : args[1]) as (() => void) | null | undefined;
    const { host = 'localhost', lookup = dns.lookup } = given;
    const port = Number(given.port);
    if (listener) this.once('connect', listener);
    const go = (error: Error | null, found: string | readonly LookupAddress[]): void => {
      if (this.destroyed) return;
      if (error !== null) {
        this.destroy(error);
        return;
      }
      const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address);
      const end = reach({ host, port }, addresses);
      this.once('connect', () => places.set(keyOf({ client: this.localPort ?? 0, server: end ?? 0 }), { host, port }));
      if (end === undefined) this.destroy(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      else original.call(this, { ...given, host: '127.0.0.1', port: end, lookup: undefined });
    };
    if (net.isIP(host) !== 0) process.nextTick(go, null, host);
    else lookup(host, { all: true }, go);
    Object.assign(this, { connecting: true });
    return this;
  };
}

function keyOf({ client, server }: ConnectionPorts): string {
  return `${client}>${server}`;
}
