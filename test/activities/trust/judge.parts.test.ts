/** Live: the reference implementation says what we say. Longer runs are `npm run test:differential`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSubject } from '../../differential/compare.ts';
import { evaluations } from '../../differential/evaluations.ts';
import { lookaside } from '../../differential/lookaside.ts';
import { policies } from '../../differential/policies.ts';
import { references } from '../../differential/references.ts';
import { registriesD } from '../../differential/registries-d.ts';
import type { Subject } from '../../differential/subject.ts';
import { Judge } from '../../support/judge.ts';

let judge: Judge;
beforeAll(async () => {
  judge = await Judge.start();
});
afterAll(() => judge.stop());

/** Enough for every edge that a subject lists, and as many random ones again. */
const SHARES: readonly (readonly [subject: Subject, cases: number])[] = [
  [references, 1000],
  [policies, 2000],
  [registriesD, 300],
  [lookaside, 250],
  [evaluations, 60],
];

describe('the reference implementation and we', () => {
  it.each(SHARES)('agree about $name', async (subject, cases) => {
    // Another seed than that of the recorded cases.
    const agreement = await compareSubject(subject, { judge, seed: 20, cases });
    expect(agreement.faults).toEqual([]);
    expect(agreement.bothAccept).toBeGreaterThan(cases / 5);
  });
});
