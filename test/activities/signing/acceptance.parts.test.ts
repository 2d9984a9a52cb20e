import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Acceptance } from './acceptance.ts';

/** Seven of each kind; `npm run test:differential -- --signatures 10000` makes many more. */
const PER_KIND = 7;
let acceptance: Acceptance;

beforeAll(async () => {
  acceptance = await Acceptance.create();
});
afterAll(() => acceptance.stop());

describe('our signatures', () => {
  it('are accepted by gpg and skopeo, whatever kind of key made them', async () => {
    const kinds = acceptance.kinds.length;
    expect(kinds).toBe(7);
    const numbers = Array.from({ length: kinds * PER_KIND }, (_, index) => index).values();
    const refusals: string[] = [];
    const work = async (): Promise<void> => {
      for (const index of numbers) refusals.push(...(await acceptance.refusals(index)));
    };
    await Promise.all([work(), work()]);
    expect(refusals).toEqual([]);
  });
});
