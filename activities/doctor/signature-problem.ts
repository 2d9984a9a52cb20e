import type { KeyRing } from '../signing/index.ts';
import type { SignedByRequirement } from '../trust/index.ts';
import { examineBlob } from './examine-blob.ts';
import type { SignatureProblem } from './examine-blob.ts';
import { pulled } from './examine-policy.ts';
import { remediesFor } from './patient.ts';
import { readSignatures } from './read-signatures.ts';
import { judge } from './signature-case.ts';
import type { ExaminedManifest, SignatureCase } from './signature-case.ts';

/** A requirement and its keys, as far as they can be read. */
export interface RequiredKeys {
  readonly requirement: SignedByRequirement;
  readonly keyRing: KeyRing;
}

/** Why a manifest is refused: the problem of the signature that came farthest; undefined where the policy refuses all. */
export async function problemOf(
  manifest: ExaminedManifest,
  one: SignatureCase,
  keys: readonly RequiredKeys[],
): Promise<SignatureProblem | undefined> {
  const { blobs, broken, beyondGap } = manifest;
  if (broken !== undefined) return storeProblem(one, broken);
  if (keys.length === 0) return undefined;
  if (beyondGap !== undefined) return gapProblem(blobs.length + 1, beyondGap);
  if (blobs.length === 0) return await unsignedProblem(one);
  const problems: SignatureProblem[] = [];
  for (const required of keys) problems.push(...(await blobProblems(manifest, one, required)));
  return problems.toSorted((a, b) => b.rank - a.rank)[0];
}

/** What is wrong with each signature, for a requirement that none of them satisfies. */
async function blobProblems(
  { blobs, digest }: ExaminedManifest,
  { patient }: SignatureCase,
  { requirement, keyRing }: RequiredKeys,
): Promise<readonly SignatureProblem[]> {
  const blobCase = {
    keyRing,
    digest,
    image: pulled(patient.image),
    identity: requirement.signedIdentity,
    now: patient.now,
    remedies: remediesFor(patient),
    environment: patient.environment.name,
  };
  const found = await Promise.all(blobs.map((blob) => examineBlob(blob, blobCase)));
  if (found.includes(undefined)) return [];
  return found.flatMap((problem, index) => {
    if (problem === undefined) return [];
    const which =
      blobs.length === 1 ? 'its signature' : `the best of its ${blobs.length} signatures, signature-${index + 1}`;
    return [{ ...problem, what: `${which}: ${problem.what}` }];
  });
}

function storeProblem({ store }: SignatureCase, { what, why }: { what: string; why?: string }): SignatureProblem {
  const place = store.in === 'registry' ? 'the signature list of the registry' : `the signature store ${store.base}`;
  const reason = why === undefined ? what : `${what}: ${why}`;
  return {
    step: 'store',
    what: `${place} cannot be read: ${what.replace(/^GET \S+: /, '').replace(/\S*@sha256=\S* /, '')}`,
    why: `${reason}; a reader then refuses the image, whatever is signed`,
    mend:
      store.in === 'registry'
        ? 'mend the registry'
        : `curl -i ${store.base}/ (mend that server: 200 with the signature, or 404)`,
    rank: 0,
  };
}

function gapProblem(missing: number, beyondGap: number): SignatureProblem {
  return {
    step: 'store',
    what: `signature-${missing} is missing and signature-${beyondGap} is there`,
    why: 'readers stop at the first number that is missing',
    mend: `git mv …/signature-${beyondGap} …/signature-${missing} in the signature repository, and push`,
    rank: 0,
  };
}

async function unsignedProblem(one: SignatureCase): Promise<SignatureProblem> {
  const { patient, store, image } = one;
  const mend = remediesFor(patient).promote;
  if (image.index !== undefined) {
    const { blobs } = await readSignatures(patient, store, image.index);
    if (blobs.length > 0 && (await judge(one, { digest: image.index }, blobs)).accepted) {
      const why = 'readers never ask for the signature of an index: they verify the platform they run';
      return { step: 'platform', what: 'it has no signature; only the index is signed', why, mend, rank: 0 };
    }
  }
  return { step: 'platform', what: 'it has no signature', why: whereLooked(one), mend, rank: 0 };
}

function whereLooked({ store }: SignatureCase): string {
  return store.in === 'registry' ? 'the registry lists none' : `${store.base} answers "not found" for the first one`;
}
