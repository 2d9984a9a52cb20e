import { printable } from './escape.ts';
import { formatSpan } from './measures.ts';
import { rebuildId } from '../../workflows/domain/names.ts';
import type { EnvironmentStatus, RebuildProgress } from '../../workflows/domain/promotion.ts';

/** Who rebuilds the signature server, and how it went; nothing where nobody was asked. */
export function rebuildLines(
  one: EnvironmentStatus,
  { now, detailed }: { readonly now: number; readonly detailed: boolean },
): readonly string[] {
  // An older orchestrator knows nothing of it.
  const asked = one.rebuild as RebuildProgress | null | undefined;
  if (asked === null || asked === undefined) return [];
  const { answer, since } = asked;
  if (answer === undefined) return [`${rebuildId(one.environment)} was asked ${formatSpan(now - since)} ago`];
  if (answer.outcome === 'failed' || !detailed) return [];
  const others = answer.shared === 1 ? '1 other promotion' : `${answer.shared} other promotions`;
  return [`rebuilt by ${printable(answer.subject)}${answer.shared === 0 ? '' : `, together with ${others}`}`];
}
