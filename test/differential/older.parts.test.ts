import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareWithOlder } from './compare-older.ts';
import { OlderJudge } from './older-judge.ts';

let judge: OlderJudge;
beforeAll(async () => {
  judge = await OlderJudge.start();
});
afterAll(() => judge.stop());

/** `npm run test:differential -- --older` asks more. */
describe('where Debian 12 with library 5.22 judges otherwise than we', () => {
  it.each([
    ['policies', 120, 2],
    ['blobs', 60, 1],
  ] as const)(
    'it is about %s that a later version changed, or that we refuse on purpose',
    async (name, cases, seed) => {
      const { faults, bothAccept, bothRefuse } = await compareWithOlder(name, judge, { seed, cases });
      expect(faults).toEqual([]);
      expect(bothAccept).toBeGreaterThan(cases / 10);
      expect(bothRefuse).toBeGreaterThan(cases / 10);
    },
  );
});
