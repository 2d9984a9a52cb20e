import { evaluateGate } from '../../workflows/domain/gate.ts';
import type { Decision, Gate } from '../../workflows/domain/gate.ts';
import type { PromotionRecord } from '../../workflows/domain/steps.ts';
import type { DecisionRecord, Publication } from '../signature-store/index.ts';
import { StepError } from './step-error.ts';

/**
 * The worker's own look at the decisions: its gate and its approvers as they are now, whatever the workflow says.
 * @throws StepError `decisions-insufficient`; the promotion then goes back to its gate.
 */
export function requireDecisions(
  gate: Gate,
  record: PromotionRecord,
  { decisions, deadline, now }: { decisions: readonly Decision[]; deadline: number | null; now: number },
): void {
  if (gate.kind === 'none') return;
  const context = { gate, requesters: record.requesters, deadline: deadline ?? Number.NEGATIVE_INFINITY };
  const state = evaluateGate(context, decisions, now);
  if (state === 'passed') return;
  const approvals = decisions.filter(({ verdict }) => verdict === 'approve').map(({ by }) => by);
  throw new StepError(
    'decisions-insufficient',
    `the gate of this environment is ${state}: it asks for ${gate.quorum} approval(s) by its present approvers, received ${approvals.join(', ') || 'none'}`,
  );
}

/** Tells whether the approvals that a publication's commit records satisfy the gate as it is now. */
export function standsBy(gate: Gate, publication: Publication, now: number): boolean {
  if (gate.kind === 'none') return true;
  const requesters = publication.requestedBy.split(', ');
  const context = { gate, requesters, deadline: Number.POSITIVE_INFINITY };
  return evaluateGate(context, publication.decisions, now) === 'passed';
}

/** The approvals, as a commit records them. */
export function decisionRecords(gate: Gate, decisions: readonly Decision[]): readonly DecisionRecord[] {
  if (gate.kind === 'none') return [];
  return decisions
    .filter(({ verdict }) => verdict === 'approve')
    .map(({ by, at, reason }) => ({
      verdict: 'approve',
      by,
      at,
      identity: gate.identity,
      ...(reason !== undefined && { reason }),
    }));
}

/** The gate's rule in one line, for the commit. */
export function gateLine(gate: Gate): string {
  return gate.kind === 'none' ? 'none' : `quorum ${gate.quorum} before ${gate.before}; identity ${gate.identity}`;
}
