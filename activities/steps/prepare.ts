import { isDigest } from '../../workflows/domain/digest.ts';
import { isFailureType } from '../../workflows/domain/failure.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import type { EnvironmentActivities, OpenUploadRef, Standing } from '../../workflows/domain/steps.ts';
import { copyImage, readImageTree } from '../oci/index.ts';
import type { CopyResult } from '../oci/index.ts';
import { checkSigningKey } from '../signing/index.ts';
import type { EnvironmentContext, EnvironmentView, StepCall } from './context.ts';
import { standsBy } from './decisions.ts';
import { digestReferenceIn, repositoryIn, storedRecord, tagReferenceIn } from './image.ts';
import { judgeIn, refusalOf, requirePublicKey } from './judge.ts';
import { StepError } from './step-error.ts';

type Input<Name extends keyof EnvironmentActivities> = Parameters<EnvironmentActivities[Name]>[0];
type Output<Name extends keyof EnvironmentActivities> = ReturnType<EnvironmentActivities[Name]>;

/** More than are ever under way at once. */
const MAX_UPLOADS = 64;

/** `resolve`: the digest of a tag in the first environment, or in one of its sources. */
export async function resolve(context: EnvironmentContext, input: Input<'resolve'>, call: StepCall): Output<'resolve'> {
  const { route, sources } = await context.readFacts();
  if (route[0] !== context.environment) {
    throw new StepError('configuration-invalid', `${context.environment} is not the first environment of the route`);
  }
  if (input.source !== undefined && !sources.includes(input.source)) {
    throw new StepError('configuration-invalid', `${input.source} is not among the sources of ${context.environment}`);
  }
  const registry = input.source ?? context.registry;
  const reference = { ...repositoryIn({ registry }, { ...input, digest: '' as never }), tag: input.tag };
  const digest = await context.registryClient.resolve(reference, call);
  if (digest === undefined) throw unknownImage(reference, context.environment);
  return { digest };
}

/** `assess`: what stands in git; where nothing does, the key is checked before anything is copied. */
export async function assess(context: EnvironmentContext, input: Input<'assess'>, call: StepCall): Promise<Standing> {
  const { record, again } = input;
  const { gate } = await context.readFacts();
  const { reference, digest } = storedRecord(context, record);
  const publications = await context.store.publications(reference, call);
  const own = publications.findLastIndex(
    (one) => one.digest === digest && (!again || one.run === record.run) && standsBy(gate, one, context.now()),
  );
  const publication = publications[own];
  if (publication === undefined) {
    const deadlineMs = gate.kind === 'none' ? 0 : gate.deadlineMs;
    const now = new Date(context.now());
    const mustLiveUntil = new Date(context.now() + deadlineMs + context.minimumValidityMs);
    const key = await context.readSigningKey();
    await checkSigningKey(key, { now, mustLiveUntil });
    await requirePublicKey(context, key);
    return { standing: 'none' };
  }
  const { commit, decisions } = publication;
  const last = publications.at(-1);
  if (last === undefined || last.digest === digest) return { standing: 'last', commit, decisions };
  return { standing: 'overtaken', commit, by: last.digest };
}

/** `verify`: the image as it stands in the origin, judged as the origin's own clusters would. */
export async function verify(context: EnvironmentContext, input: Input<'verify'>, call: StepCall): Output<'verify'> {
  const origin = context.earlier[0];
  if (origin === undefined)
    throw new StepError('configuration-invalid', `${context.environment} has no origin on the route`);
  const { image } = input.record;
  const verdict = await originVerdict(context, origin, { image, call });
  if (!verdict.accepted) {
    const reference = formatReference(tagReferenceIn(origin, image));
    throw new StepError(
      'origin-refused',
      `${reference} is not acceptable in its origin ${origin.environment}: ${refusalOf(verdict)}`,
    );
  }
  return { manifests: verdict.platforms.length };
}

