import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { quote } from '../../workflows/domain/digest.ts';
import { SignatureServerError } from './error.ts';
import type { ServerCall } from './http-exchange.ts';

/** One server behind the address that clusters use. */
export interface Replica {
  /** `host:port`; an IPv6 address in brackets. */
  readonly address: string;
  /** How the replica itself talks where a router ends TLS before it; otherwise as `servedAt` does. */
  readonly scheme?: 'http' | 'https';
  /** Name of the pod, where a cluster says it. */
  readonly pod?: string;
}

/** Where the replicas are found; both may be given, and none means that they are not checked. */
export interface ReplicaConfig {
  /** `[http://|https://]host:port` each. */
  readonly addresses?: readonly string[];
  /** `[http://|https://]name:port`: every address the name has, for example of a headless Service. */
  readonly dns?: string;
}

export interface ResolveReplicasCall extends ServerCall {
  /** Resolves a name to all its addresses; the system's resolver by default, which knows search domains. */
  readonly lookupAll?: (name: string) => Promise<readonly string[]>;
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly scheme?: 'http' | 'https';
}

/**
 * The replicas to ask, without repetition, in a stable order; empty when none are configured.
 * @throws SignatureServerError `configuration-invalid` for an address that is none, `not-served` when the name has no
 * address (none is up, or not yet).
 */
export async function resolveReplicas(
  config: ReplicaConfig,
  call: ResolveReplicasCall = {},
): Promise<readonly Replica[]> {
  const endpoints = (config.addresses ?? []).map(parseEndpoint);
  if (config.dns !== undefined) {
    const { host, ...rest } = parseEndpoint(config.dns);
    const addresses = await resolveName(host, call);
    endpoints.push(...addresses.map((address) => ({ ...rest, host: address })));
  }
  const replicas = endpoints.map(({ host, port, scheme }) => ({
    address: formatAddress(host, port),
    ...(scheme !== undefined && { scheme }),
  }));
  const byKey = new Map(replicas.map((replica) => [`${replica.address} ${replica.scheme ?? ''}`, replica]));
  return [...byKey.keys()].sort().flatMap((key) => byKey.get(key) ?? []);
}

/** `host:port`, an IPv6 address in brackets. */
export function formatAddress(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Splits `[scheme://]host:port`; brackets of an IPv6 address are taken off. */
export function parseEndpoint(text: string): Endpoint {
  const match = /^(?:(https?):\/\/)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?):(\d{1,5})$/.exec(
    text,
  );
  const [, scheme, written, digits] = match ?? [];
  const host = written?.replace(/^\[|\]$/g, '');
  const port = Number(digits);
  const isBracketed = written?.startsWith('[') === true;
  if (host === undefined || port < 1 || port > 65_535 || (isBracketed && !isIPv6(host))) {
    throw new SignatureServerError(
      'configuration-invalid',
      `replica ${quote(text)}: expected [http://|https://]HOST:PORT, an IPv6 address in brackets`,
    );
  }
  return { host, port, ...(scheme !== undefined && { scheme: scheme === 'http' ? 'http' : 'https' }) };
}

async function resolveName(name: string, call: ResolveReplicasCall): Promise<readonly string[]> {
  call.signal?.throwIfAborted();
  const lookupAll = call.lookupAll ?? systemLookup;
  try {
    const addresses = await raceAbort(lookupAll(name), call.signal);
    if (addresses.length > 0) return addresses;
  } catch (error) {
    call.signal?.throwIfAborted();
    throw noReplica(name, error);
  }
  throw noReplica(name);
}

function noReplica(name: string, cause?: unknown): SignatureServerError {
  const reason = cause instanceof Error ? cause.message : 'no address';
  return new SignatureServerError(
    'not-served',
    `resolve replicas of ${quote(name)}: expected at least one address, received ${reason}; is a replica ready and the name right`,
    { cause },
  );
}

async function systemLookup(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** The system's resolver cannot be cancelled; whoever waits for it can. */
function raceAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
