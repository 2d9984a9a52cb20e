import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCase, takeGround } from '../../support/hostile-registry/case.ts';
import type { Ground } from '../../support/hostile-registry/case.ts';
import { BEHAVIOURS } from '../../support/hostile-registry/index.ts';
import type { Behaviour, Probe } from '../../support/hostile-registry/index.ts';

vi.setConfig({ maxConcurrency: 32 });

let ground: Ground;

beforeAll(() => {
  ground = takeGround();
});

afterAll(() => {
  ground.network.restore();
});

const cases = BEHAVIOURS.filter(({ takesLong = false }) => !takesLong).flatMap((behaviour) =>
  behaviour.probes.map((probe): [string, Probe, Behaviour] => [behaviour.name, probe, behaviour]),
);

// A case that hangs meets the time limit of its test.
describe('a registry that', () => {
  it.concurrent.each(cases)('%s (%s)', async (_, probe, behaviour) => {
    const report = await runCase(behaviour, probe, ground);
    const { asksElsewhere = 'never', expect: expected } = behaviour;
    expect(report.leaks).toEqual([]);
    expect(report.local).toEqual([]);
    if (asksElsewhere === 'never') expect(report.elsewhere).toEqual([]);
    expect(expected, report.message).toContain(report.outcome);
    const isLeftAlone = behaviour.at?.includes('blob') !== true && behaviour.timeoutMs === undefined;
    if (isLeftAlone) expect([undefined, 'success']).toContain(report.after);
    expect(report.tells).toBe(false);
    expect(report.leftOpen).toBe(0);
    expect(report.requests.filter(({ headers }) => headers.has('cookie') || headers.has('accept-encoding'))).toEqual(
      [],
    );
  });
});

it('met no other place than the cases had foreseen', () => {
  expect(ground.network.strays).toEqual([]);
});

describe('the list of behaviours', () => {
  it('has names of their own, and enough of them', () => {
    const names = BEHAVIOURS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(200);
    expect(names.filter((name) => name.startsWith('realm-')).length).toBeGreaterThan(40);
  });
});
