import { parseDuration } from '../../worker/configuration/duration.ts';
import { usageError } from '../failure.ts';

/** How long a confirmation waits where nobody says. */
export const WITHIN = '10 minutes';

/**
 * Reads `--within`, in milliseconds; 0 for one look.
 * @throws CliError `usage`.
 */
export function readWithin(text: string): number {
  const withinMs = text === '0' ? 0 : parseDuration(text);
  if (withinMs === undefined) throw usageError('--within: expected a duration such as "10 minutes", or 0');
  return withinMs;
}
