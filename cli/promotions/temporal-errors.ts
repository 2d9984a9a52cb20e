import { isGrpcCancelledError, isGrpcDeadlineError, isGrpcServiceError } from '@temporalio/client';
import { EXIT } from '../exit-codes.ts';
import { CliError } from '../failure.ts';

/** gRPC's INVALID_ARGUMENT. */
const INVALID_ARGUMENT = 3;
/** gRPC's DEADLINE_EXCEEDED and UNAVAILABLE. */
const NO_ANSWER: readonly unknown[] = [4, 14];
const DEPTH = 20;

/** Tells whether the server, or a worker behind it, did not answer in time. */
export function isNoAnswer(error: unknown): boolean {
  return isGrpcDeadlineError(error) || isGrpcCancelledError(error) || NO_ANSWER.includes(grpcCode(error));
}

/** The innermost cause: what really happened. */
export function rootCause(error: unknown): Error {
  let current = error instanceof Error ? error : new Error(String(error));
  for (let depth = 0; depth < DEPTH && current.cause instanceof Error; depth++) current = current.cause;
  return current;
}

/** A search attribute that is not registered refuses every start; the server's words do not say what to do. */
export function translateStartError(error: unknown): unknown {
  const root = rootCause(error);
  if (grpcCode(error) === INVALID_ARGUMENT && /search attribute/i.test(root.message)) {
    return new CliError(
      EXIT.usage,
      `the Temporal namespace lacks search attributes of countersign (${root.message}); run "countersign setup" once`,
    );
  }
  return error;
}

/** The error of a call that got no answer, in words; others stay as they are. */
export function translateCallError(error: unknown, address: string): unknown {
  if (error instanceof CliError || !isNoAnswer(error)) return error;
  return new CliError(
    EXIT.unreachable,
    `Temporal at ${address} did not answer in time (${rootCause(error).message}); try again, or look at the server`,
  );
}

function grpcCode(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  const cause = error instanceof Error ? error.cause : undefined;
  return isGrpcServiceError(cause) ? cause.code : undefined;
}
