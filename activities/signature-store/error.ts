import type { FailureType } from '../../workflows/domain/failure.ts';

/** The kinds of failure a signature store reports; each one is a key of `FAILURES`. */
export type SignatureStoreFailure = Extract<
  FailureType,
  | 'repository-unavailable'
  | 'repository-denied'
  | 'repository-conflict'
  | 'proposal-foreign'
  | 'signature-limit'
  | 'commit-unknown'
  | 'superseded'
  | 'configuration-invalid'
>;

/** What an error is about, for programs; the message says the same to people. */
export interface SignatureStoreErrorFields {
  /** Branch the operation was about. */
  readonly branch?: string;
  /** Commits that were found and not expected, or that stand in the way. */
  readonly commits?: readonly string[];
  /** Paths in the repository that stand in the way. */
  readonly paths?: readonly string[];
  readonly cause?: unknown;
}

/** The one error of this room. Its message holds neither credentials nor the user or query of a URL. */
export class SignatureStoreError extends Error {
  readonly code: SignatureStoreFailure;
  readonly branch: string | undefined;
  readonly commits: readonly string[];
  readonly paths: readonly string[];

  constructor(code: SignatureStoreFailure, message: string, fields: SignatureStoreErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'SignatureStoreError';
    this.code = code;
    this.branch = fields.branch;
    this.commits = fields.commits ?? [];
    this.paths = fields.paths ?? [];
  }
}

/**
 * Thrown inside the room when the local cache does not hold what it should. The cache holds nothing of value, so it is
 * thrown away and the operation begins again; this error never leaves the room.
 */
export class BrokenCacheError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BrokenCacheError';
  }
}
