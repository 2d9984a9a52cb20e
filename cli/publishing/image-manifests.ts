import { readImageTree } from '../../activities/oci/index.ts';
import type { RegistryClient } from '../../activities/oci/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference, parseReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError, usageError } from '../failure.ts';

/** An image whose signatures are published or awaited. */
export interface SignedImage {
  /** With the tag that signatures claim, without digest. */
  readonly reference: ImageReference;
  readonly digest: Digest;
  /** Every manifest, the image's own last. */
  readonly manifests: readonly ImageManifest[];
}

/** One manifest of an image. */
export interface ImageManifest {
  readonly digest: Digest;
  readonly kind: 'image' | 'index';
  readonly platform?: string;
}

/**
 * Finds out which manifests an image has.
 * @throws CliError where it has no tag, or is not there; RegistryError.
 */
export async function readManifests(client: RegistryClient, image: string, signal: AbortSignal): Promise<SignedImage> {
  const { digest: wanted, ...reference } = parseTagged(image);
  const digest = wanted ?? (await client.resolve(reference, { signal }));
  if (digest === undefined) throw new CliError(EXIT.notFound, `there is no ${formatReference(reference)}`);
  const { domain, path } = reference;
  const { manifests } = await readImageTree(client, { domain, path, digest }, { signal });
  return { reference, digest, manifests };
}

/**
 * Reads an image reference that names what signatures claim.
 * @throws CliError `usage` where it has no tag.
 */
export function parseTagged(image: string): ImageReference {
  const reference = parseReference(image);
  if (reference.tag === undefined) throw usageError('IMAGE: expected a tag; the signatures claim it');
  return reference;
}
