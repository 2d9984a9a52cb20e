import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { Outcome } from '../domain/promotion.ts';

/** What an activity's failure comes down to: its kind, and a sentence for people. */
export interface StepFailure {
  readonly type: string;
  readonly message: string;
}

/** Unwraps what an activity threw: the cause of an `ActivityFailure` is what happened. */
export function explainFailure(error: unknown): StepFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) return { type: cause.type ?? 'internal', message: cause.message };
  if (cause instanceof TimeoutFailure) return { type: 'timeout', message: explainTimeout(cause) };
  return { type: 'internal', message: cause instanceof Error ? cause.message : String(cause) };
}

/** Thrown to end a promotion as completed, with an outcome that is not `released`. */
export class PromotionEnd extends Error {
  readonly outcome: Outcome;
  readonly environment: string;
  constructor(outcome: Outcome, environment: string, reason: string) {
    super(reason);
    this.name = 'PromotionEnd';
    this.outcome = outcome;
    this.environment = environment;
  }
}

function explainTimeout(failure: TimeoutFailure): string {
  const last = failure.cause instanceof Error ? `; the last attempt said: ${failure.cause.message}` : '';
  return `the step did not end in time (${failure.timeoutType})${last}`;
}
