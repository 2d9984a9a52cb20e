import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { copyQueue, environmentQueue, promotionId } from '../../../workflows/domain/names.ts';
import { pollsWithin } from '../../../workflows/promotion/activities.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const digest = `sha256:${'a'.repeat(64)}` as Digest;

describe('promotionId', () => {
  it('names image, tag and digest', () => {
    expect(promotionId({ name: 'shop/web', tag: '1.4', digest }, sha256)).toBe(`promotion/shop/web:1.4@${digest}`);
  });

  it('never exceeds 255 bytes, and stays different for different names', () => {
    const tag = 't'.repeat(128);
    const ids = ['a', 'b'].map((end) => promotionId({ name: `${'n'.repeat(240)}${end}`, tag, digest }, sha256));
    for (const id of ids) expect(Buffer.byteLength(id)).toBeLessThanOrEqual(255);
    expect(new Set(ids).size).toBe(2);
    expect(ids[0]).toMatch(/^promotion\/n+~[0-9a-f]{16}:t+@sha256:a+$/);
  });
});

describe('queues', () => {
  it('are two per environment', () => {
    expect([environmentQueue('prod'), copyQueue('prod')]).toEqual(['countersign-prod', 'countersign-prod-copy']);
  });
});

describe('pollsWithin', () => {
  it('polls at least once, and often enough to fill the time', () => {
    expect(pollsWithin(0)).toBe(1);
    expect(pollsWithin(1_000)).toBe(2);
    const half = pollsWithin(30 * 60_000);
    expect(half).toBeGreaterThan(35);
    expect(half).toBeLessThan(45);
  });
});
