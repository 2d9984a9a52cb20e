/**
 * Every kind of failure an activity may report, and whether Temporal should try again by itself. What may not be
 * retried stalls the promotion at once and waits for an operator; what may, stalls it when its attempts are used up.
 */
export const FAILURES = {
  'reference-invalid': { retryable: false },
  'digest-invalid': { retryable: false },
  'configuration-invalid': { retryable: false },
  'image-unknown': { retryable: false },
  'origin-gone': { retryable: false },
  'origin-refused': { retryable: false },
  'access-denied': { retryable: false },
  'rate-limited': { retryable: true },
  'registry-unavailable': { retryable: true },
  'registry-refused': { retryable: false },
  'content-mismatch': { retryable: true },
  'manifest-unsupported': { retryable: false },
  'key-unusable': { retryable: false },
  'signature-invalid': { retryable: false },
  'signature-limit': { retryable: false },
  'repository-unavailable': { retryable: true },
  'repository-denied': { retryable: false },
  'repository-conflict': { retryable: true },
  'proposal-foreign': { retryable: false },
  'commit-unknown': { retryable: false },
  superseded: { retryable: false },
  'decisions-insufficient': { retryable: false },
  'rebuild-refused': { retryable: false },
  'rebuild-unavailable': { retryable: true },
  'not-served': { retryable: true },
  'served-wrong': { retryable: true },
  'judged-unacceptable': { retryable: false },
  'tag-changed': { retryable: false },
  internal: { retryable: true },
} as const satisfies Record<string, { readonly retryable: boolean }>;

/** The kind of a failure; the `type` of the application failure that carries it. */
export type FailureType = keyof typeof FAILURES;

/** Tells whether `type` is one of ours; failures of Temporal itself carry other types or none. */
export function isFailureType(type: unknown): type is FailureType {
  return typeof type === 'string' && Object.hasOwn(FAILURES, type);
}

/** Whether Temporal should repeat the attempt by itself; what is not known is worth another try. */
export function isRetryable(type: string): boolean {
  return !isFailureType(type) || FAILURES[type].retryable;
}
