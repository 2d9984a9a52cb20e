import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCase, takeGround } from '../../support/hostile-registry/case.ts';
import type { Ground } from '../../support/hostile-registry/case.ts';
import { BEHAVIOURS } from '../../support/hostile-registry/index.ts';

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
