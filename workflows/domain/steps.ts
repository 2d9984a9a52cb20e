import type { Digest } from './digest.ts';
import type { Decision, Gate } from './gate.ts';
import type { PromotedImage } from './names.ts';
import type { RebuildOutcome } from './rebuild.ts';

/** The steps of one environment, in their order. `decide` moves forward where the gate says so. */
export const STEPS = [
  'verify',
  'copy',
  'sign',
  'propose',
  'decide',
  'publish',
  'rebuild',
  'confirm',
  'release',
] as const;

/** One step of an environment. */
export type Step = (typeof STEPS)[number];

/** What an environment's own configuration says of it; read by its own worker, never by whoever starts a promotion. */
export interface EnvironmentFacts {
  readonly environment: string;
  readonly route: readonly string[];
  /** Registry prefix, for example `registry.prod.example.com/acme`. */
  readonly registry: string;
  readonly gate: Gate;
  /** Registry prefixes outside the route that the first environment takes images from. */
  readonly sources: readonly string[];
  /** Attempts of a step before the promotion stalls. */
  readonly attempts: number;
  /** How long `confirm` polls before the promotion stalls, in milliseconds. */
  readonly confirmWithinMs: number;
  /** How long the git host's own webhook has before the promotion triggers the rebuild; absent where it does at once. */
  readonly pushWithinMs?: number;
  /** How long a stalled promotion waits for an operator, in milliseconds. */
  readonly stalledForMs: number;
}

/** What the commits of a promotion say of it; the evidence that needs no Temporal. */
export interface PromotionRecord {
  /** The workflow id. */
  readonly promotion: string;
  /** The first execution's run id, kept over continue-as-new. */
  readonly run: string;
  readonly image: PromotedImage;
  /** ISO 8601: when the promotion was first asked for; orders promotions that aim at one reference. */
  readonly started: string;
  readonly requesters: readonly string[];
}

/** What every activity is told. */
export interface StepInput {
  readonly environment: string;
  readonly record: PromotionRecord;
}

/** The signature of one manifest; `blob` is base64. About a kilobyte, so it may travel through the history. */
export interface StepSignature {
  readonly digest: Digest;
  readonly blob: string;
}

/** A proposal as the history keeps it. */
export interface ProposalRef {
  readonly branch: string;
  readonly commit: string;
}

/** Where an image stands in an environment's git repository. */
export type Standing =
  | { readonly standing: 'none' }
  /** Its publication is the last one of its reference: what is left of it is finished. */
  | { readonly standing: 'last'; readonly commit: string; readonly decisions: readonly Decision[] }
  /** A later publication has overtaken it: its tag is left alone. */
  | { readonly standing: 'overtaken'; readonly commit: string; readonly by: Digest };

/** What `copy` found and did. */
export interface CopyOutcome {
  /** Every manifest of the image, children before parents. */
  readonly manifests: readonly Digest[];
  readonly bytesCopied: number;
  readonly bytesTotal: number;
  readonly blobsCopied: number;
  readonly blobsSkipped: number;
  readonly blobsMounted: number;
  /** Where the environment's tag pointed when the copy began; null where there was none. */
  readonly tagBefore: Digest | null;
}

/** Progress of a running copy, as its heartbeat carries it. */
export interface CopyHeartbeat {
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly blobsDone: number;
  readonly blobsTotal: number;
  /** The last 200 blobs that are at the target. */
  readonly digestsDone: readonly Digest[];
  /** Blobs that are being brought. */
  readonly inFlight?: readonly { readonly digest: Digest; readonly bytesDone: number; readonly size: number }[];
  /** Uploads that another worker can go on with: the registry knows how far they are. */
  readonly uploads?: readonly OpenUploadRef[];
}

/** An upload that a registry has opened. */
export interface OpenUploadRef {
  readonly digest: Digest;
  /** A URL of the registry. */
  readonly location: string;
}

/** How `release` ended. */
export type ReleaseOutcome =
  | { readonly release: 'moved' | 'already-there'; readonly tagBefore: Digest | null }
  /** A later publication was confirmed first: the tag is its. */
  | { readonly release: 'overtaken'; readonly by: Digest }
  /** The builder's own tag, in the environment where the image was pushed. */
  | { readonly release: 'untouched' };

