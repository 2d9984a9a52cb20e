import type { Digest } from '../../workflows/domain/digest.ts';
import type { EnvironmentActivities, StepInput, StepSignature } from '../../workflows/domain/steps.ts';
import { readImageTree } from '../oci/index.ts';
import { checkSigningKey, signDigest } from '../signing/index.ts';
import type { KeyRing, SigningKey } from '../signing/index.ts';
import { proposalBranch } from '../signature-store/index.ts';
import type { StoredSignature } from '../signature-store/index.ts';
import type { EnvironmentContext, StepCall } from './context.ts';
import { decisionRecords, gateLine, requireDecisions } from './decisions.ts';
import { digestReferenceIn, repositoryIn, storedRecord, tagReferenceIn } from './image.ts';
import { claimedReference, isOurSignature, readKeys } from './judge.ts';
import { verify } from './prepare.ts';
import { StepError } from './step-error.ts';

type Input<Name extends keyof EnvironmentActivities> = Parameters<EnvironmentActivities[Name]>[0];
type Output<Name extends keyof EnvironmentActivities> = ReturnType<EnvironmentActivities[Name]>;

/**
 * `sign`: every platform manifest and the index, as this environment's own registry holds them. A signature that is
 * still valid, given or served, is adopted; equal never means equal bytes.
 */
export async function sign(context: EnvironmentContext, input: Input<'sign'>, call: StepCall): Output<'sign'> {
  const { gate } = await context.readFacts();
  const now = context.now();
  const { decisions, deadline, record } = input;
  if (gate.kind === 'people' && gate.before !== 'publish') requireDecisions(gate, record, { decisions, deadline, now });
  await verifyOrigin(context, input, call);
  const key = await context.readSigningKey();
  const deadlineMs = gate.kind === 'none' ? now : (deadline ?? now + gate.deadlineMs);
  await checkSigningKey(key, { now: new Date(now), mustLiveUntil: new Date(deadlineMs + context.minimumValidityMs) });
  const keys = await readKeys(context);
  const { manifests } = await readImageTree(context.registryClient, digestReferenceIn(context, record.image), call);
  const signatures: StepSignature[] = [];
  let made = 0;
  for (const { digest } of manifests) {
    const adopted = await adopt(context, input, { digest, keys, key, call });
    const blob = adopted ?? (await makeSignature(context, input, { digest, keys, key }));
    if (adopted === undefined) made += 1;
    signatures.push({ digest, blob: Buffer.from(blob).toString('base64') });
  }
  return { signatures, made };
}

/** `propose`: the signatures on a branch of their own; branches of earlier runs of this promotion go. */
export async function propose(context: EnvironmentContext, input: Input<'propose'>, call: StepCall): Output<'propose'> {
  const record = storedRecord(context, input.record);
  const repositoryPath = repositoryIn(context, input.record.image).path;
  const signatures = decode(input.signatures);
  for (const old of await context.store.proposals(call)) {
    if (old.promotion === record.promotion && old.run !== record.run) await context.store.discard(old, call);
  }
  const { branch, commit } = await context.store.propose(
    { record, repositoryPath, signatures, time: input.time },
    call,
  );
  return { branch, commit };
}

/** `publish`: after its own look at decisions, origin and signatures, exactly these blobs are spliced. */
export async function publish(context: EnvironmentContext, input: Input<'publish'>, call: StepCall): Output<'publish'> {
  const { gate } = await context.readFacts();
  const { decisions, deadline, proposal, time } = input;
  requireDecisions(gate, input.record, { decisions, deadline, now: context.now() });
  await verifyOrigin(context, input, call);
  const signatures = decode(input.signatures);
  const keys = await readKeys(context);
  await checkSignatures(context, input, { signatures, keys, call });
  const reference = claimedReference(context, input.record.image);
  const { commit } = await context.store.publish(
    {
      record: storedRecord(context, input.record),
      repositoryPath: repositoryIn(context, input.record.image).path,
      signatures,
      proposal,
      decisions: decisionRecords(gate, decisions),
      gate: gateLine(gate),
      time,
      isEqual: async (existing, ours) => await isEqual(context, keys, { existing, ours, reference, signatures }),
    },
    call,
  );
  // The commit stays, as second parent; a branch that cannot be deleted now is left to `tidy`.
  await context.store.discard(proposal, call).catch(() => undefined);
  return { commit };
}

