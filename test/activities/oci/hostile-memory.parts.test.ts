import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCase, takeGround } from '../../support/hostile-registry/case.ts';
import type { Ground } from '../../support/hostile-registry/case.ts';
import { BEHAVIOURS, makeCertificates } from '../../support/hostile-registry/index.ts';
import type { Behaviour, Probe } from '../../support/hostile-registry/index.ts';
import { startLoopbackCase } from '../../support/hostile-registry/loopback.ts';
import type { LoopbackCase } from '../../support/hostile-registry/loopback.ts';
import type { OwnCase, OwnReport } from '../../support/hostile-registry/own-program.ts';
import { runOwn } from '../../support/hostile-registry/run-own.ts';

const MIB = 1024 * 1024;
const GROWTH = 32 * MIB;
/** Time for what one limit allows to come, on a machine that has more to do, and two seconds to stop. */
const WITHIN_MS = 20_000;
const certificates = makeCertificates(['localhost', '127.0.0.1', '::1']);

function casesOf(names: readonly string[]): [string, Probe, Behaviour][] {
  return names.flatMap((name) => {
    const behaviour = BEHAVIOURS.find((one) => one.name === name);
    if (behaviour === undefined) throw new Error(`expected a behaviour ${name}`);
    return behaviour.probes.map((probe): [string, Probe, Behaviour] => [name, probe, behaviour]);
  });
}

describe('a registry that sends without end', () => {
  const cases = casesOf([
    ...['endless-manifest', 'endless-manifest-announced', 'endless-referrers', 'endless-token', 'endless-error'],
    ...['endless-signatures', 'endless-lookaside', 'endless-bulk-blob', 'endless-upload-done', 'encoding-bomb'],
    ...['http-endless-header', 'http-endless-interim', 'http-chunk-extension', 'referrers-thousands', 'deep'],
  ]);
  const running = new Map<string, LoopbackCase>();
  const reports = new Map<string, OwnReport>();

  beforeAll(async () => {
    const given: OwnCase[] = [];
    for (const [name, probe, { credential = 'password', ...behaviour }] of cases) {
      const started = await startLoopbackCase({ credential, ...behaviour }, certificates);
      running.set(name, started);
      given.push({
        behaviour: { name, credential },
        probe,
        stage: started.stage,
        ca: certificates.ca,
        timeoutMs: 5000,
      });
    }
    // The first exchange of all takes memory for itself, whatever is answered.
    const [first] = given;
    const [, ...rest] = await runOwn(first === undefined ? [] : [first, ...given]);
    for (const [at, report] of rest.entries()) reports.set(given[at]?.behaviour.name ?? '', report);
  });

  afterAll(async () => {
    await Promise.all([...running.values()].map(({ stop }) => stop()));
  });

  it.each(cases)('%s costs less than 32 MiB and ends soon', (name, _, behaviour) => {
    const report = reports.get(name);
    expect(behaviour.expect, report?.message).toContain(report?.outcome);
    expect(report?.growth).toBeLessThan(GROWTH);
    expect(report?.ms).toBeLessThan(WITHIN_MS);
    expect(running.get(name)?.leaks()).toEqual([]);
    // Limits' worth, and what was on its way in sockets on both sides. No parser counts what stands behind the size of a
    // chunk; time alone bounds it.
    if (name !== 'http-chunk-extension') expect(running.get(name)?.sent()).toBeLessThan(96 * MIB);
  });
});

describe('a registry that is slow with blobs', () => {
  const slow = BEHAVIOURS.filter(({ takesLong }) => takesLong === true).map(({ name }) => name);

  let ground: Ground;

  beforeAll(() => {
    ground = takeGround();
  });

  afterAll(() => {
    ground.network.restore();
  });

  it.concurrent.each(casesOf(slow))('%s is given up', async (_, probe, behaviour) => {
    const report = await runCase(behaviour, probe, ground);
    expect(behaviour.expect, report.message).toContain(report.outcome);
    expect(report.leftOpen).toBe(0);
    // At the longest: as often as a reading and, below it, a request are repeated.
    expect(report.requests.length).toBeLessThanOrEqual(14);
  });
});
