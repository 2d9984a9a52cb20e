import { describe, expect, it } from 'vitest';
import { rebuildLines } from '../../cli/output/rebuild-text.ts';
import type { RebuildProgress } from '../../workflows/domain/promotion.ts';
import { anEnvironment } from './fixtures.ts';

const asked: RebuildProgress = { request: 'r', since: 1_000 };
const built = { request: 'r', outcome: 'rebuilt', subject: 'Build "web-7"', shared: 3 } as const;

function lines(rebuild: RebuildProgress | null | undefined, detailed = true): readonly string[] {
  return rebuildLines(anEnvironment('prod', { rebuild: rebuild as RebuildProgress | null }), { now: 41_000, detailed });
}

describe('a rebuild in status', () => {
  it('says who was asked, since when, and afterwards what was done for whom', () => {
    expect(lines(asked, false)).toEqual(['rebuild/prod was asked 40 s ago']);
    expect(lines({ ...asked, answer: built })).toEqual(['rebuilt by Build "web-7", together with 3 other promotions']);
    expect(lines({ ...asked, answer: { ...built, shared: 1 } })).toEqual([
      'rebuilt by Build "web-7", together with 1 other promotion',
    ]);
    expect(lines({ ...asked, answer: { ...built, shared: 0 } })).toEqual(['rebuilt by Build "web-7"']);
  });

  it('is silent where nobody was asked, where the stall tells it, and where an older orchestrator answers', () => {
    expect(lines(null)).toEqual([]);
    expect(lines(undefined)).toEqual([]);
    expect(lines({ ...asked, answer: { request: 'r', outcome: 'failed', type: 't', message: 'm' } })).toEqual([]);
    expect(lines({ ...asked, answer: built }, false)).toEqual([]);
  });
});
