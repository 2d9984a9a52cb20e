import { isDigest, quote } from './digest.ts';
import type { Digest } from './digest.ts';
import { approverOf, isRequester, userIdOf } from './gate.ts';
import type { Decision, GateState, PeopleGate } from './gate.ts';

/** A decision as it arrives: nothing in it is trusted. The public shape of the signals `approve` and `reject`. */
export interface UntrustedDecision {
  readonly verdict: 'approve' | 'reject';
  readonly environment: string;
  readonly digest: string;
  /** The run it was made for, as `status` shows it. */
  readonly run: string;
  readonly by: string;
  readonly reason?: string;
}

/** What a decision must fit: the gate that is open now. */
export interface OpenGate {
  readonly environment: string;
  readonly digest: Digest;
  readonly run: string;
  readonly gate: PeopleGate;
  readonly requesters: readonly string[];
  readonly state: GateState;
  readonly decisions: readonly Decision[];
}

/** The judgement on one decision. `repeated`: the same person said the same before, so nothing changes. */
export type Judgement =
  | { readonly accepted: true; readonly decision: Decision; readonly repeated: boolean }
  | { readonly accepted: false; readonly reason: string };

/** Larger decisions are refused and not kept, or a stranger could fill the history. */
export const DECISION_LIMIT = 64 * 1024;
const NAME_LIMIT = 512;
const REASON_LIMIT = 4096;

/**
 * Checks the shape of a decision: everything that can be told without knowing the promotion.
 * @returns the decision, or the reason why it is none.
 */
export function parseDecision(
  verdict: 'approve' | 'reject',
  untrusted: unknown,
): { readonly decision: UntrustedDecision } | { readonly refused: string } {
  if (typeof untrusted !== 'object' || untrusted === null || Array.isArray(untrusted)) {
    return { refused: `a decision is an object with environment, digest, run and by; received ${typeName(untrusted)}` };
  }
  const { environment, digest, run, by, reason } = untrusted as Record<string, unknown>;
  for (const [name, value] of Object.entries({ environment, digest, run, by })) {
    if (typeof value !== 'string' || value === '' || value.length > NAME_LIMIT) {
      return { refused: `the decision's ${name} must be a text of 1 to ${NAME_LIMIT} characters` };
    }
  }
  if (!isDigest(digest)) return { refused: `the decision's digest ${quote(digest)} is not a full digest` };
  if (reason !== undefined && (typeof reason !== 'string' || reason.length > REASON_LIMIT)) {
    return { refused: `the decision's reason must be a text of at most ${REASON_LIMIT} characters` };
  }
  if (verdict === 'reject' && (typeof reason !== 'string' || reason.trim() === '')) {
    return { refused: 'a rejection needs a reason' };
  }
  const decision = { verdict, environment, digest, run, by } as UntrustedDecision;
  return { decision: reason === undefined ? decision : { ...decision, reason: reason } };
}

/** Judges a decision of good shape against the gate that is open; pure, so that every way in uses the same rules. */
export function judgeDecision(open: OpenGate | undefined, decision: UntrustedDecision, at: string): Judgement {
  const refused = (reason: string): Judgement => ({ accepted: false, reason });
  if (open?.environment !== decision.environment) {
    return refused(
      `no gate of ${quote(decision.environment)} is open${open ? `; ${open.environment} is being decided` : ''}`,
    );
  }
  if (decision.run !== open.run)
    return refused(`the decision is for run ${quote(decision.run)}; this is run ${open.run}`);
  if (decision.digest !== open.digest) {
    return refused(`the decision is for ${decision.digest}; this promotion carries ${open.digest}`);
  }
  if (open.state !== 'open') return refused(`the gate of ${open.environment} is ${open.state} already`);
  const approver = approverOf(open.gate, decision.by);
  if (approver === undefined) return refused(`${quote(decision.by)} is not among the approvers of ${open.environment}`);
  if (isRequester(open.gate, decision.by, open.requesters)) {
    return refused(`${quote(decision.by)} asked for this promotion, and one's own request is decided by others`);
  }
  const by = userIdOf(approver, decision.by);
  const repeated = open.decisions.some(
    (one) => one.verdict === decision.verdict && approverOf(open.gate, one.by) === approver,
  );
  const { verdict, reason } = decision;
  return {
    accepted: true,
    repeated,
    decision: reason === undefined ? { verdict, by, at } : { verdict, by, at, reason },
  };
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : typeof value;
}
