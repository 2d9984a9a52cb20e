import type { DecideAnswer, DecideMessage } from '../../workflows/domain/messages.ts';
import { APPROVE, REJECT } from '../../workflows/domain/messages.ts';
import type { DecideReply, PromotionEngine, RunRef } from './engine.ts';
import { statementId } from './statement.ts';

/** How long a decision waits for a worker before it is left as a signal. */
export const DECIDE_WITHIN_MS = 5_000;

/** What became of a decision. */
export type DecisionOutcome =
  | { readonly outcome: 'judged'; readonly answer: DecideAnswer }
  | { readonly outcome: 'refused'; readonly reason: string }
  /** It lies with Temporal, survives its restart, and is judged when a worker comes. */
  | { readonly outcome: 'delivered' };

/**
 * Delivers a decision: as an update, which answers; where no worker answers in time, the same statement as a signal,
 * which is kept. The workflow counts the same statement once, so that both may arrive.
 */
export async function deliverDecision(
  engine: PromotionEngine,
  target: RunRef,
  message: DecideMessage,
): Promise<DecisionOutcome> {
  const reply = await engine.decide(target, message, {
    updateId: statementId(message),
    withinMs: DECIDE_WITHIN_MS,
  });
  if (reply.reply !== 'unanswered') return outcomeOf(reply);
  const { verdict, ...statement } = message;
  const sent = await engine.signal({ id: target.id }, verdict === 'approve' ? APPROVE : REJECT, statement);
  return sent === 'delivered' ? { outcome: 'delivered' } : { outcome: 'refused', reason: ENDED };
}

const ENDED = 'the promotion has ended';

function outcomeOf(reply: Exclude<DecideReply, { reply: 'unanswered' }>): DecisionOutcome {
  if (reply.reply === 'judged') return { outcome: 'judged', answer: reply.answer };
  return { outcome: 'refused', reason: reply.reply === 'refused' ? reply.reason : ENDED };
}
