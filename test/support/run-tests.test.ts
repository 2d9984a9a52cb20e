import { describe, expect, it } from 'vitest';
import { countReport, summarize } from './run-vitest.mjs';
import { isSupportedNode } from './supported-node.mjs';

const RANGE = '>=20.19 <21 || >=22.13 <23 || >=24';

describe('isSupportedNode', () => {
  it.each(['20.19.0', '20.20.2', '22.13.0', '24.0.0', '26.1.0'])('accepts %s', (version) => {
    expect(isSupportedNode(version, RANGE)).toBe(true);
  });

  it.each(['18.20.0', '20.18.3', '21.0.0', '22.12.9', '23.5.0'])('refuses %s', (version) => {
    expect(isSupportedNode(version, RANGE)).toBe(false);
  });

  it('does not guess at a range it cannot read', () => {
    expect(() => isSupportedNode('20.19.0', '^20.19')).toThrow('"^20.19" is neither >=VERSION nor <VERSION');
  });
});

describe('countReport', () => {
  const report = (results: readonly object[], counts: object = {}): string =>
    JSON.stringify({
      ...{ numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 },
      ...counts,
      testResults: results.map((result) => ({ name: '/x.test.ts', startTime: 0, endTime: 250.5, ...result })),
    });

  it('counts tests, those left out and the time of each file', () => {
    const results = [{ status: 'passed', assertionResults: [{ status: 'passed' }] }];
    const counts = { numPassedTests: 7, numPendingTests: 2, numTodoTests: 1 };
    expect(countReport(report(results, counts))).toMatchObject({
      ...{ passed: 7, failed: 0, skipped: 3 },
      files: [{ ms: 250.5 }],
    });
  });

  it('counts a file that could not be loaded as a failure', () => {
    expect(countReport(report([{ status: 'failed', assertionResults: [] }])).failed).toBe(1);
  });

  it('does not count a failed test twice', () => {
    const results = [{ status: 'failed', assertionResults: [{ status: 'failed' }] }];
    expect(countReport(report(results, { numFailedTests: 1 })).failed).toBe(1);
  });
});

describe('summarize', () => {
  const phase = (name: string, passed: number, failed: number, skipped = 0) => ({
    ...{ name, passed, failed, skipped, seconds: 1 },
    files: [{ file: `${name}.test.ts`, ms: 1_000 * passed }],
  });

  it('ends with the sum of all phases, and nothing else on that line', () => {
    expect(summarize([phase('unit', 5, 0), phase('parts', 3, 0)], 3)).toMatchObject({ ok: true });
    expect(summarize([phase('unit', 5, 0), phase('parts', 3, 0)], 3).lines.at(-1)).toBe('8 passed, 0 failed');
    expect(summarize([phase('unit', 5, 1, 2), phase('parts', 3, 1)], 3)).toMatchObject({ ok: false });
    expect(summarize([phase('unit', 5, 1, 2), phase('parts', 3, 1)], 3).lines.at(-1)).toBe(
      '8 passed, 2 failed, 2 skipped',
    );
  });

  it('is no success when no test ran', () => {
    expect(summarize([phase('unit', 0, 0, 4)], 3)).toMatchObject({
      ok: false,
      lines: expect.arrayContaining(['no test ran']),
    });
  });

  it('names the slowest files first', () => {
    expect(summarize([phase('unit', 1, 0), phase('parts', 3, 0)], 3).lines.slice(0, 3)).toEqual([
      'slowest test files:',
      '     3.0 s  parts.test.ts (parts)',
      '     1.0 s  unit.test.ts (unit)',
    ]);
  });
});
