import { printable, printableShort } from './escape.ts';
import { formatMoment, formatTime } from './measures.ts';
import type { EnvironmentStatus } from '../../workflows/domain/promotion.ts';
import type { Decision } from '../../workflows/domain/gate.ts';

/** What an environment's gate waits for, and who has decided so far; nothing where there is no gate. */
export function gateLines(one: EnvironmentStatus, now: number): readonly string[] {
  const { gate, decisions, deadline } = one;
  if (gate?.kind !== 'people') return [];
  const given = decisions.map(decisionLine);
  if (one.phase !== 'deciding') return given;
  const approved = decisions.filter(({ verdict }) => verdict === 'approve').length;
  const until = deadline === null ? '' : `, until ${formatMoment(deadline, now)}`;
  return [
    `waits for ${gate.quorum} ${gate.quorum === 1 ? 'approval' : 'approvals'} of ${printable(gate.group)}, ${approved} so far${until}`,
    'identities are claimed, not proven',
    ...given,
  ];
}

/** One decision on one line. */
export function decisionLine({ verdict, by, at, reason }: Decision): string {
  const why = reason === undefined ? '' : `: ${printableShort(reason, 300)}`;
  return `${verdict === 'approve' ? 'approved' : 'rejected'} by ${printable(by)} at ${formatTime(at)}${why}`;
}
