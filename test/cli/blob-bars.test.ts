import { describe, expect, it } from 'vitest';
import { blobBars } from '../../cli/output/blob-bars.ts';
import { sha256 } from '../support/sample-image.ts';

const blobs = Array.from({ length: 5 }, (_, at) => {
  return { digest: sha256(Buffer.from(String(at))), bytesDone: at * 1_000_000, size: 4_000_000 };
});
const progress = { bytesDone: 10_000_000, bytesTotal: 40_000_000, blobsDone: 2, blobsTotal: 9, inFlight: blobs };
const rate = { bytesPerSecond: 5_000_000, leftMs: 6000 };

describe('blobBars', () => {
  it('draws a bar for each blob on its way, and one for all', () => {
    const lines = blobBars(progress, rate, { columns: 120, rows: 24 }).split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[2]).toBe(
      `${blobs[2]!.digest.slice(7, 19)} ${'━'.repeat(15)}${'─'.repeat(15)}  50 %  2.0 MB of 4.0 MB`,
    );
    expect(lines[5]).toContain('25 %, 10.0 MB of 40.0 MB, 5.0 MB/s, 6 s left, 2 of 9 blobs');
  });

  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 3],
    [6, 5],
    [7, 6],
    [50, 6],
  ])('fits into %i rows with %i lines, the last one for all', (rows, count) => {
    const lines = blobBars(progress, rate, { columns: 120, rows }).split('\n');
    expect(lines).toHaveLength(count);
    expect(lines.at(-1)).toContain('2 of 9 blobs');
    const shown = lines.filter((line) => /^[0-9a-f]{12} /.test(line)).length;
    if (shown < 5 && count > 1) expect(lines.at(-2)).toBe(`and ${5 - shown} more`);
  });

  it.each([1, 2, 10, 20, 40, 60, 80, 81, 200])('keeps every line shorter than %i columns', (columns) => {
    const lines = blobBars(progress, rate, { columns, rows: 24 }).split('\n');
    for (const line of lines) expect(line.length).toBeLessThan(Math.max(columns, 2));
  });

  it('draws what can be drawn of numbers that make no sense, and of a copy that tells no blobs', () => {
    const odd = [
      { digest: blobs[0]!.digest, bytesDone: 9, size: 0 },
      { ...blobs[1]!, bytesDone: -5 },
    ];
    const lines = blobBars({ ...progress, bytesTotal: 0, inFlight: odd }, null, { columns: 80, rows: 24 }).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines.every((line) => line.includes('  0 %') || line.includes(' 0 %'))).toBe(true);
    const without = { bytesDone: 0, bytesTotal: 0, blobsDone: 0, blobsTotal: 0 };
    expect(blobBars(without, null, { columns: 80, rows: 24 }).split('\n')).toHaveLength(1);
  });
});
