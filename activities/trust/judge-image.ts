import type { ImageReference } from '../../workflows/domain/reference.ts';
import { evaluatePolicy } from './evaluate-policy.ts';
import type { ImageToJudge } from './image-to-judge.ts';
import { readImage } from './read-image.ts';
import type { ReadImage, ReadManifest } from './read-image.ts';
import type { ImageVerdict, PlatformVerdict, Verdict } from './verdict.ts';

/**
 * Judges an image as every cluster that pulls it would: each platform's manifest by its own signatures, under the
 * reference that was asked for. The index's own signature is reported, but readers never ask for it.
 * @throws TrustError when manifests or signatures cannot be read; whatever the client throws, unchanged.
 */
export async function judgeImage(input: ImageToJudge): Promise<ImageVerdict> {
  const image = await readImage(input);
  const platforms: PlatformVerdict[] = [];
  let index: Verdict | undefined;
  for (const manifest of image.manifests) {
    const verdict = await judgeManifest(manifest, { input, image });
    const { digest, platform } = manifest;
    if (manifest.kind === 'index') index = verdict;
    else platforms.push({ digest, verdict, ...(platform !== undefined && { platform }) });
  }
  return {
    accepted: platforms.every(({ verdict }) => verdict.accepted),
    digest: image.root,
    platforms,
    ...(image.signaturesIn && { signaturesIn: image.signaturesIn }),
    ...(index && { index }),
  };
}

/** The verdict about one manifest of an image, under the reference that was asked for unless another is given. */
export async function judgeManifest(
  { digest, untrustedSignatures }: ReadManifest,
  { input, image, reference = image.reference }: ManifestJudgement,
): Promise<Verdict> {
  return await evaluatePolicy(input.policy, { reference, manifestDigest: digest }, untrustedSignatures, {
    now: input.now,
    ...(input.readFile !== undefined && { readFile: input.readFile }),
    // Of a registry's list readers bound the bytes, not the number.
    ...(image.signaturesIn && { maxSignatures: Number.POSITIVE_INFINITY }),
  });
}

/** What `judgeManifest` needs beside the manifest. */
export interface ManifestJudgement {
  readonly input: Pick<ImageToJudge, 'policy' | 'now' | 'readFile'>;
  readonly image: ReadImage;
  readonly reference?: ImageReference;
}
