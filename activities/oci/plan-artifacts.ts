import type { CarriedArtifact } from './carry.ts';
import { RegistryError, onSide } from './error.ts';
import { examineArtifact, isOfArtifact } from './examine-artifact.ts';
import { planCopy } from './plan.ts';
import type { PlanOptions } from './plan.ts';
import { findReferrers } from './referrers.ts';
import type { ReferrerDescriptor } from './referrers.ts';

/** What would become of one thing that is attached to an image. */
export interface PlannedArtifact extends Omit<CarriedArtifact, 'bytesCopied'> {
  readonly bytesToMove: number;
}

/**
 * Looks what is attached to an image, and what carrying it along would do now. Nothing is written.
 * @throws RegistryError with `side`, for failures of the registries.
 */
export async function planArtifacts(options: PlanOptions): Promise<readonly PlannedArtifact[]> {
  const { source, signal } = options;
  const { digest } = source.reference;
  if (digest === undefined) {
    throw new RegistryError('reference-invalid', 'plan artifacts: expected a reference with a digest', {
      side: 'source',
    });
  }
  const call = signal === undefined ? {} : { signal };
  const found = await onSide('source', findReferrers(source.client, source.reference, digest, call));
  const planned: PlannedArtifact[] = [];
  for (const one of found) planned.push(await planOne(options, one));
  return planned;
}

async function planOne(options: PlanOptions, one: ReferrerDescriptor): Promise<PlannedArtifact> {
  const { source, signal } = options;
  const { artifactType = null, how, tag, subject, digest } = one;
  const named = { digest, artifactType, how, ...(tag !== undefined && { tag }), subject };
  const look = await examineArtifact(options, one, signal === undefined ? {} : { signal });
  if (!('manifest' in look)) return { ...named, ...look, bytesToMove: 0 };
  const { domain, path } = source.reference;
  try {
    const plan = await planCopy({ ...options, source: { ...source, reference: { domain, path, digest } } });
    const isThere = plan.bytesToMove === 0 && plan.manifests.every(({ present }) => present);
    const { artifactType: own } = look;
    return { ...named, artifactType: own, outcome: isThere ? 'present' : 'copied', bytesToMove: plan.bytesToMove };
  } catch (error) {
    if (!isOfArtifact(error)) throw error;
    return { ...named, outcome: 'refused', reason: error.message, bytesToMove: 0 };
  }
}
