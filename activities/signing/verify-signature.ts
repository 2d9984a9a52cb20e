import type { Digest } from '../../workflows/domain/digest.ts';
import type { Certificate, CheckedSubkey } from './check-certificate.ts';
import { isSignatureOver, isStrongHash } from './check-signature.ts';
import { SigningError, signatureInvalid } from './error.ts';
import { certificatesOf } from './key-ring.ts';
import type { KeyRing } from './key-ring.ts';
import { parsePayload } from './payload.ts';
import type { PublicKey } from './public-key.ts';
import type { SignaturePacket } from './signature-packet.ts';
import { openSignedMessage } from './signed-message.ts';
import { hasEnded, standingOfPrimary, standingOfSubkey } from './standing.ts';

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
  readonly untrustedCreator?: string;
}

/**
 * Verifies one stored signature against a key ring, as a reader built with GnuPG does: one signature over one literal,
 * key and signature valid at `now`, a strict payload. What such a reader accepts and this refuses is listed in
 * `test/differential/exceptions.ts`. Whether digest and reference are the wanted ones is the caller's question.
 * @throws SigningError `signature-invalid` with the first rule that was broken.
 */
export async function verifySignature(
  untrustedBlob: Uint8Array,
  keyRing: KeyRing,
  { now }: { readonly now: Date },
): Promise<VerifiedSignature> {
  return await Promise.resolve(verifyMessage(untrustedBlob, keyRing, now));
}

function verifyMessage(untrustedBlob: Uint8Array, keyRing: KeyRing, now: Date): VerifiedSignature {
  const { untrustedContent, signature } = openSignedMessage(untrustedBlob);
  const signer = findSigner(signature, certificatesOf(keyRing));
  checkSignature(untrustedContent, signature, signer);
  checkSigner(signer, signature, now);
  return {
    ...parsePayload(untrustedContent),
    fingerprint: signer.certificate.primary.fingerprint,
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
      ...(payload.creator !== undefined && { untrustedCreator: payload.creator }),
    };
  } catch (error) {
    if (error instanceof SigningError) return undefined;
    throw error;
  }
}

interface Signer {
  readonly certificate: Certificate;
  readonly key: PublicKey;
  /** Absent for the primary key. */
  readonly subkey?: CheckedSubkey;
}

function findSigner(signature: SignaturePacket, certificates: readonly Certificate[]): Signer {
  const { issuerKeyId, issuerFingerprint } = signature;
  const signers = certificates.flatMap((certificate): Signer[] => [
    { certificate, key: certificate.primary },
    ...certificate.subkeys.map((subkey) => ({ certificate, key: subkey.key, subkey })),
  ]);
  const known = signers.filter(({ subkey }) => subkey?.binding !== undefined || subkey?.revoked !== false);
  const named = (from: readonly Signer[]): Signer | undefined =>
    from.find(({ key }) => key.fingerprint === issuerFingerprint) ?? from.find(({ key }) => key.keyId === issuerKeyId);
  const signer = named(known);
  if (signer === undefined) {
    const unbound = named(signers);
    if (unbound !== undefined) {
      checkStrength(unbound);
      throw unusable(unbound, 'nothing of the primary key binds it');
    }
    const who = issuerFingerprint ?? issuerKeyId;
    throw signatureInvalid('unknown-signer', `signed by ${who}, which is not in the key ring`);
  }
  const owners = known.filter(({ key }) => key.fingerprint === signer.key.fingerprint);
  if (signer.subkey !== undefined && owners.length > 1) throw unusable(signer, 'several keys call it theirs');
  return signer;
}

function checkSignature(content: Uint8Array, signature: SignaturePacket, signer: Signer): void {
  if (!isStrongHash(signature)) {
    const id = signature.hashAlgorithm;
    throw signatureInvalid('algorithm', `hash algorithm ${id} refused; expected SHA-224, 256, 384 or 512`);
  }
  checkStrength(signer);
  const { key } = signer;
  if ('refused' in key.material || !isSignatureOver(content, signature, key.material)) {
    throw signatureInvalid(
      'bad-signature',
      `not a signature of ${key.keyId}: content or signature was changed, or it demands what is not understood`,
    );
  }
}

/** A subkey is worth no more than the key that binds it. */
function checkStrength({ certificate, key }: Signer): void {
  for (const { material } of [key, certificate.primary]) {
    const why = 'refused' in material ? material.refused : material.weak ? material.name : undefined;
    if (why !== undefined) throw signatureInvalid('algorithm', `signed by ${key.keyId}, ${why}`);
  }
}

/** GnuPG asks whether the key is good now, not whether it was when it signed. */
function checkSigner({ certificate, key, subkey }: Signer, signature: SignaturePacket, now: Date): void {
  const { primary } = certificate;
  if (signature.created < key.created || primary.created > now || key.created > now) {
    throw signatureInvalid('bad-signature', `dated ${signature.created.toISOString()}, before its key was made`);
  }
  if (hasEnded(signature, now)) {
    throw signatureInvalid('signature-expired', `the signature expired on ${signature.expires?.toISOString() ?? ''}`);
  }
  if (certificate.revoked || subkey?.revoked === true) {
    throw signatureInvalid('signer-revoked', `key ${key.fingerprint} is revoked`);
  }
  const standings = [standingOfPrimary(certificate, now), ...(subkey ? [standingOfSubkey(subkey, now)] : [])];
  const expired = standings.find((standing) => standing.expired)?.expiresAt;
  if (expired !== undefined) {
    throw signatureInvalid(
      'signer-expired',
      `key ${primary.fingerprint} expired on ${expired.toISOString()}, and with it all its signatures`,
    );
  }
  const signer: Signer = { certificate, key };
  if (standings.some(({ valid }) => !valid)) throw unusable(signer, 'no signature of its owner holds for it');
  if (standings.at(-1)?.maySign !== true) throw unusable(signer, 'it was not made for that');
}

function unusable({ certificate, key }: Signer, why: string): Error {
  return signatureInvalid(
    'signer-unusable',
    `key ${certificate.primary.fingerprint} may not sign with ${key.fingerprint}: ${why}`,
  );
}
