import { formatReference, formatRepository, parseReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { quote } from '../../workflows/domain/digest.ts';
import { SigningError, classifyBlob, readSignatureClaimUntrusted, verifySignature } from '../signing/index.ts';
import type { KeyRing } from '../signing/index.ts';
import { matchIdentity } from '../trust/index.ts';
import type { SignedIdentity } from '../trust/index.ts';
import type { DoctorStep } from './finding.ts';
import type { Remedies } from './patient.ts';

/** Why a signature is not accepted. */
export interface SignatureProblem {
  readonly step: DoctorStep;
  readonly what: string;
  readonly why?: string;
  readonly mend: string;
  /** How far it came; of several the one that came farthest tells most. */
  readonly rank: number;
}

/** By what a signature is examined. */
export interface BlobCase {
  readonly keyRing: KeyRing;
  /** As it is pulled. */
  readonly image: ImageReference;
  readonly digest: Digest;
  readonly identity: SignedIdentity;
  readonly now: Date;
  readonly remedies: Remedies;
  readonly environment: string;
}

/** Why one signature is not accepted; undefined for one that is. */
export async function examineBlob(untrustedBlob: Uint8Array, one: BlobCase): Promise<SignatureProblem | undefined> {
  try {
    if (classifyBlob(untrustedBlob).kind === 'sigstore') {
      return {
        step: 'signature',
        what: 'it is a sigstore signature, which a signedBy requirement passes over',
        mend: one.remedies.promote,
        rank: 0,
      };
    }
    const verified = await verifySignature(untrustedBlob, one.keyRing, { now: one.now });
    return judgeClaim(verified, one);
  } catch (error) {
    if (!(error instanceof SigningError)) throw error;
    return refusalOf(error, untrustedBlob, one);
  }
}

function judgeClaim(
  { digest, dockerReference, fingerprint }: Awaited<ReturnType<typeof verifySignature>>,
  one: BlobCase,
): SignatureProblem | undefined {
  const { image, identity, remedies } = one;
  if (digest !== one.digest) {
    const why = `it is by ${fingerprint}, for ${digest}; it lies where the signatures of ${one.digest} belong`;
    return { step: 'identity', what: 'it is for another manifest', why, mend: remedies.promote, rank: 8 };
  }
  if (matchIdentity(identity, image, dockerReference)) return undefined;
  const asked = formatReference(image);
  const why = `${identity.type} demands one for ${asked}; it claims ${quote(dockerReference)}`;
  return { step: 'identity', what: describeClaim(dockerReference, image), why, mend: remedies.promote, rank: 9 };
}

function describeClaim(claimed: string, image: ImageReference): string {
  try {
    const reference = parseReference(claimed);
    const sameRepository = formatRepository(reference) === formatRepository(image);
    const other = sameRepository
      ? `another tag, ${reference.tag ?? 'none'}`
      : `another repository, ${formatRepository(reference)}`;
    return `it is for ${other}`;
  } catch {
    return `it claims ${quote(claimed)}, which is no reference`;
  }
}

interface Rule {
  readonly rank: number;
  readonly step: DoctorStep;
  readonly what: string;
  readonly way: 'promote' | 'again' | 'rotate' | 'trust';
}

/** How each broken rule is told; the later in a verification it is, the farther the signature came. */
const RULES: Readonly<Record<string, Rule>> = {
  'unknown-signer': { rank: 2, step: 'key', what: 'it is by SIGNER, whose key is not trusted here', way: 'trust' },
  'bad-signature': {
    rank: 4,
    step: 'signature',
    what: 'it was tampered with, or damaged: its content is not what was signed',
    way: 'promote',
  },
  algorithm: {
    rank: 4,
    step: 'key',
    what: 'its key or hash is too weak, or of a kind that readers do not know',
    way: 'rotate',
  },
  payload: { rank: 5, step: 'signature', what: 'what it signs is no statement about an image', way: 'promote' },
  'signer-unusable': { rank: 6, step: 'key', what: 'the key that made it may not sign', way: 'rotate' },
  'signer-revoked': { rank: 6, step: 'key', what: 'the key that made it is revoked', way: 'rotate' },
  'signer-expired': {
    rank: 6,
    step: 'key',
    what: 'the key that made it has expired, and with it all its signatures',
    way: 'rotate',
  },
  'signature-expired': { rank: 6, step: 'signature', what: 'it has expired itself', way: 'again' },
};
const MALFORMED: Rule = {
  rank: 1,
  step: 'signature',
  what: 'it is not one OpenPGP message with one signature',
  way: 'promote',
};

function refusalOf({ reason, message }: SigningError, untrustedBlob: Uint8Array, one: BlobCase): SignatureProblem {
  const { rank, step, what, way } = RULES[reason] ?? MALFORMED;
  const named = what.replace('SIGNER', () => signerOf(untrustedBlob));
  return { rank, step, what: named, why: message, mend: mendBy(way, one) };
}

function mendBy(way: Rule['way'], { remedies: { promote }, environment }: BlobCase): string {
  switch (way) {
    case 'promote':
      return promote;
    case 'again':
      return `${promote} --again`;
    case 'trust':
      return `${promote} (or, if that key is right, add it to publicKeys of ${environment} and to the nodes)`;
    case 'rotate':
      return `countersign keys generate, publish the new public key (publicKeys of ${environment}, and the nodes), exchange signing-key.asc, then: ${promote} --again`;
  }
}

function signerOf(untrustedBlob: Uint8Array): string {
  const untrusted = readSignatureClaimUntrusted(untrustedBlob);
  return untrusted?.untrustedIssuerFingerprint ?? untrusted?.untrustedIssuerKeyId ?? 'an unknown key';
}
