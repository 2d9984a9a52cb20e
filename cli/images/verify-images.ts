import { withExpectedIdentity } from './judge-by.ts';
import type { JudgeSession } from './judge-session.ts';
import { coverImage, judgeImage } from '../../activities/trust/index.ts';
import type { ImageCoverage, ImageToJudge, Verdict } from '../../activities/trust/index.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import { CliError } from '../failure.ts';
import { EXIT } from '../exit-codes.ts';

/** How images are looked at beside what they are judged by. */
export interface VerifyWish {
  /** What signatures must claim, in place of the image's own reference. */
  readonly expectedIdentity?: ImageReference;
  /** Only this platform counts, `os/architecture[/variant]`. */
  readonly platform?: string;
  /** Everything about every manifest: by tag and by digest, the index too. */
  readonly allPlatforms: boolean;
}

/** The verdict on one image; the JSON of `verify`. */
export interface VerifiedImage {
  readonly image: string;
  readonly accepted: boolean;
  readonly digest: string;
  /** In one sentence: of the first platform that is refused. */
  readonly reason: string;
  readonly platforms: readonly VerifiedPlatform[];
  readonly coverage?: ImageCoverage;
}

/** The verdict on one platform. */
export interface VerifiedPlatform {
  readonly platform: string | null;
  readonly digest: string;
  readonly accepted: boolean;
  readonly reason: string;
  /** The fingerprints of the keys whose signatures were accepted. */
  readonly signedBy: readonly string[];
}

/**
 * Judges one image as a cluster that pulls it would, every platform.
 * @throws what keeps it from being judged: RegistryError, TrustError, InvalidReferenceError.
 */
export async function verifyImage(session: JudgeSession, image: string, wish: VerifyWish): Promise<VerifiedImage> {
  const plain = session.inputFor(image);
  const { expectedIdentity, platform } = wish;
  const policy = expectedIdentity === undefined ? plain.policy : withExpectedIdentity(plain.policy, expectedIdentity);
  const { digest, platforms, coverage } = await judgePlatforms({ ...plain, policy }, wish);
  const counting = platform === undefined ? platforms : platforms.filter((one) => one.platform === platform);
  if (counting.length === 0) {
    const known = platforms.map((one) => one.platform ?? 'one without a name').join(', ');
    throw new CliError(
      EXIT.notFound,
      `${formatReference(plain.reference)} has no platform ${platform ?? ''}; it has ${known}`,
    );
  }
  return {
    image,
    accepted: counting.every(({ accepted }) => accepted),
    digest,
    reason: reasonOf(counting),
    platforms: counting,
    ...(coverage !== undefined && { coverage }),
  };
}

function reasonOf(platforms: readonly VerifiedPlatform[]): string {
  const refused = platforms.find(({ accepted }) => !accepted);
  if (refused !== undefined) return `${refused.platform ?? 'image'} ${refused.digest}: ${refused.reason}`;
  return platforms.length === 1 ? (platforms[0]?.reason ?? '') : `accepted on ${platforms.length} platforms`;
}

async function judgePlatforms(
  input: ImageToJudge,
  { allPlatforms }: VerifyWish,
): Promise<Pick<VerifiedImage, 'digest' | 'platforms' | 'coverage'>> {
  if (!allPlatforms) {
    const { digest, platforms } = await judgeImage(input);
    return { digest, platforms: platforms.map((one) => verifiedPlatform(one, one.verdict)) };
  }
  const coverage = await coverImage(input);
  const images = coverage.manifests.filter(({ kind }) => kind === 'image');
  return {
    digest: coverage.digest,
    platforms: images.map((one) => verifiedPlatform(one, one.asAsked.verdict)),
    coverage,
  };
}

function verifiedPlatform(
  { platform, digest }: { readonly platform?: string; readonly digest: string },
  { accepted, reason, signatures }: Verdict,
): VerifiedPlatform {
  return {
    platform: platform ?? null,
    digest,
    accepted,
    reason,
    signedBy: signatures.flatMap((one) => (one.accepted && one.fingerprint !== undefined ? [one.fingerprint] : [])),
  };
}
