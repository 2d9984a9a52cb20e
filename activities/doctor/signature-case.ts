import { MAX_SIGNATURES } from '../../workflows/domain/signature-path.ts';
import { evaluatePolicy } from '../trust/index.ts';
import type { Verdict } from '../trust/index.ts';
import { pulled } from './examine-policy.ts';
import type { SeenPolicy, SeenStore } from './examine-policy.ts';
import type { SeenImage, SeenManifest } from './examine-registry.ts';
import type { Patient } from './patient.ts';
import type { SeenSignatures } from './read-signatures.ts';

/** One manifest, its signatures, and what a reader would say. */
export interface ExaminedManifest extends SeenManifest, SeenSignatures {
  readonly verdict: Verdict;
}

/** Everything that signatures are judged by. */
export interface SignatureCase {
  readonly patient: Patient;
  readonly seenPolicy: SeenPolicy;
  readonly store: SeenStore;
  readonly image: SeenImage;
}

/** What a reader would say of a manifest with these signatures. */
export async function judge(
  { patient, seenPolicy, store }: SignatureCase,
  { digest }: SeenManifest,
  untrustedSignatures: readonly Uint8Array[],
): Promise<Verdict> {
  const image = { reference: pulled(patient.image), manifestDigest: digest };
  return await evaluatePolicy(seenPolicy.policy, image, untrustedSignatures, {
    now: patient.now,
    // Of a registry's list readers bound the bytes, not the number.
    maxSignatures: store.in === 'registry' ? Number.POSITIVE_INFINITY : MAX_SIGNATURES,
  });
}
