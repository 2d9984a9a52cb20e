import { printable } from './escape.ts';
import { alignRows } from './table.ts';
import type { Leftover } from '../operations/find-leftovers.ts';

const REASONS: Readonly<Record<Leftover['why'], string>> = {
  ended: 'its promotion has ended',
  'another-run': 'its promotion was started anew and has a proposal of its own',
  unknown: 'this Temporal does not know its promotion',
};

/** The leftover proposals of an environment, one per line. */
export function leftoverText(environment: string, found: readonly Leftover[]): string {
  if (found.length === 0) return `${environment}: no leftover proposals`;
  const rows = alignRows(
    found.map((one) => [`  ${printable(one.branch)}`, printable(one.reference), REASONS[one.why]]),
  );
  const unknown = found.some(({ why }) => why === 'unknown')
    ? ['make sure that the configuration names the right Temporal: elsewhere these promotions may be running']
    : [];
  return [`${environment}: ${found.length} leftover proposals`, ...rows, ...unknown].join('\n');
}
