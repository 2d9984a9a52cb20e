const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Bytes for people, in powers of 1000 as registries and disks count: `1.4 GB`. */
export function formatBytes(bytes: number): string {
  let value = Math.max(bytes, 0);
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** A span of time for people, in its two largest units: `3 d 4 h`, `2 min 5 s`. */
export function formatSpan(ms: number): string {
  const left = Math.max(ms, 0);
  if (left < MINUTE_MS) return `${Math.round(left / SECOND_MS)} s`;
  if (left < HOUR_MS)
    return two([Math.floor(left / MINUTE_MS), 'min'], [Math.floor((left % MINUTE_MS) / SECOND_MS), 's']);
  if (left < DAY_MS) return two([Math.floor(left / HOUR_MS), 'h'], [Math.floor((left % HOUR_MS) / MINUTE_MS), 'min']);
  return two([Math.floor(left / DAY_MS), 'd'], [Math.floor((left % DAY_MS) / HOUR_MS), 'h']);
}

/** A point in time: UTC, to the second. */
export function formatTime(at: number | string | Date): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? 'unknown' : `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

/** A point in time with its distance from now: `2026-11-21 07:31:44Z (5 min 2 s ago)`. */
export function formatMoment(at: number | string, now: number): string {
  const time = new Date(at).getTime();
  if (Number.isNaN(time)) return 'unknown';
  const distance = time <= now ? `${formatSpan(now - time)} ago` : `in ${formatSpan(time - now)}`;
  return `${formatTime(time)} (${distance})`;
}

function two([large, largeUnit]: [number, string], [small, smallUnit]: [number, string]): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
