/** A date far away is a mistake of somebody's clock. */
const LONGEST_MS = 24 * 60 * 60 * 1000;

/** The `Retry-After` header (seconds or HTTP date) in milliseconds; undefined when it is absent or not understood. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_MS);
  // `Date.parse` takes nearly anything; an HTTP date begins with the name of a day.
  const date = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.min(Math.max(date - now, 0), LONGEST_MS);
}
