/** One behaviour for programs of their own: the registry on one loopback port, the attacker on another. */
import tls from 'node:tls';
import type { Behaviour } from './behaviour.ts';
import type { TestCertificates } from './certificates.ts';
import { startRawServer } from './raw-server.ts';
import type { SeenRequest } from './raw-server.ts';
import { serve } from './service.ts';
import { holdsSecret, makeCanary, partyOf } from './stage.ts';
import type { Stage } from './stage.ts';

export interface LoopbackCase {
  readonly stage: Stage;
  /** What both servers saw. */
  readonly requests: () => readonly SeenRequest[];
  /** Origins other than the registry's that were asked. */
  readonly elsewhere: () => readonly string[];
  /** Requests with a secret to other origins than the registry's. */
  readonly leaks: () => readonly string[];
  /** Bytes that both servers have sent. */
  readonly sent: () => number;
  readonly stop: () => Promise<void>;
}

/** Starts both over TLS, as `localhost` and as `127.0.0.1`, which the certificates must be for. */
export async function startLoopbackCase(behaviour: Behaviour, certificates: TestCertificates): Promise<LoopbackCase> {
  const secureContext = tls.createSecureContext({ key: certificates.key, cert: certificates.cert });
  const parts: { stage?: Stage } = {};
  const start = async (name: string) =>
    await startRawServer({
      secureContext,
      placeOf: ({ server }) => ({ host: name, port: server }),
      answer: async (exchange) => {
        if (parts.stage !== undefined) await serve(behaviour, parts.stage, exchange);
      },
    });
  const [registry, attacker] = await Promise.all([start('localhost'), start('127.0.0.1')]);
  const stage: Stage = {
    registry: partyOf('localhost', registry.port, 443),
    attacker: partyOf('127.0.0.1', attacker.port, 443),
    zone: '',
    canary: makeCanary(),
  };
  parts.stage = stage;
  const strangers = (): readonly SeenRequest[] =>
    [...registry.requests, ...attacker.requests].filter(({ origin }) => origin !== `https://${stage.registry.host}`);
  return {
    stage,
    requests: () => [...registry.requests, ...attacker.requests],
    elsewhere: () => [...new Set(strangers().map(({ origin }) => origin))],
    leaks: () =>
      strangers()
        .filter(({ target, headers, body }) =>
          holdsSecret([target, ...headers.values(), body.toString('latin1')].join('\n'), stage.canary),
        )
        .map(({ method, origin, target }) => `${method} ${origin}${target}`),
    sent: () => registry.sent() + attacker.sent(),
    stop: async () => {
      await Promise.all([registry.stop(), attacker.stop()]);
    },
  };
}
