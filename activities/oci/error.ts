import type { FailureType } from '../../workflows/domain/failure.ts';

/** Which end of a copy failed: the first thing an operator asks. */
export type RegistrySide = 'source' | 'target';

/** The kinds of failure this room reports. */
export type RegistryErrorCode = Extract<
  FailureType,
  | 'reference-invalid'
  | 'configuration-invalid'
  | 'image-unknown'
  | 'access-denied'
  | 'rate-limited'
  | 'registry-unavailable'
  | 'registry-refused'
  | 'content-mismatch'
  | 'manifest-unsupported'
>;

/** What is known of a failed exchange beside its message. */
export interface RegistryErrorDetails {
  readonly side?: RegistrySide;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** Error codes of the registry's own answer, for example `MANIFEST_BLOB_UNKNOWN`. */
  readonly registryCodes?: readonly string[];
  readonly retryAfterMs?: number;
  /** The other side kept going, and so slowly that it would do so again. */
  readonly isTooSlow?: boolean;
  readonly cause?: unknown;
}

/** Everything this room reports, apart from the reason of an aborted signal, which is thrown as it is. */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode;
  readonly side?: RegistrySide;
  readonly status?: number;
  readonly registryCodes: readonly string[];
  /** How long the registry asks to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;
  /** The other side kept going, and so slowly that it would do so again. */
  readonly isTooSlow: boolean;

  constructor(code: RegistryErrorCode, message: string, details: RegistryErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RegistryError';
    this.code = code;
    this.registryCodes = details.registryCodes ?? [];
    this.isTooSlow = details.isTooSlow ?? false;
    if (details.side !== undefined) this.side = details.side;
    if (details.status !== undefined) this.status = details.status;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * Waits for `work` and names the side in whatever registry error comes out of it; a side that is named already stays.
 */
export async function onSide<T>(side: RegistrySide, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw withSide(side, error);
  }
}

/** The same error with its side named, in the message too. */
export function withSide(side: RegistrySide, error: unknown): unknown {
  if (!(error instanceof RegistryError) || error.side !== undefined) return error;
  const { code, message, status, registryCodes, retryAfterMs, isTooSlow, cause } = error;
  return new RegistryError(code, `${side}: ${message}`, {
    side,
    registryCodes,
    isTooSlow,
    cause,
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** Whether it was the connection, or the registry at that moment, rather than what was asked of it. */
export function isPassing(error: unknown): boolean {
  return error instanceof RegistryError && (error.code === 'registry-unavailable' || error.code === 'rate-limited');
}

/** Whether the other side was heard of all the time, and too rarely: asking again would be as slow. */
export function isTooSlow(error: unknown): boolean {
  return error instanceof RegistryError && error.isTooSlow;
}

/**
 * Whether a registry no longer knows an upload, as after a restart: Distribution then calls its own location invalid. A
 * token that has died since the upload was opened looks like it too.
 */
export function isUploadLost({ status, registryCodes }: RegistryError): boolean {
  const isCalledSo = registryCodes.some((code) => code === 'BLOB_UPLOAD_UNKNOWN' || code === 'BLOB_UPLOAD_INVALID');
  return status === 401 || status === 404 || isCalledSo;
}
