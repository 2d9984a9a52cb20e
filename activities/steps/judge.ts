import { readFile } from 'node:fs/promises';
import { readKeyRing, verifySignature } from '../signing/index.ts';
import type { KeyRing, SigningKey } from '../signing/index.ts';
import { generatePolicy, judgeImage, parsePolicy } from '../trust/index.ts';
import type { ImageVerdict } from '../trust/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { EnvironmentContext, EnvironmentView, StepCall } from './context.ts';
import { tagReferenceIn } from './image.ts';
import { StepError } from './step-error.ts';

/** The public keys whose signatures count in an environment, as its files hold them now. */
export async function readKeys(view: EnvironmentView): Promise<KeyRing> {
  const files = view.publicKeyFiles.map(async (name) => ({ name, bytes: await readFile(name) }));
  return await readKeyRing(await Promise.all(files));
}

/**
 * A key whose public half is not published here makes signatures that no cluster accepts.
 * @throws StepError `key-unusable`, naming the files.
 */
export async function requirePublicKey(context: EnvironmentContext, { fingerprint }: SigningKey): Promise<void> {
  const { keys } = await readKeys(context);
  if (keys.some((key) => key.fingerprint === fingerprint)) return;
  throw new StepError(
    'key-unusable',
    `the public key of the signing key ${fingerprint} of ${context.environment} is not among its public keys (${context.publicKeyFiles.join(', ')}); add it there`,
  );
}

/**
 * Judges the image in `view` as that environment's clusters would pull it: under its tag reference, by the policy they
 * get, with the signatures its server serves. The tag need not point to the digest yet.
 */
export async function judgeIn(
  context: EnvironmentContext,
  view: EnvironmentView,
  { image, call, through }: { readonly image: PromotedImage; readonly call: StepCall; readonly through?: 'tag' },
): Promise<ImageVerdict> {
  const keys = view.publicKeyFiles.map((fileName) => ({ fileName }));
  const { policyJson } = generatePolicy([{ registry: view.registry, keys, servedAt: view.servedAt }]);
  return await judgeImage({
    client: context.registryClient,
    reference: tagReferenceIn(view, image),
    ...(through !== 'tag' && { digest: image.digest }),
    policy: parsePolicy(Buffer.from(policyJson), `policy of ${view.environment}`),
    lookasideBase: view.servedAt,
    now: new Date(context.now()),
    signal: call.signal,
    ...(context.ca !== undefined && { ca: context.ca }),
  });
}

/** The first refusal of a verdict in one sentence. */
export function refusalOf(verdict: ImageVerdict): string {
  const refused = verdict.platforms.find(({ verdict: { accepted } }) => !accepted);
  if (refused === undefined) return 'no platform was judged';
  const where =
    verdict.signaturesIn === undefined ? '' : '; its registry keeps signatures itself, and clusters read only those';
  return `${refused.platform ?? 'image'} ${refused.digest}: ${refused.verdict.reason}${where}`;
}

/** Tells whether `untrustedBlob` is a valid signature of `fingerprint` for this digest under this environment's tag. */
export async function isOurSignature(
  untrustedBlob: Uint8Array,
  claim: {
    readonly keys: KeyRing;
    readonly fingerprint: string | undefined;
    readonly digest: Digest;
    readonly reference: string;
    readonly now: Date;
  },
): Promise<boolean> {
  try {
    const verified = await verifySignature(untrustedBlob, claim.keys, { now: claim.now });
    return (
      verified.digest === claim.digest &&
      verified.dockerReference === claim.reference &&
      (claim.fingerprint === undefined || verified.fingerprint === claim.fingerprint)
    );
  } catch {
    return false;
  }
}

/** The reference that this environment's signatures must claim, as text. */
export function claimedReference(view: EnvironmentView, image: PromotedImage): string {
  return formatReference(tagReferenceIn(view, image));
}
