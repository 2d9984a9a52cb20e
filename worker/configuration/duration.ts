import ms from 'ms';

/** The pattern of a duration, for editors and for the check: a number and a unit. */
export const DURATION_PATTERN =
  '^[0-9]{1,6}(\\.[0-9]{1,3})? ?(ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)$';

const DURATION = new RegExp(DURATION_PATTERN);

/** The least and the most a duration may be, as written in a message. */
export interface DurationBounds {
  readonly least: string;
  readonly most: string;
}

/** The milliseconds of a duration such as `7 days` or `30 minutes`; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  return DURATION.test(text) ? Math.round(ms(text as ms.StringValue)) : undefined;
}

/** The milliseconds of a duration that the schema has accepted already. */
export function durationMs(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) throw new TypeError(`not a duration: ${JSON.stringify(text)}`);
  return milliseconds;
}

/** What is wrong with a duration, or undefined. */
export function refuseDuration(text: string, { least, most }: DurationBounds): string | undefined {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) return 'is not a duration';
  if (milliseconds < durationMs(least)) return `is shorter than ${least}`;
  if (milliseconds > durationMs(most)) return `is longer than ${most}`;
  return undefined;
}
