import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { ConfigurationError, formatProblem, parseConfiguration } from '../../worker/configuration/index.ts';
import type { ConfigurationProblem } from '../../worker/configuration/index.ts';

/** The complete example that is shipped. */
export const EXAMPLE = readFileSync(
  new URL('../../worker/configuration/example.countersign.yaml', import.meta.url),
  'utf8',
);

/** Every problem of a text, none where it is accepted. */
export function problemsOf(text: string): readonly ConfigurationProblem[] {
  try {
    parseConfiguration(text, 'c.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems;
  }
}

/** The example with one thing replaced. */
export function broken(find: string | RegExp, replacement: string): string {
  const text = EXAMPLE.replace(find, () => replacement);
  if (text === EXAMPLE) throw new Error(`the example has no ${String(find)}`);
  return text;
}

/** One mistake in the example, and the one problem it must lead to. */
export interface Mistake {
  readonly name: string;
  readonly find: string | RegExp;
  readonly with: string;
  /** Of the one problem expected. */
  readonly path: string;
  readonly message: RegExp;
  /** What stands in the reported line. */
  readonly line?: string;
}

/** One test for each mistake. */
export function tableOf(mistakes: readonly Mistake[]): void {
  it.each(mistakes)('$name', (mistake) => {
    const text = broken(mistake.find, mistake.with);
    const problems = problemsOf(text);
    expect(problems.map(formatProblem)).toHaveLength(1);
    const [problem] = problems;
    expect(problem?.path).toBe(mistake.path);
    expect(problem?.message).toMatch(mistake.message);
    expect(problem?.message.split('; ').length).toBeGreaterThanOrEqual(3);
    const line = text.split('\n')[(problem?.line ?? 0) - 1];
    expect(line).toContain(mistake.line ?? (mistake.with.split('\n')[0] ?? '').trim());
  });
}
