import {
  InvalidReferenceError,
  formatReference,
  formatRepository,
  parseReference,
} from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import type { SignedIdentity } from './policy.ts';

/**
 * Tells whether the reference in a signature is good for `image`, the reference as the user asked for it. Text that is
 * no reference never matches.
 */
export function matchIdentity(kind: SignedIdentity, image: ImageReference, signed: string): boolean {
  const claimed = parse(signed);
  if (claimed === undefined) return false;
  switch (kind.type) {
    case 'matchExact':
      return isEqual(image, claimed);
    case 'matchRepoDigestOrExact':
      return matchRepoDigestOrExact(image, claimed);
    case 'matchRepository':
      return formatRepository(image) === formatRepository(claimed);
    case 'exactReference':
      return isEqual(kind.dockerReference, claimed);
    case 'exactRepository':
      return formatRepository(kind.dockerRepository) === formatRepository(claimed);
    case 'remapIdentity': {
      const remapped = remap(kind, image);
      return remapped !== undefined && matchRepoDigestOrExact(remapped, claimed);
    }
  }
}

/** The reference or repository that a signature must name to be good for `image`, for messages. */
export function wantedIdentity(kind: SignedIdentity, image: ImageReference): string {
  if (kind.type === 'exactReference') return formatReference(kind.dockerReference);
  if (kind.type === 'exactRepository') return formatRepository(kind.dockerRepository);
  const remapped = kind.type === 'remapIdentity' ? remap(kind, image) : undefined;
  return formatReference(remapped ?? image);
}

function isNameOnly(reference: ImageReference): boolean {
  return reference.tag === undefined && reference.digest === undefined;
}

function isEqual(one: ImageReference, other: ImageReference): boolean {
  return !isNameOnly(one) && !isNameOnly(other) && formatReference(one) === formatReference(other);
}

function matchRepoDigestOrExact(image: ImageReference, claimed: ImageReference): boolean {
  if (isNameOnly(claimed) || isNameOnly(image)) return false;
  if (image.tag !== undefined) return formatReference(image) === formatReference(claimed);
  // By digest, any tag of the repository will do: the digest itself was compared before.
  return formatRepository(image) === formatRepository(claimed);
}

function remap(
  { prefix, signedPrefix }: SignedIdentity & { type: 'remapIdentity' },
  image: ImageReference,
): ImageReference | undefined {
  const name = formatRepository(image);
  if (name !== prefix && !name.startsWith(`${prefix}/`)) return image;
  const remapped = signedPrefix + formatReference(image).slice(prefix.length);
  const reference = parse(remapped);
  // The result must be fully expanded as it stands; `busybox` must not turn into `docker.io/library/busybox`.
  return reference !== undefined && formatReference(reference) === remapped ? reference : undefined;
}

function parse(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined;
    throw error;
  }
}
