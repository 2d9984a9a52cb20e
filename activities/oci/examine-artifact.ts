import { formatReference } from '../../workflows/domain/reference.ts';
import type { Call } from './client.ts';
import type { CopyOptions } from './copy.ts';
import { RegistryError, onSide } from './error.ts';
import type { Manifest } from './manifest.ts';
import { readArtifact } from './referrer-index.ts';
import { fetchIfThere } from './referrers.ts';
import type { ReferrerDescriptor } from './referrers.ts';

/** Why something that is attached to an image is not carried. */
export type Hindrance = 'conflict' | 'missing' | 'refused';

/** What a look at something attached to an image found: it can be carried, or why not. */
export type Examination =
  /** The type is the artifact's own word: lists get it wrong, even those that registries keep. */
  | { readonly manifest: Manifest; readonly artifactType: string | null }
  | { readonly outcome: Hindrance; readonly reason: string };

/**
 * Looks whether something that the source lists is there and refers to what it is listed with, and whether the target
 * has room for its tag. Lists under tags are written by whoever may push: they are claims.
 * @throws RegistryError with `side`, for failures of the registries.
 */
export async function examineArtifact(
  { source, target }: Pick<CopyOptions, 'source' | 'target'>,
  one: ReferrerDescriptor,
  call: Call,
): Promise<Examination> {
  const { domain, path } = source.reference;
  const reference = { domain, path, digest: one.digest };
  try {
    const manifest = await onSide('source', fetchIfThere(source.client, reference, call));
    if (manifest === undefined) return { outcome: 'missing', reason: 'the source lists it and does not have it' };
    const { subject, kind } = readArtifact(manifest, `manifest ${formatReference(reference)}`);
    if (one.how === 'referrer' && subject !== one.subject) {
      return { outcome: 'refused', reason: 'the source lists it with a manifest that it does not refer to' };
    }
    if (!(await onSide('target', isTaken(target, one, call)))) return { manifest, artifactType: kind ?? null };
    return { outcome: 'conflict', reason: `the target has another ${one.tag ?? ''}, which stays` };
  } catch (error) {
    if (!isOfArtifact(error)) throw error;
    return { outcome: 'refused', reason: error.message };
  }
}

/** Tells whether a failure is of this one artifact, and says nothing of the others. */
export function isOfArtifact(error: unknown): error is RegistryError {
  if (!(error instanceof RegistryError)) return false;
  // A target that takes images need not take everything.
  if (error.side === 'target') return error.code === 'registry-refused';
  return ['manifest-unsupported', 'content-mismatch', 'image-unknown'].includes(error.code);
}

async function isTaken(
  { client, repository }: CopyOptions['target'],
  { tag, digest }: ReferrerDescriptor,
  call: Call,
): Promise<boolean> {
  if (tag === undefined) return false;
  const { domain, path } = repository;
  const there = await client.resolve({ domain, path, tag }, call);
  return there !== undefined && there !== digest;
}
