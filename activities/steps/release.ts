import type { Digest } from '../../workflows/domain/digest.ts';
import { shortDigest } from '../../workflows/domain/digest.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';
import type { EnvironmentActivities, ReleaseOutcome, StepInput } from '../../workflows/domain/steps.ts';
import { readImageTree } from '../oci/index.ts';
import { checkServedByAll, expectSignatures } from '../signature-server/index.ts';
import type { ExpectedSignature } from '../signature-server/index.ts';
import { publishToRegistry } from '../trust/index.ts';
import type { EnvironmentContext, StepCall } from './context.ts';
import { digestReferenceIn, repositoryIn, storedRecord, tagReferenceIn } from './image.ts';
import { claimedReference, isOurSignature, judgeIn, readKeys, refusalOf } from './judge.ts';
import { StepError } from './step-error.ts';

type Input<Name extends keyof EnvironmentActivities> = Parameters<EnvironmentActivities[Name]>[0];
type Output<Name extends keyof EnvironmentActivities> = ReturnType<EnvironmentActivities[Name]>;

/** Each look may find a publication that came meanwhile; that many in a row are somebody's loop. */
const LOOKS = 10;

/** `keepSignatures`: gives the signatures to a registry that keeps them itself; git stays where they come from. */
export async function keepSignatures(
  context: EnvironmentContext,
  input: Input<'keepSignatures'>,
  call: StepCall,
): Promise<void> {
  const client = context.registryClient;
  const reference = tagReferenceIn(context, input.record.image);
  if (!(await client.supportsSignatures(reference, call))) return;
  const signatures = await expectedSignatures(context, input, call);
  await publishToRegistry({ client, reference, signatures, signal: call.signal });
}

/** `confirm`: one look at every replica, then the judgement a cluster would come to. */
export async function confirm(context: EnvironmentContext, input: Input<'confirm'>, call: StepCall): Output<'confirm'> {
  const { image } = input.record;
  const expected = await expectedSignatures(context, input, call);
  const repositoryPath = repositoryIn(context, image).path;
  const replicas = await context.resolveReplicas(call.signal);
  const { servedAt, ca } = context;
  const files = expectSignatures(repositoryPath, expected);
  await checkServedByAll({ servedAt, replicas, files, ...(ca !== undefined && { ca }) }, call);
  const verdict = await judgeIn(context, context, { image, call });
  if (!verdict.accepted) {
    throw new StepError(
      'judged-unacceptable',
      `${claimedReference(context, image)} is served, but the policy of ${context.environment} refuses it: ${refusalOf(verdict)}`,
    );
  }
  return { replicas: replicas.length };
}

/**
 * `release`: moves the environment's tag to the last publication that was confirmed, looks at git again after it has
 * moved it, and judges through the tag. In the environment where the builder pushed the image the tag is the builder's.
 */
export async function release(
  context: EnvironmentContext,
  input: Input<'release'>,
  call: StepCall,
): Promise<ReleaseOutcome> {
  const { record, tagBefore } = input;
  if (context.earlier.length === 0 && record.image.source === undefined) return { release: 'untouched' };
  const mover = new TagMover(context, record.image, call);
  let moved = false;
  for (let look = 0; look < LOOKS; look++) {
    const publications = await publishedDigests(context, input, call);
    const target = await lastConfirmed(context, record.image, { publications, call });
    const current = await mover.current();
    if (target !== record.image.digest) {
      if (current === record.image.digest) await mover.move(target);
      return { release: 'overtaken', by: target };
    }
    if (current === target) {
      await judgeThroughTag(context, input, { mover, tagBefore, call });
      return { release: moved ? 'moved' : 'already-there', tagBefore };
    }
    requireExplained(context, input, { current, publications });
    await mover.move(target);
    moved = true;
  }
  throw new StepError(
    'repository-conflict',
    `publications of ${claimedReference(context, record.image)} keep coming; try again later`,
  );
}

/** The signatures that the served branch holds for us, with what must follow them. */
async function expectedSignatures(
  context: EnvironmentContext,
  { record, commit }: Input<'confirm'>,
  call: StepCall,
): Promise<readonly ExpectedSignature[]> {
  const keys = await readKeys(context);
  const { path } = repositoryIn(context, record.image);
  const reference = claimedReference(context, record.image);
  const { manifests } = await readImageTree(context.registryClient, digestReferenceIn(context, record.image), call);
  const expected: ExpectedSignature[] = [];
  for (const { digest } of manifests) {
    const blobs = await context.store.signatures(path, digest, call);
    const claim = { keys, fingerprint: undefined, digest, reference, now: new Date(context.now()) };
    const valid = await Promise.all(blobs.map(async (blob) => await isOurSignature(blob, claim)));
    const index = valid.indexOf(true);
    const blob = blobs[index];
    if (blob === undefined) {
      throw new StepError(
        'repository-conflict',
        `the served branch holds no valid signature of ${digest} for ${reference}, although commit ${commit} published one; was the branch rewritten`,
      );
    }
    expected.push({ digest, number: index + 1, blob, next: blobs[index + 1] ?? 'absent' });
  }
  return expected;
}