/** `discard`: the proposal's branch of a promotion that ends without publication. */
export async function discard(context: EnvironmentContext, input: Input<'discard'>, call: StepCall): Output<'discard'> {
  const { branch } = input.proposal ?? { branch: proposalBranch(storedRecord(context, input.record)) };
  await context.store.discard({ branch }, call);
}

/** The first environment has no origin: its builder pushed the image, or it came from a source. */
async function verifyOrigin(context: EnvironmentContext, input: StepInput, call: StepCall): Promise<void> {
  if (context.earlier.length > 0) await verify(context, input, call);
}

async function adopt(
  context: EnvironmentContext,
  input: Input<'sign'>,
  { digest, keys, key, call }: { digest: Digest; keys: KeyRing; key: SigningKey; call: StepCall },
): Promise<Uint8Array | undefined> {
  const { image } = input.record;
  const given = input.previous.filter((one) => one.digest === digest).map(({ blob }) => Buffer.from(blob, 'base64'));
  const served = await context.store.signatures(repositoryIn(context, image).path, digest, call);
  const reference = claimedReference(context, image);
  const claim = { keys, fingerprint: key.fingerprint, digest, reference, now: new Date(context.now()) };
  for (const candidate of [...served, ...given]) if (await isOurSignature(candidate, claim)) return candidate;
  return undefined;
}

async function makeSignature(
  context: EnvironmentContext,
  { record, time }: Input<'sign'>,
  { digest, keys, key }: { digest: Digest; keys: KeyRing; key: SigningKey },
): Promise<Uint8Array> {
  const reference = tagReferenceIn(context, record.image);
  const blob = await signDigest(key, { digest, reference, time: new Date(time) });
  const claim = { keys, fingerprint: key.fingerprint, digest, reference: claimedReference(context, record.image) };
  if (await isOurSignature(blob, { ...claim, now: new Date(Math.max(context.now(), Date.parse(time))) })) return blob;
  throw new StepError(
    'key-unusable',
    `the signing key ${key.fingerprint} of ${context.environment} makes signatures that its public keys (${context.publicKeyFiles.join(', ')}) do not verify; add its public key there`,
  );
}

/** What the history hands over is not trusted: every manifest signed, nothing else, by a key that counts here. */
async function checkSignatures(
  context: EnvironmentContext,
  { record }: StepInput,
  { signatures, keys, call }: { signatures: readonly StoredSignature[]; keys: KeyRing; call: StepCall },
): Promise<void> {
  const { manifests } = await readImageTree(context.registryClient, digestReferenceIn(context, record.image), call);
  const reference = claimedReference(context, record.image);
  const now = new Date(context.now());
  for (const { digest } of manifests) {
    const signed = signatures.filter((one) => one.digest === digest);
    const blob = signed[0]?.blob;
    const valid =
      blob !== undefined && (await isOurSignature(blob, { keys, fingerprint: undefined, digest, reference, now }));
    if (signed.length !== 1 || !valid) {
      throw new StepError(
        'signature-invalid',
        `expected one valid signature of ${digest} for ${reference}, received ${signed.length}`,
      );
    }
  }
  if (signatures.length !== manifests.length) {
    throw new StepError('signature-invalid', `expected ${manifests.length} signatures, received ${signatures.length}`);
  }
}

async function isEqual(
  context: EnvironmentContext,
  keys: KeyRing,
  {
    existing,
    ours,
    reference,
    signatures,
  }: { existing: Uint8Array; ours: Uint8Array; reference: string; signatures: readonly StoredSignature[] },
): Promise<boolean> {
  const digest = signatures.find(({ blob }) => Buffer.compare(blob, ours) === 0)?.digest;
  if (digest === undefined) return false;
  const { fingerprint } = await context.readSigningKey();
  return await isOurSignature(existing, { keys, fingerprint, digest, reference, now: new Date(context.now()) });
}

function decode(signatures: readonly StepSignature[]): readonly StoredSignature[] {
  return signatures.map(({ digest, blob }) => ({ digest, blob: Buffer.from(blob, 'base64') }));
}
