import type { ImageReference } from '../../workflows/domain/reference.ts';
import { MAX_SIGNATURES } from '../../workflows/domain/signature-path.ts';
import { SigningError, classifyBlob } from '../signing/index.ts';
import { Evaluation } from './evaluation.ts';
import type { EvaluationOptions, JudgedImage } from './evaluation.ts';
import type { Policy, RequirementList } from './policy.ts';
import { scopesOf, withDefaultTag } from './scopes.ts';
import type { RequirementVerdict, Verdict } from './verdict.ts';

/**
 * Decides as a reader with `policy` would about one manifest with these signatures. Never throws for what it is given:
 * unreadable keys, unknown formats and forged signatures are refusals that say why.
 */
export async function evaluatePolicy(
  policy: Policy,
  image: JudgedImage,
  untrustedSignatures: readonly Uint8Array[],
  options: EvaluationOptions,
): Promise<Verdict> {
  const reference = withDefaultTag(image.reference);
  const { scope, list } = selectRequirements(policy, reference);
  const unreadable = refuseReference(reference) ?? refuseWholeSet(untrustedSignatures, options);
  if (unreadable !== undefined) return { accepted: false, scope, requirements: [], ...unreadable };

  const evaluation = new Evaluation({ ...image, reference }, untrustedSignatures, options);
  const requirements: RequirementVerdict[] = [];
  for (const requirement of list) {
    const verdict = await evaluation.decide(requirement);
    requirements.push(verdict);
    if (!verdict.accepted) break;
  }
  const last = requirements.at(-1);
  return {
    accepted: requirements.every((requirement) => requirement.accepted),
    scope,
    requirements,
    signatures: evaluation.signatures(),
    reason: last?.reason ?? 'no requirement',
  };
}

/**
 * The signatures whose author a policy accepts, by number: each requirement that looks at signatures must accept it, and
 * one must look at them. This says nothing about whether the image may be pulled; that is `evaluatePolicy`.
 */
export async function acceptedSignatures(
  policy: Policy,
  image: JudgedImage,
  untrustedSignatures: readonly Uint8Array[],
  options: EvaluationOptions,
): Promise<readonly number[]> {
  const reference = withDefaultTag(image.reference);
  if (refuseReference(reference) ?? refuseWholeSet(untrustedSignatures, options)) return [];
  const { list } = selectRequirements(policy, reference);
  const abstains = (type: string): boolean => type === 'insecureAcceptAnything' || type === 'signedBaseLayer';
  const deciding = list.filter(({ type }) => !abstains(type));
  const evaluation = new Evaluation({ ...image, reference }, untrustedSignatures, options);
  let accepted = deciding.length === 0 ? [] : untrustedSignatures.map((_, index) => index + 1);
  for (const requirement of deciding) {
    const these = requirement.type === 'signedBy' ? await evaluation.acceptedBy(requirement) : [];
    accepted = accepted.filter((number) => these.includes(number));
  }
  return accepted;
}

/** The registry transport refuses it before anything is asked; podman and CRI-O drop the tag first (`pullReference`). */
function refuseReference({ tag, digest }: ImageReference): Pick<Verdict, 'signatures' | 'reason'> | undefined {
  if (tag === undefined || digest === undefined) return undefined;
  return { signatures: [], reason: 'the reference has both a tag and a digest; readers ask for NAME@DIGEST' };
}

/** The one list that counts: of the first scope that exists, else the transport's default, else the policy's. */
export function selectRequirements(
  policy: Policy,
  reference: ImageReference,
): { readonly scope: string; readonly list: RequirementList } {
  const scopes = policy.transports.get('docker');
  for (const scope of scopes === undefined ? [] : [...scopesOf(reference), '']) {
    const list = scopes?.get(scope);
    if (list !== undefined) return { scope: scope === '' ? 'docker' : scope, list };
  }
  return { scope: 'default', list: policy.default };
}

/** Readers fail while they fetch the signatures when one of them has no known form, or when there are too many. */
function refuseWholeSet(
  blobs: readonly Uint8Array[],
  { maxSignatures = MAX_SIGNATURES }: EvaluationOptions,
): Pick<Verdict, 'signatures' | 'reason'> | undefined {
  if (blobs.length > maxSignatures) {
    return { signatures: [], reason: `${blobs.length} signatures; readers refuse more than ${maxSignatures}` };
  }
  for (const [index, blob] of blobs.entries()) {
    try {
      classifyBlob(blob);
    } catch (error) {
      if (!(error instanceof SigningError)) throw error;
      const number = index + 1;
      return {
        signatures: [{ number, accepted: false, reason: error.message }],
        reason: `signature ${number}: ${error.message}`,
      };
    }
  }
  return undefined;
}
