import type { FailureType } from '../../workflows/domain/failure.ts';

/** What this room may report; every code is a key of `FAILURES`. */
export type SignatureServerErrorCode = Extract<
  FailureType,
  | 'rebuild-refused'
  | 'rebuild-unavailable'
  | 'not-served'
  | 'served-wrong'
  | 'configuration-invalid'
  | 'repository-unavailable'
  | 'repository-denied'
>;

/** One address that does not serve one path as it should. */
export interface ServedFailure {
  /** `not-served`: missing or out of reach; `served-wrong`: something answers, but not with this. */
  readonly code: 'not-served' | 'served-wrong';
  /** `host:port` of the replica, with the name of its pod where that is known; or the host of `servedAt` when that address itself was asked. */
  readonly replica: string;
  /** What was asked for, without query. */
  readonly url: string;
  readonly expected: string;
  readonly received: string;
}

/** Structured facts of a {@link SignatureServerError}; none of them may hold a credential. */
export interface SignatureServerErrorDetails {
  readonly status?: number;
  /** How long the other side asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Every failure of a confirmation, of all replicas. */
  readonly failures?: readonly ServedFailure[];
  readonly cause?: unknown;
}

/**
 * The one error of this room: serving signatures, asking for a rebuild, confirming what is served.
 * Whether an attempt is worth repeating follows from `code` by the table `FAILURES`.
 */
export class SignatureServerError extends Error {
  readonly code: SignatureServerErrorCode;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly failures: readonly ServedFailure[];

  constructor(code: SignatureServerErrorCode, message: string, details: SignatureServerErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'SignatureServerError';
    this.code = code;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.failures = details.failures ?? [];
  }
}
