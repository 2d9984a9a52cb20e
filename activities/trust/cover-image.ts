import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import type { ImageToJudge } from './image-to-judge.ts';
import { judgeManifest } from './judge-image.ts';
import { readImage } from './read-image.ts';
import type { ReadImage, ReadManifest } from './read-image.ts';
import type { SignatureVerdict, Verdict } from './verdict.ts';

/** One way to ask for an image, and what a reader would answer. */
export interface Pull {
  /** As it is asked for: by tag, or `NAME@DIGEST`. */
  readonly reference: string;
  readonly verdict: Verdict;
}

/** What protects one manifest of an image. */
export interface ManifestCoverage {
  readonly digest: Digest;
  /** For example `linux/arm64/v8`; absent of an index, and of an image that no index names. */
  readonly platform?: string;
  readonly kind: 'image' | 'index';
  /** Whether readers ask for its signature: of an index they never do, and one there helps no platform. */
  readonly signatureCounts: boolean;
  /** By the reference that was asked for. */
  readonly asAsked: Pull;
  /** By the digest of the whole image, as deployments are pinned. */
  readonly byImageDigest: Pull;
  /** By this manifest's own digest; absent where that is the image's. */
  readonly byOwnDigest?: Pull;
  /** Each signature that is there, as judged under the reference that was asked for. */
  readonly signatures: readonly SignatureVerdict[];
}

/** What readers would pull of an image, and what is missing. */
export interface ImageCoverage {
  /** As readers complete it. */
  readonly reference: string;
  readonly digest: Digest;
  /** True when every platform can be pulled by the reference that was asked for. */
  readonly accepted: boolean;
  readonly signaturesIn: 'registry' | 'store';
  /** The images in the order of the index, then the index itself. */
  readonly manifests: readonly ManifestCoverage[];
  /** The manifests that need a signature (of every requirement's key, under this reference) before all can be pulled. */
  readonly mustSign: readonly Digest[];
}

/**
 * Tells for every manifest of an image who signed it under which name, and whether readers would pull it by tag and by
 * digest, and why.
 * @throws TrustError when manifests or signatures cannot be read; whatever the client throws, unchanged.
 */
export async function coverImage(input: ImageToJudge): Promise<ImageCoverage> {
  const image = await readImage(input);
  const manifests: ManifestCoverage[] = [];
  for (const manifest of image.manifests) manifests.push(await coverManifest(manifest, { input, image }));
  const missing = manifests.filter(({ kind, asAsked }) => kind === 'image' && !asAsked.verdict.accepted);
  return {
    reference: formatReference(image.reference),
    digest: image.root,
    accepted: missing.length === 0,
    signaturesIn: image.signaturesIn ?? 'store',
    manifests,
    mustSign: [
      ...new Set(missing.filter(({ asAsked }) => wantsSignature(asAsked.verdict)).map(({ digest }) => digest)),
    ],
  };
}

async function coverManifest(
  manifest: ReadManifest,
  { input, image }: { readonly input: ImageToJudge; readonly image: ReadImage },
): Promise<ManifestCoverage> {
  const { domain, path } = image.reference;
  const pull = async (reference: ImageReference): Promise<Pull> => ({
    reference: formatReference(reference),
    verdict: await judgeManifest(manifest, { input, image, reference }),
  });
  const { digest, kind, platform } = manifest;
  const asAsked = await pull(image.reference);
  return {
    digest,
    kind,
    ...(platform !== undefined && { platform }),
    signatureCounts: kind === 'image',
    asAsked,
    byImageDigest: await pull({ domain, path, digest: image.root }),
    ...(digest !== image.root && { byOwnDigest: await pull({ domain, path, digest }) }),
    signatures: asAsked.verdict.signatures,
  };
}

/** Where a requirement other than `signedBy` refuses, no signature of ours changes the answer. */
function wantsSignature({ requirements }: Verdict): boolean {
  const last = requirements.at(-1);
  return last?.type === 'signedBy' && !last.accepted;
}
