import { quote } from '../../workflows/domain/digest.ts';
import type { ConfigurationPath } from './problem.ts';

/**
 * Quotes a value of the file for a message, without what could be a credential: everything up to the last `@` (user
 * and password of a URL, however it is written) and everything from `?` or `#` on.
 */
export function quoteValue(untrusted: string): string {
  const at = untrusted.lastIndexOf('@');
  const withoutUser = at < 0 ? untrusted : `…${untrusted.slice(at)}`;
  const end = withoutUser.search(/[?#]/);
  return quote(end < 0 ? withoutUser : `${withoutUser.slice(0, end)}…`);
}

/** What was found in the place of something else, in words. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'is missing';
  if (value === null) return 'is empty';
  if (Array.isArray(value)) return 'is a list';
  if (typeof value === 'object') return 'is a section';
  if (typeof value === 'string') return `is the text ${quoteValue(value)}`;
  return typeof value === 'number' || typeof value === 'boolean' ? `is ${value.toString()}` : 'is something else';
}

/** A path as one would write it: `environments.dev.registries["other:5000"].ca`. */
export function formatPath(path: ConfigurationPath): string {
  return path.map(formatStep).join('').replace(/^\./, '');
}

/** Lists words for a message: `one, two or three`. */
export function listWords(words: readonly string[], conjunction = 'or'): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}

function formatStep(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`;
  return /^[A-Za-z0-9_-]+$/.test(step) ? `.${step}` : `[${quoteValue(step)}]`;
}