/** The digests published for the reference, oldest first. */
async function publishedDigests(
  context: EnvironmentContext,
  { record }: StepInput,
  call: StepCall,
): Promise<readonly Digest[]> {
  const { reference } = storedRecord(context, record);
  return (await context.store.publications(reference, call)).map(({ digest }) => digest);
}

/** The newest publication whose signatures are served and accepted; ours was confirmed a moment ago. */
async function lastConfirmed(
  context: EnvironmentContext,
  image: PromotedImage,
  { publications, call }: { publications: readonly Digest[]; call: StepCall },
): Promise<Digest> {
  const newestFirst = [...new Set([...publications].reverse())];
  for (const digest of newestFirst) {
    if (digest === image.digest) return digest;
    if (await isAccepted(context, { ...image, digest }, call)) return digest;
  }
  return image.digest;
}

/** What cannot be read counts as not confirmed: its own promotion will find out why. */
async function isAccepted(context: EnvironmentContext, image: PromotedImage, call: StepCall): Promise<boolean> {
  try {
    return (await judgeIn(context, context, { image, call })).accepted;
  } catch {
    call.signal.throwIfAborted();
    return false;
  }
}

/** A tag that moved since `copy` without a publication was moved by somebody else, who is not overruled in silence. */
function requireExplained(
  context: EnvironmentContext,
  { record, tagBefore }: Input<'release'>,
  { current, publications }: { current: Digest | undefined; publications: readonly Digest[] },
): void {
  if (current === undefined || current === tagBefore || publications.includes(current)) return;
  const was = tagBefore === null ? 'absent' : tagBefore;
  throw new StepError(
    'tag-changed',
    `tag changed by someone else: ${claimedReference(context, record.image)} points to ${current}, was ${was}, and no publication explains it; put it back, or start the promotion again with --again`,
  );
}

/** The last judgement; where it fails, the tag goes back to where it was, if it still points to ours. */
async function judgeThroughTag(
  context: EnvironmentContext,
  { record }: Input<'release'>,
  { mover, tagBefore, call }: { mover: TagMover; tagBefore: Digest | null; call: StepCall },
): Promise<void> {
  const verdict = await judgeIn(context, context, { image: record.image, call, through: 'tag' });
  if (verdict.accepted) return;
  const back = (await mover.current()) === record.image.digest ? await mover.putBack(tagBefore) : 'is left alone';
  throw new StepError(
    'judged-unacceptable',
    `${claimedReference(context, record.image)} was refused when pulled by tag: ${refusalOf(verdict)}; the tag ${back}`,
  );
}

/** Moves one tag of one repository. A manifest is never deleted by digest: that would take every tag with it. */
class TagMover {
  readonly #context: EnvironmentContext;
  readonly #image: PromotedImage;
  readonly #call: StepCall;

  constructor(context: EnvironmentContext, image: PromotedImage, call: StepCall) {
    this.#context = context;
    this.#image = image;
    this.#call = call;
  }

  async current(): Promise<Digest | undefined> {
    return await this.#context.registryClient.resolve(tagReferenceIn(this.#context, this.#image), this.#call);
  }

  async move(digest: Digest): Promise<void> {
    const client = this.#context.registryClient;
    const manifest = await client.fetchManifest(
      digestReferenceIn(this.#context, { ...this.#image, digest }),
      this.#call,
    );
    await client.putManifest(repositoryIn(this.#context, this.#image), manifest, this.#image.tag, this.#call);
  }

  async putBack(digest: Digest | null): Promise<string> {
    if (digest === this.#image.digest) return 'pointed to it before';
    if (digest !== null) {
      await this.move(digest);
      return `was put back to ${shortDigest(digest)}`;
    }
    const outcome = await this.#context.registryClient.deleteTag(
      tagReferenceIn(this.#context, this.#image),
      this.#call,
    );
    return outcome === 'unsupported' ? 'could not be removed: the registry deletes no tags' : 'was removed again';
  }
}
