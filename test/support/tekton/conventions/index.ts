/** The conventions of the task library, and what of it does not keep them. */
import path from 'node:path';
import { readLibrary } from '../library.ts';
import { INTERFACE_RULES } from './interface-rules.ts';
import { METADATA_RULES } from './metadata-rules.ts';
import type { Rule } from './rule.ts';
import { SAMPLE_RULES } from './sample-rules.ts';
import { STEP_RULES } from './step-rules.ts';

export const RULES: readonly Rule[] = [...METADATA_RULES, ...INTERFACE_RULES, ...STEP_RULES, ...SAMPLE_RULES];

/** Each violation as `FILE: RULE: PROBLEM`. */
export function violationsOf(tekton: string): readonly string[] {
  const library = readLibrary(tekton);
  return library.flatMap((entry) =>
    RULES.flatMap(({ name, check }) =>
      check(entry, library).map((problem) => `${path.relative(tekton, entry.file)}: ${name}: ${problem}`),
    ),
  );
}
