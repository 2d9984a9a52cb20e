import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { isFailureType, isRetryable } from '../workflows/domain/failure.ts';

/** Failures that are a part of waiting: they are shown, but they are no reason for a warning in the log. */
const EXPECTED = new Set(['not-served', 'served-wrong']);
const MESSAGE_LIMIT = 2000;

/**
 * Translates what a room threw into what Temporal understands: the kind from the error's `code`, whether to try again
 * from the table of failures, and when from a registry's Retry-After. Unknown errors are worth another try.
 */
export function toFailure(error: unknown): ApplicationFailure | CancelledFailure {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  const { code, retryAfterMs } = fieldsOf(error);
  const type = isFailureType(code) ? code : 'internal';
  return ApplicationFailure.create({
    type,
    message: messageOf(error),
    nonRetryable: !isRetryable(type),
    ...(error instanceof Error && { cause: error }),
    ...(retryAfterMs !== undefined && { nextRetryDelay: retryAfterMs }),
    ...(EXPECTED.has(type) && { category: ApplicationFailureCategory.BENIGN }),
  });
}

function fieldsOf(error: unknown): { code?: unknown; retryAfterMs?: number } {
  if (typeof error !== 'object' || error === null) return {};
  const { code, retryAfterMs } = error as { code?: unknown; retryAfterMs?: unknown };
  return typeof retryAfterMs === 'number' && retryAfterMs > 0 ? { code, retryAfterMs } : { code };
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.length > MESSAGE_LIMIT ? `${message.slice(0, MESSAGE_LIMIT)}…` : message;
}
