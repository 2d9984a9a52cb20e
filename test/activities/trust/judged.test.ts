import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORDED, readRecorded } from '../../differential/recorded.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'judged-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('our verdicts and those that the reference implementation was recorded with', () => {
  it.each(RECORDED)('are the same for $cases cases of $subject.name', async ({ subject, cases }) => {
    const recorded = await readRecorded(subject);
    expect(recorded).toHaveLength(cases);
    const accepted = recorded.filter(({ answer }) => answer.ok).length;
    expect(accepted).toBeGreaterThan(cases / 5);
    if (subject.name !== 'evaluations') expect(accepted).toBeLessThan((cases * 4) / 5);
    for (const { generated, answer } of recorded) {
      const verdict = await subject.ours(generated, folder);
      const what = subject.describe(generated);
      if (verdict.accepted && answer.ok) expect(subject.compare?.(verdict.result, answer.result), what).toBeUndefined();
      else if (verdict.accepted || !answer.ok) expect(verdict.accepted, what).toBe(answer.ok);
      else
        expect(subject.exceptions, what).toHaveProperty([subject.excuse?.(generated, verdict, answer) ?? 'unlisted']);
    }
  });
});
