import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistryClient } from '../../../activities/oci/index.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { runCase, takeGround } from '../../support/hostile-registry/case.ts';
import type { Ground } from '../../support/hostile-registry/case.ts';
import { BEHAVIOURS } from '../../support/hostile-registry/index.ts';
import { startRawServer } from '../../support/hostile-registry/raw-server.ts';

let ground: Ground;
let collector: NodeJS.Timeout;

beforeAll(() => {
  ground = takeGround();
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collector = setInterval(collectGarbage, 50);
});

afterAll(() => {
  clearInterval(collector);
  ground.network.restore();
});

// A signal of AbortSignal.timeout that only AbortSignal.any refers to is collected, and never fires (nodejs/node#57736).
describe('a deadline that the garbage collector may have taken away', () => {
  it.concurrent.each([
    ['slow-body', 'manifest'],
    ['slow-token-body', 'manifest'],
    ['slow-signatures', 'signatures'],
    ['slow-referrers', 'referrers'],
    ['slow-lookaside', 'lookaside'],
    ['tls-silent', 'lookaside'],
  ] as const)('ends %s', async (name, probe) => {
    const behaviour = BEHAVIOURS.find((one) => one.name === name);
    if (behaviour === undefined) throw new Error(`expected a behaviour ${name}`);
    const report = await runCase(behaviour, probe, ground);
    expect(behaviour.expect).toContain(report.outcome);
    // Their time is a fraction of a second; the machine may have more to do.
    expect(report.ms).toBeLessThan(5000);
  });
});

// undici looks at a signal only once it is connected.
it('a caller who stops is not kept waiting by a registry that never answers TLS', async () => {
  const server = await startRawServer({
    secureContext: ground.secureContext,
    insteadOfTls: { bytes: undefined },
    placeOf: () => ({ host: '127.0.0.1', port: 443 }),
    answer: () => undefined,
  });
  const zone = '-stopped.hostile.test';
  ground.network.claim({
    suffix: zone,
    ports: [],
    addresses: () => ['203.0.113.7'],
    port: () => server.port,
    attempts: [],
  });
  const client = createRegistryClient({ timeoutMs: 8000 });
  const reason = new Error('stop');
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 100);
  const begun = performance.now();
  const call = client.fetchManifest(parseReference(`registry${zone}/x:1`), { signal: controller.signal });
  await expect(call).rejects.toBe(reason);
  expect(performance.now() - begun).toBeLessThan(5000);
  await client.close();
  await server.stop();
});
