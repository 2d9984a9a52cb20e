import type { Key, Subkey } from 'openpgp';
import type { Digest } from '../../workflows/domain/digest.ts';
import { expiryOf, fingerprintOf, isRevoked } from './certificate.ts';
import { hashOf, isSignatureOver } from './check-signature.ts';
import { SigningError, signatureInvalid } from './error.ts';
import { keyMaterial } from './key-material.ts';
import { certificatesOf } from './key-ring.ts';
import type { KeyRing } from './key-ring.ts';
import { ANY_TIME, KEY_CONFIG } from './openpgp-config.ts';
import { parsePayload } from './payload.ts';
import type { SignaturePacket } from './signature-packet.ts';
import { openSignedMessage } from './signed-message.ts';

/** What a signature says, after everything about it was verified. */
export interface VerifiedSignature {
  readonly digest: Digest;
  readonly dockerReference: string;
  /** Of the signer's primary key, also where a subkey signed. */
  readonly fingerprint: string;
  /** When the signature says it was made. */
  readonly created: Date;
  readonly creator?: string;
  readonly timestamp?: number;
}

/** What a signature claims, with nothing verified: for listings and to look for candidates, never for a decision. */
export interface UntrustedClaim {
  readonly untrustedDigest: Digest;
  readonly untrustedReference: string;
  /** Upper-case hex, 16 digits. */
  readonly untrustedIssuerKeyId: string;
  readonly untrustedIssuerFingerprint?: string;
  readonly untrustedCreated: Date;
}

/**
 * Verifies one stored signature against a key ring, as a reader built with GnuPG does, and stricter where readers
 * differ: one signature over one literal, key and signature valid at `now`, no weak algorithm, a strict payload.
 * Whether digest and reference are the wanted ones is the caller's question.
 * @throws SigningError `signature-invalid` with the first rule that was broken.
 */
export async function verifySignature(
  untrustedBlob: Uint8Array,
  keyRing: KeyRing,
  { now }: { readonly now: Date },
): Promise<VerifiedSignature> {
  const { untrustedContent, signature } = openSignedMessage(untrustedBlob);
  const signer = findSigner(untrustedContent, signature, certificatesOf(keyRing));
  checkTimes(signature, signer.key, now);
  await checkSigner(signer, now);
  return {
    ...parsePayload(untrustedContent),
    fingerprint: fingerprintOf(signer.certificate),
    created: signature.created,
  };
}

/** Reads what a stored signature claims; undefined for anything that is not a container signature. */
export function readSignatureClaimUntrusted(untrustedBlob: Uint8Array): UntrustedClaim | undefined {
  try {
    const { untrustedContent, signature } = openSignedMessage(untrustedBlob);
    const payload = parsePayload(untrustedContent);
    return {
      untrustedDigest: payload.digest,
      untrustedReference: payload.dockerReference,
      untrustedIssuerKeyId: signature.issuerKeyId,
      ...(signature.issuerFingerprint !== undefined && { untrustedIssuerFingerprint: signature.issuerFingerprint }),
      untrustedCreated: signature.created,
    };
  } catch (error) {
    if (error instanceof SigningError) return undefined;
    throw error;
  }
}

interface Signer {
  readonly certificate: Key;
  readonly key: Key | Subkey;
}

function findSigner(content: Uint8Array, signature: SignaturePacket, certificates: readonly Key[]): Signer {
  const { issuerKeyId, issuerFingerprint } = signature;
  const candidates = certificates
    .flatMap((certificate) => certificate.getKeys().map((key): Signer => ({ certificate, key })))
    .filter(({ key }) => {
      const fingerprint = fingerprintOf(key);
      return issuerFingerprint === undefined ? fingerprint.endsWith(issuerKeyId) : fingerprint === issuerFingerprint;
    });
  if (candidates.length === 0) {
    throw signatureInvalid(
      'unknown-signer',
      `signed by ${issuerFingerprint ?? issuerKeyId}, which is not in the key ring`,
    );
  }
  if (hashOf(signature) === undefined) {
    throw signatureInvalid(
      'algorithm',
      `hash algorithm ${signature.hashAlgorithm} refused; expected SHA-256, 384 or 512`,
    );
  }
  const refusals: string[] = [];
  for (const signer of candidates) {
    const material = keyMaterial(signer.key.keyPacket);
    if ('refused' in material) refusals.push(material.refused);
    else if (isSignatureOver(content, signature, material)) return signer;
  }
  if (refusals.length === candidates.length) {
    throw signatureInvalid('algorithm', `signed by ${issuerKeyId}, ${refusals.join(', ')}`);
  }
  throw signatureInvalid('bad-signature', `not a signature of ${issuerKeyId}: content or signature was changed`);
}

function checkTimes(signature: SignaturePacket, key: Key | Subkey, now: Date): void {
  if (signature.created < key.getCreationTime()) {
    throw signatureInvalid('bad-signature', `dated ${signature.created.toISOString()}, before its key was made`);
  }
  if (signature.expires !== undefined && signature.expires <= now) {
    throw signatureInvalid('signature-expired', `the signature expired on ${signature.expires.toISOString()}`);
  }
}

/** GnuPG asks whether the key is good now, not whether it was when it signed. */
async function checkSigner({ certificate, key }: Signer, now: Date): Promise<void> {
  const fingerprint = fingerprintOf(certificate);
  if (await isRevoked(certificate)) throw signatureInvalid('signer-revoked', `key ${fingerprint} is revoked`);
  const expiries = [await expiryOf(certificate), key === certificate ? 'never' : await subkeyExpiry(key)];
  for (const expiry of expiries) {
    if (expiry instanceof Date && expiry <= now) {
      const since = expiry.toISOString();
      throw signatureInvalid(
        'signer-expired',
        `key ${fingerprint} expired on ${since}, and with it all its signatures`,
      );
    }
  }
  try {
    const usable = await certificate.getSigningKey(key.getKeyID(), now, undefined, KEY_CONFIG);
    if (fingerprintOf(usable) === fingerprintOf(key)) return;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown reason';
    throw signatureInvalid('signer-unusable', `key ${fingerprint} may not sign: ${why}`, cause);
  }
  throw signatureInvalid('signer-unusable', `key ${fingerprint} may not sign with ${fingerprintOf(key)}`);
}

async function subkeyExpiry(key: Key | Subkey): Promise<Date | undefined> {
  if (!('mainKey' in key)) return undefined;
  const expiry = await key.getExpirationTime(ANY_TIME, KEY_CONFIG);
  return expiry instanceof Date ? expiry : undefined;
}
