import type { FailureType } from '../../workflows/domain/failure.ts';

/** Why a key cannot sign, or a file cannot serve as keys. */
export type KeyRefusal =
  | 'unreadable'
  | 'several-keys'
  | 'not-private'
  | 'secret-missing'
  | 'passphrase-missing'
  | 'passphrase-wrong'
  | 'algorithm'
  | 'no-self-signature'
  | 'no-signing-right'
  | 'not-yet-valid'
  | 'expired'
  | 'expires-too-early'
  | 'revoked'
  | 'signing-failed';

/** Why a signature is not accepted, or was not made. */
export type SignatureRefusal =
  | 'format'
  | 'too-large'
  | 'structure'
  | 'algorithm'
  | 'unknown-signer'
  | 'bad-signature'
  | 'signature-expired'
  | 'signer-unusable'
  | 'signer-expired'
  | 'signer-revoked'
  | 'payload'
  | 'claim';

/** Everything this room reports. `code` is the kind of failure, `reason` the rule that was broken. */
export class SigningError extends Error {
  readonly code: FailureType & ('key-unusable' | 'signature-invalid');
  readonly reason: KeyRefusal | SignatureRefusal;

  constructor(
    kind: { readonly code: SigningError['code']; readonly reason: SigningError['reason'] },
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'SigningError';
    this.code = kind.code;
    this.reason = kind.reason;
  }
}

/** A key that cannot be used. */
export function keyUnusable(reason: KeyRefusal, message: string, cause?: unknown): SigningError {
  return new SigningError({ code: 'key-unusable', reason }, message, cause === undefined ? undefined : { cause });
}

/** A signature that is not accepted. */
export function signatureInvalid(reason: SignatureRefusal, message: string, cause?: unknown): SigningError {
  return new SigningError({ code: 'signature-invalid', reason }, message, cause === undefined ? undefined : { cause });
}
