/** One behaviour met by our client, in a network where every name and address can be the attacker's. */
import tls from 'node:tls';
import { isLocalAddress } from '../../../activities/oci/local-address.ts';
import type { Behaviour, Outcome, Probe } from './behaviour.ts';
import { makeCertificates } from './certificates.ts';
import type { TestCertificates } from './certificates.ts';
import { openProbingClient, probe } from './probes.ts';
import { startRawServer } from './raw-server.ts';
import type { RawServer, SeenRequest } from './raw-server.ts';
import { serve } from './service.ts';
import { holdsSecret, makeCanary, partyOf } from './stage.ts';
import type { Stage } from './stage.ts';
import { takeNetworkOver } from './virtual-network.ts';
import type { Attempt, VirtualNetwork } from './virtual-network.ts';

/** What was seen in a case. */
export interface CaseReport {
  readonly outcome: Outcome;
  readonly message: string;
  readonly ms: number;
  /** What came of a proper exchange over the same connections, where the behaviour leaves that alone. */
  readonly after: Outcome | undefined;
  readonly requests: readonly SeenRequest[];
  /** Origins other than the registry's that were asked. */
  readonly elsewhere: readonly string[];
  /** Requests with a secret to other origins than the registry's. */
  readonly leaks: readonly string[];
  /** Connections to this machine or the link. */
  readonly local: readonly Attempt[];
  /** Whether the message tells a secret. */
  readonly tells: boolean;
  /** Connections that were left a second after the client was closed. */
  readonly leftOpen: number;
}

const PUBLIC = '203.0.113.7';
/** By the first label of a name; whoever is not named here is somewhere on the internet. */
const ADDRESSES: Readonly<Record<string, (round: number) => readonly string[]>> = {
  metadata: () => ['169.254.169.254'],
  loopback: () => ['127.0.0.1'],
  mapped: () => ['::ffff:127.0.0.1'],
  mixed: () => [PUBLIC, '127.0.0.1'],
  zero: () => ['0.0.0.0'],
  link: () => ['fe80::1'],
  rebinding: (round) => (round === 0 ? [PUBLIC] : ['127.0.0.1']),
};
const TIMEOUT_MS = 4000;
let cases = 0;

/** What cases share. */
export interface Ground {
  readonly network: VirtualNetwork;
  /** The authority that vouches for every name and address in the network, the attacker's too. */
  readonly ca: string;
  readonly secureContext: tls.SecureContext;
  /** What proves nothing: by an authority nobody knows, and for another name. */
  readonly unfit: Readonly<Record<'unknown-authority' | 'other-name', tls.SecureContext>>;
}

/** Takes the network of this process over; give it back with `network.restore`. */
export function takeGround(): Ground {
  const names = ['*.hostile.test', '127.0.0.1', '169.254.169.254', '0.0.0.0', '::1'];
  const [good, other, unknown] = [makeCertificates(names), makeCertificates(['other.test']), makeCertificates(names)];
  return {
    network: takeNetworkOver(),
    ca: good.ca + other.ca,
    secureContext: contextOf(good),
    unfit: { 'unknown-authority': contextOf(unknown), 'other-name': contextOf(other) },
  };
}

function contextOf({ key, cert }: TestCertificates): tls.SecureContext {
  return tls.createSecureContext({ key, cert });
}

const INSTEAD_OF_TLS = {
  plain: 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}',
  garbage: '\0\0\0',
  silent: undefined,
};

/** Meets one behaviour with one probe. */
export async function runCase(behaviour: Behaviour, which: Probe, ground: Ground): Promise<CaseReport> {
  const { ca } = ground;
  const { stage, server, attempts } = await prepare(behaviour, ground);
  const { timeoutMs = TIMEOUT_MS } = behaviour;
  const client = openProbingClient(behaviour, stage, { timeoutMs, patienceMs: timeoutMs, hosts: { '*': { ca } } });
  const context = { client, stage, ca, timeoutMs };
  const begun = performance.now();
  try {
    const { outcome, message } = await probe(which, context);
    const ms = performance.now() - begun;
    // Whoever lost count of the bytes takes some of them for the answer to this.
    const after = behaviour.threat === 'framing' ? await probe('has-blob', context) : undefined;
    await client.close();
    const leftOpen = await untilNone(server.open, 1000);
    const tells = holdsSecret(message, stage.canary);
    const seen = judge(server.requests, attempts, { stage, behaviour });
    return { outcome, message, ms, after: after?.outcome, leftOpen, tells, ...seen };
  } finally {
    await client.close();
    await server.stop();
  }
}

interface Scene {
  readonly stage: Stage;
  readonly server: RawServer;
  readonly attempts: readonly Attempt[];
}

/** Names, a port and a server that no other case has. */
async function prepare(behaviour: Behaviour, { network, secureContext, unfit }: Ground): Promise<Scene> {
  const { tls: spoken = 'good' } = behaviour;
  const isUnfit = spoken === 'unknown-authority' || spoken === 'other-name';
  const isTls = isUnfit || spoken === 'good';
  const number = ++cases;
  const zone = `-c${number}.hostile.test`;
  const port = 20_000 + number;
  const stage: Stage = {
    registry: partyOf(`registry${zone}`, 443, 443),
    attacker: { ...partyOf(`attacker${zone}`, 443, 443), port },
    zone,
    canary: makeCanary(),
  };
  const server = await startRawServer({
    secureContext: isUnfit ? unfit[spoken] : secureContext,
    insteadOfTls: isTls ? undefined : { bytes: INSTEAD_OF_TLS[spoken] },
    placeOf: network.placeOf,
    readsEveryMs: behaviour.readsEveryMs,
    answer: async (exchange) => {
      await serve(behaviour, stage, exchange);
    },
  });
  const attempts: Attempt[] = [];
  const addresses = (name: string, round: number): readonly string[] =>
    ADDRESSES[name.slice(0, -zone.length)]?.(round) ?? [PUBLIC];
  network.claim({ suffix: zone, ports: [port], addresses, port: () => server.port, attempts });
  return { stage, server, attempts };
}

function judge(requests: readonly SeenRequest[], attempts: readonly Attempt[], { stage, behaviour }: Played) {
  const { registry, canary } = stage;
  const { mayKnow } = behaviour;
  const strangers = requests.filter(({ origin }) => origin !== `https://${registry.host}`);
  const unknown = strangers.filter(({ origin }) => mayKnow !== 'any-port' || !isSameHost(origin, registry));
  const leaking = unknown.filter(({ target, headers, body }) =>
    holdsSecret([target, ...headers.values(), body.toString('latin1')].join('\n'), canary),
  );
  return {
    requests,
    elsewhere: [...new Set(strangers.map(({ origin }) => origin))],
    leaks: leaking.map(({ method, origin, target }) => `${method} ${origin}${target}`),
    local: attempts.filter(({ address }) => isLocalAddress(address)),
  };
}

interface Played {
  readonly stage: Stage;
  readonly behaviour: Behaviour;
}

function isSameHost(origin: string, { name }: Stage['registry']): boolean {
  const { protocol, hostname } = new URL(origin);
  return protocol === 'https:' && hostname === name;
}

async function untilNone(count: () => number, withinMs: number): Promise<number> {
  const begun = performance.now();
  while (count() > 0 && performance.now() - begun < withinMs) await new Promise((resolve) => setTimeout(resolve, 5));
  return count();
}
