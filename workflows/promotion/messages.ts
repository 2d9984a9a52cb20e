import {
  ApplicationFailure,
  defineQuery,
  defineSignal,
  defineUpdate,
  setDefaultSignalHandler,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { openGateOf } from './decide.ts';
import type { PromotionRun } from './promotion-run.ts';
import { DECISION_LIMIT, judgeDecision, parseDecision } from '../domain/decision.ts';
import type { UntrustedDecision } from '../domain/decision.ts';
import { evaluateGate } from '../domain/gate.ts';
import * as wire from '../domain/messages.ts';
import type { DecideAnswer } from '../domain/messages.ts';
import { statusOf } from '../domain/promotion.ts';
import type { PromotionStatus } from '../domain/promotion.ts';
import { parseRebuildAnswer } from '../domain/rebuild.ts';

const approveSignal = defineSignal<[unknown]>(wire.APPROVE);
const rejectSignal = defineSignal<[unknown]>(wire.REJECT);
const retrySignal = defineSignal<[unknown]>(wire.RETRY);
const abortSignal = defineSignal<[unknown]>(wire.ABORT);
const extendSignal = defineSignal<[unknown]>(wire.EXTEND);
const rebuiltSignal = defineSignal<[unknown]>(wire.REBUILT);
const decideUpdate = defineUpdate<DecideAnswer, [unknown]>(wire.DECIDE);
const statusQuery = defineQuery<PromotionStatus>(wire.STATUS);

/**
 * Wires every message of a promotion. Whatever arrives is untrusted: a handler that threw a plain error would block
 * the workflow for ever, so it refuses, counts and goes on.
 */
export function handleMessages(run: PromotionRun): void {
  setHandler(approveSignal, (untrusted) => receiveDecision(run, 'approve', untrusted));
  setHandler(rejectSignal, (untrusted) => receiveDecision(run, 'reject', untrusted));
  setHandler(retrySignal, (untrusted) => receiveRetry(run, untrusted));
  setHandler(abortSignal, (untrusted) => receiveAbort(run, untrusted));
  setHandler(extendSignal, (untrusted) => receiveExtend(run, untrusted));
  setHandler(rebuiltSignal, (untrusted) => receiveRebuilt(run, untrusted));
  setHandler(decideUpdate, (untrusted) => answerDecision(run, untrusted), {
    validator: (untrusted) => validateDecision(run, untrusted),
  });
  setHandler(statusQuery, () => statusOf(workflowInfo().workflowId, run.input.image, run.state, run.result));
  // Without it the SDK keeps signals of unknown names for a handler that will never come.
  setDefaultSignalHandler(() => run.refuse('a signal of an unknown name'));
}

function receiveDecision(run: PromotionRun, verdict: 'approve' | 'reject', untrusted: unknown): void {
  const judged = judge(run, verdict, untrusted);
  if ('refused' in judged) run.refuse(judged.refused);
}

/** Synchronous: the SDK ignores the promise of an asynchronous validator and would accept everything. */
function validateDecision(run: PromotionRun, untrusted: unknown): void {
  const parsed = parseAny(untrusted);
  if ('refused' in parsed) throw ApplicationFailure.nonRetryable(parsed.refused, 'decision-refused');
  const judgement = judgeDecision(openGateOf(run), parsed.decision, new Date().toISOString());
  if (!judgement.accepted) throw ApplicationFailure.nonRetryable(judgement.reason, 'decision-refused');
}

function answerDecision(run: PromotionRun, untrusted: unknown): DecideAnswer {
  const parsed = parseAny(untrusted);
  const judged = 'refused' in parsed ? parsed : judge(run, parsed.decision.verdict, parsed.decision);
  if ('refused' in judged) throw ApplicationFailure.nonRetryable(judged.refused, 'decision-refused');
  return judged;
}

function judge(
  run: PromotionRun,
  verdict: 'approve' | 'reject',
  untrusted: unknown,
): DecideAnswer | { refused: string } {
  if (sizeOf(untrusted) > DECISION_LIMIT) return { refused: `a decision is at most ${DECISION_LIMIT} bytes` };
  const parsed = parseDecision(verdict, untrusted);
  if ('refused' in parsed) return parsed;
  const open = openGateOf(run);
  const judgement = judgeDecision(open, parsed.decision, new Date().toISOString());
  if (!judgement.accepted) return { refused: judgement.reason };
  const one = run.state.environments.find(({ environment }) => environment === parsed.decision.environment);
  if (one?.gate === undefined || open === undefined) return { refused: 'no gate is open' };
  if (!judgement.repeated) {
    one.gate.decisions.push(judgement.decision);
    run.wake();
  }
  const gateState = evaluateGate({ ...open, deadline: one.gate.deadline }, one.gate.decisions, Date.now());
  return { decision: judgement.repeated ? 'repeated' : 'counted', gateState };
}

function parseAny(untrusted: unknown): { decision: UntrustedDecision } | { refused: string } {
  if (sizeOf(untrusted) > DECISION_LIMIT) return { refused: `a decision is at most ${DECISION_LIMIT} bytes` };
  const { verdict } = asRecord(untrusted);
  if (verdict !== 'approve' && verdict !== 'reject')
    return { refused: "the decision's verdict must be approve or reject" };
  return parseDecision(verdict, untrusted);
}

function receiveRetry(run: PromotionRun, untrusted: unknown): void {
  const { stall } = asRecord(untrusted);
  if (typeof stall !== 'number') run.refuse('retry needs the number of the stall, as status shows it');
  else if (!run.retry(stall)) run.refuse(`there is no stall number ${stall} to retry`);
}

function receiveAbort(run: PromotionRun, untrusted: unknown): void {
  const { by, reason } = asRecord(untrusted);
  const who = typeof by === 'string' && by !== '' ? `aborted by ${by.slice(0, 200)}` : 'aborted';
  run.abort(typeof reason === 'string' && reason !== '' ? `${who}: ${reason.slice(0, 500)}` : who);
}

/** A second start joins the first; it moves the destination where its own lies farther on the route. */
function receiveExtend(run: PromotionRun, untrusted: unknown): void {
  const { to, requestedBy, again } = asRecord(untrusted);
  const { state } = run;
  if (typeof to !== 'string' || typeof requestedBy !== 'string' || requestedBy.length > 512) {
    run.refuse('extend needs to and requestedBy');
    return;
  }
  if (state.route.length > 0 && !state.route.includes(to)) {
    run.refuse(`there is no environment ${JSON.stringify(to.slice(0, 64))} on the route`);
    return;
  }
  join(run, to, requestedBy);
  if (again === true && !state.again.includes(to)) state.again.push(to);
}

/** The answer of the rebuild workflow; one to another request is late or a stranger's, and changes nothing. */
function receiveRebuilt(run: PromotionRun, untrusted: unknown): void {
  const answer = parseRebuildAnswer(untrusted);
  const asked = run.state.environments.find(({ rebuild }) => rebuild?.request === answer?.request)?.rebuild;
  if (answer === undefined || asked === undefined) {
    run.refuse('rebuilt answers no request that is open');
    return;
  }
  asked.answer ??= answer;
  run.wake();
}

function join(run: PromotionRun, to: string, requestedBy: string): void {
  const { state } = run;
  if (!state.requesters.includes(requestedBy) && state.requesters.length < 32) state.requesters.push(requestedBy);
  if (state.route.length === 0) {
    run.pendingDestinations.push(to);
  } else if (state.route.indexOf(to) > state.route.indexOf(state.to)) {
    state.to = to;
    run.show();
  }
}

function asRecord(untrusted: unknown): Record<string, unknown> {
  return typeof untrusted === 'object' && untrusted !== null ? (untrusted as Record<string, unknown>) : {};
}

function sizeOf(untrusted: unknown): number {
  return (JSON.stringify(untrusted) as string | undefined)?.length ?? 0;
}
