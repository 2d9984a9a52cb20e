import { z } from 'zod';

import { describeValue } from './quoting.ts';
import type { ValueRule } from './values.ts';

/** The way out where a list is something else. */
export const LIST_REMEDY = 'write it in brackets, or one per line with "- " before it';

/** What a section or list must be, for messages and for editors. */
export interface SectionRule {
  readonly description: string;
  readonly expected: string;
  /** The way out where the section is missing or something else. */
  readonly remedy: string;
  /** More for editors, in JSON Schema's words. */
  readonly editor?: Readonly<Record<string, unknown>>;
}

/** A section whose keys are all known. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape, rule: SectionRule) {
  return z
    .strictObject(shape, { error: ({ input }) => `${describeValue(input)}; expected ${rule.expected}; ${rule.remedy}` })
    .meta({ description: rule.description, ...rule.editor });
}

/** A section of which exactly one key is given, with further keys that may stand beside it. */
export function choice<Shape extends z.core.$ZodLooseShape, Beside extends z.core.$ZodLooseShape = object>(
  shape: Shape,
  rule: SectionRule,
  beside?: Beside,
) {
  const keys = Object.keys(shape);
  const editor = { oneOf: keys.map((key) => ({ required: [key] })) };
  return section({ ...shape, ...(beside as Beside) }, { ...rule, editor }).check((context) => {
    const given = Object.keys(context.value).filter((key) => keys.includes(key));
    if (given.length === 1) return;
    const what = given.length === 0 ? 'is empty' : `has ${given.join(' and ')}`;
    const message = `${what}; expected ${rule.expected}; ${rule.remedy}`;
    context.issues.push({ code: 'custom', message, input: context.value });
  });
}

/** One word of a few. */
export function word<const Words extends readonly [string, ...string[]]>(words: Words, rule: ValueRule) {
  return z
    .enum(words, { error: ({ input }) => `${describeValue(input)}; expected ${rule.expected}; ${rule.remedy}` })
    .meta({ description: rule.description });
}

/** A list of at least one. */
export function listOf<Item extends z.ZodType>(item: Item, rule: SectionRule) {
  const message = (what: string): string => `${what}; expected ${rule.expected}; ${rule.remedy}`;
  return z
    .array(item, { error: ({ input }) => message(describeValue(input)) })
    .min(1, { error: () => message('is an empty list') })
    .meta({ description: rule.description });
}

/** A section, or the word none written out. */
export function noneOr<Section extends z.ZodType>(sectionSchema: Section, message: string) {
  const none = z.literal('none', { error: 'is not none' });
  return z.union([none, sectionSchema], { error: ({ input }) => `${describeValue(input)}; ${message}` });
}