/** `copy`: makes the image whole in this environment; what vanished from the origin comes from farther back. */
export async function copy(context: EnvironmentContext, input: Input<'copy'>, call: StepCall): Output<'copy'> {
  const { image } = input.record;
  const tagBefore = (await context.registryClient.resolve(tagReferenceIn(context, image), call)) ?? null;
  const result = await copyFromFirst(context, input, call);
  const { manifests, bytesCopied, bytesTotal, blobsCopied, blobsSkipped, blobsMounted } = result;
  return { manifests, bytesCopied, bytesTotal, blobsCopied, blobsSkipped, blobsMounted, tagBefore };
}

async function copyFromFirst(context: EnvironmentContext, input: Input<'copy'>, call: StepCall): Promise<CopyResult> {
  const { image } = input.record;
  const views: readonly Pick<EnvironmentView, 'registry'>[] = originsOf(context, image);
  let gone: unknown;
  for (const view of views) {
    try {
      return await copyFrom(context, digestReferenceIn(view, image), { input, call });
    } catch (error) {
      if (!isMissingAtSource(error)) throw error;
      gone ??= error;
    }
  }
  const message = gone instanceof Error ? gone.message : 'no origin holds it';
  const first = context.earlier.length === 0 && image.source === undefined;
  throw new StepError(
    first ? 'image-unknown' : 'origin-gone',
    `${image.name}@${image.digest} is not whole in any environment up to ${context.environment}: ${message}; push it again`,
    { cause: gone },
  );
}

async function copyFrom(
  context: EnvironmentContext,
  reference: ImageReference,
  { input, call }: { input: Input<'copy'>; call: StepCall },
): Promise<CopyResult> {
  const client = context.registryClient;
  return await copyImage({
    source: { client, reference },
    target: { client, repository: repositoryIn(context, input.record.image) },
    thorough: input.thorough,
    concurrency: context.copyConcurrency,
    signal: call.signal,
    onProgress: call.progress,
    untrustedUploads: uploadsOf(call.untrustedEarlier),
  });
}

/** The uploads that an earlier attempt reported. The registry tells how far they are, and whether they exist. */
function uploadsOf(untrustedEarlier: unknown): readonly OpenUploadRef[] {
  const { uploads } = (untrustedEarlier ?? {}) as { readonly uploads?: unknown };
  if (!Array.isArray(uploads)) return [];
  return uploads.slice(0, MAX_UPLOADS).flatMap((one: unknown) => {
    const { digest, location } = (one ?? {}) as { readonly digest?: unknown; readonly location?: unknown };
    return isDigest(digest) && typeof location === 'string' ? [{ digest, location }] : [];
  });
}

/** Where the image may come from: its source or origin, then the environments before; the first one has only itself. */
function originsOf(context: EnvironmentContext, image: PromotedImage): readonly Pick<EnvironmentView, 'registry'>[] {
  if (context.earlier.length > 0) return context.earlier;
  return [{ registry: image.source ?? context.registry }];
}

async function originVerdict(
  context: EnvironmentContext,
  origin: EnvironmentView,
  { image, call }: { image: PromotedImage; call: StepCall },
): ReturnType<typeof judgeIn> {
  try {
    await readImageTree(context.registryClient, digestReferenceIn(origin, image), call);
    return await judgeIn(context, origin, { image, call });
  } catch (error) {
    if (codeOf(error) !== 'image-unknown') throw error;
    const reference = formatReference(digestReferenceIn(origin, image));
    throw new StepError('origin-gone', `${reference} is gone from its origin ${origin.environment}; push it again`, {
      cause: error,
    });
  }
}

function isMissingAtSource(error: unknown): boolean {
  return codeOf(error) === 'image-unknown' && (error as { side?: unknown }).side !== 'target';
}

function codeOf(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return isFailureType(code) ? code : undefined;
}

function unknownImage(reference: ImageReference, environment: string): StepError {
  return new StepError(
    'image-unknown',
    `there is no ${formatReference(reference)} in the registry of ${environment}; push it first`,
  );
}
