import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Judge } from '../support/judge.ts';
import { compareSubject } from './compare.ts';
import { blobs } from './blobs.ts';
import { keyFiles } from './key-files.ts';
import { payloads } from './payloads.ts';
import { stored } from './stored.ts';
import type { Subject } from './subject.ts';

/** Of each subject; `npm run test:differential` asks many more. */
const CASES = 60;
const SEED = 1;
/** The rest is asked beside the tests of the room they are about. */
const SUBJECTS: readonly Subject[] = [payloads, blobs, keyFiles, stored];
let judge: Judge;

beforeAll(async () => {
  judge = await Judge.start();
});
afterAll(() => judge.stop());

describe('our verdict is that of the reference implementation built with GnuPG', () => {
  it.each(SUBJECTS.map((subject) => [subject.name, subject] as const))('about %s', async (_, subject) => {
    const agreement = await compareSubject(subject, { judge, seed: SEED, cases: CASES * (subject.weight ?? 1) });
    expect(agreement.faults).toEqual([]);
    // A comparison in which one side never says yes, or never no, compares nothing.
    expect(agreement.bothAccept).toBeGreaterThan(0);
    expect(agreement.bothRefuse).toBeGreaterThan(0);
  });
});