/**
 * What an environment's worker does, one function per step. Each can be repeated: it looks at the world first.
 * Failures carry a type of `FAILURES`.
 */
export interface EnvironmentActivities {
  /** Reads the environment's own configuration. */
  readonly describe: (input: { readonly environment: string }) => Promise<EnvironmentFacts>;
  /** Resolves a tag in the first environment (or one of its sources) to a digest, once, before the promotion exists. */
  readonly resolve: (input: ResolveInput) => Promise<{ readonly digest: Digest }>;
  /** Looks up the image's publication in git; refuses a key that readers would refuse before anything is copied. */
  readonly assess: (input: StepInput & { readonly again: boolean }) => Promise<Standing>;
  /** Judges the image as it stands in the origin, by the origin's public keys and policy. */
  readonly verify: (input: StepInput) => Promise<{ readonly manifests: number }>;
  /** Makes the copy whole; `thorough` asks for every manifest and blob, because registries collect garbage. */
  readonly copy: (input: StepInput & { readonly thorough: boolean }) => Promise<CopyOutcome>;
  /** Signs every manifest, adopting what is still valid among `previous` and on the served branch. */
  readonly sign: (
    input: SignInput,
  ) => Promise<{ readonly signatures: readonly StepSignature[]; readonly made: number }>;
  /** Commits the signatures on the promotion's own branch. */
  readonly propose: (input: ProposeInput) => Promise<ProposalRef>;
  /** Splices the signatures onto the served branch, after its own look at the decisions. */
  readonly publish: (input: PublishInput) => Promise<{ readonly commit: string }>;
  /** Gives the signatures to a registry that keeps them itself, since clusters read only those there. */
  readonly keepSignatures: (input: StepInput & { readonly commit: string }) => Promise<void>;
  /** Has the signature server take up the served branch, for all promotions that wait for it; repeated, it adopts. */
  readonly triggerRebuild: (input: TriggerInput) => Promise<RebuildOutcome>;
  /** Both in one, as promotions did that were begun before rebuilds were shared. */
  readonly rebuild: (input: StepInput & { readonly commit: string }) => Promise<void>;
  /** Looks once at every replica and judges the image as a cluster would; fails while either is not as it should be. */
  readonly confirm: (input: StepInput & { readonly commit: string }) => Promise<{ readonly replicas: number }>;
  /** Moves the environment's tag and judges through it. */
  readonly release: (
    input: StepInput & { readonly commit: string; readonly tagBefore: Digest | null },
  ) => Promise<ReleaseOutcome>;
  /** Deletes the proposal's branch of a promotion that ends without publication. */
  readonly discard: (input: StepInput & { readonly proposal: ProposalRef | null }) => Promise<void>;
}

/** What `triggerRebuild` is told. */
export interface TriggerInput {
  readonly environment: string;
  /** The same for every attempt, so that what an earlier one has started is found again. */
  readonly request: string;
}

/** What `resolve` is asked: an image name and tag below the first environment's prefix, or below one of its sources. */
export interface ResolveInput {
  readonly environment: string;
  readonly name: string;
  readonly tag: string;
  readonly source?: string;
}

/** What `sign` is told. */
export interface SignInput extends StepInput {
  /** ISO 8601: the signatures' time, so that a repeated attempt makes the same bytes. */
  readonly time: string;
  readonly previous: readonly StepSignature[];
  /** Given where the gate stands before the signature. */
  readonly decisions: readonly Decision[];
  /** Milliseconds since 1970 at which the gate expires, once it is open. */
  readonly deadline: number | null;
}

/** What `propose` is told. */
export interface ProposeInput extends StepInput {
  readonly signatures: readonly StepSignature[];
  readonly time: string;
}

/** What `publish` is told. */
export interface PublishInput extends ProposeInput {
  readonly proposal: ProposalRef;
  readonly decisions: readonly Decision[];
  readonly deadline: number | null;
}
