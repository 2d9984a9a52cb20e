import { isCondition, isEnded } from '../exit-codes.ts';
import type { ViewCondition } from '../exit-codes.ts';
import type { ExecutionStatus, ListedPromotion, PromotionDescription } from './engine.ts';

/** So many attempts of one workflow task mean that the workflow's code cannot go on by itself. */
export const BLOCKED_AFTER_ATTEMPTS = 3;

const ENDED: Partial<Readonly<Record<ExecutionStatus, ViewCondition>>> = {
  failed: 'failed',
  cancelled: 'cancelled',
  terminated: 'terminated',
  'timed-out': 'timed-out',
};

/** The condition of a row: what the promotion last showed, unless its execution ended otherwise. */
export function conditionOfListed(one: ListedPromotion): ViewCondition {
  const ended = ENDED[one.execution];
  if (ended !== undefined) return ended;
  const shown = [one.state, one.memo.condition].find(isCondition);
  // An end that says nothing of itself must not look like a success.
  if (one.execution === 'completed') return shown !== undefined && isEnded(shown) ? shown : 'failed';
  return shown !== undefined && !isEnded(shown) ? shown : 'running';
}

/** Like `conditionOfListed`, and *blocked* where the workflow task fails again and again. */
export function conditionOfDescribed(one: PromotionDescription): ViewCondition {
  if (one.execution === 'running' && one.taskAttempts > BLOCKED_AFTER_ATTEMPTS) return 'blocked';
  return conditionOfListed(one);
}
