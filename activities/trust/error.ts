import type { FailureType } from '../../workflows/domain/failure.ts';

/** The kinds of failure this room reports. */
export type TrustErrorCode = Extract<
  FailureType,
  | 'configuration-invalid'
  | 'not-served'
  | 'served-wrong'
  | 'content-mismatch'
  | 'manifest-unsupported'
  | 'signature-invalid'
>;

/** Where a failed exchange went; the URL carries neither user nor query. */
export interface TrustErrorDetails {
  readonly url?: string;
  readonly status?: number;
  readonly cause?: unknown;
}

/**
 * A policy that cannot be read, a signature server that does not answer as one, a manifest that is not what it should
 * be. A signature that is merely not accepted is no error but a `Verdict`.
 */
export class TrustError extends Error {
  readonly code: TrustErrorCode;
  declare readonly url?: string;
  declare readonly status?: number;

  constructor(code: TrustErrorCode, message: string, details: TrustErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'TrustError';
    this.code = code;
    if (details.url !== undefined) this.url = details.url;
    if (details.status !== undefined) this.status = details.status;
  }
}
