import type { Digest } from '../../workflows/domain/digest.ts';

/** One manifest's signature. */
export interface StoredSignature {
  readonly digest: Digest;
  readonly blob: Uint8Array;
}

/** What the trailers of a proposal and of a publication say about the promotion. */
export interface PromotionRecord {
  /** Workflow id of the promotion. */
  readonly promotion: string;
  /** The run whose decisions count. */
  readonly run: string;
  readonly environment: string;
  /** HOST/PATH:TAG, the reference that the signatures claim. */
  readonly reference: string;
  /** The image that was promoted: the digest of its index, or of its only manifest. */
  readonly digest: Digest;
  /** When the promotion was started: ISO 8601 with milliseconds, UTC. */
  readonly started: string;
  readonly requestedBy: string;
}

/** One approval, as it is written into the publication's commit. */
export interface DecisionRecord {
  readonly verdict: 'approve';
  /** `Name <mail>`. */
  readonly by: string;
  /** ISO 8601 with milliseconds, UTC. */
  readonly at: string;
  /** How the approver is known; `claimed` is weak: nobody but Temporal vouches for it. */
  readonly identity: 'claimed';
  readonly reason?: string;
}

/** A commit on a branch of its own; nothing serves it. */
export interface Proposal {
  /** `countersign/<environment>/<unique for promotion and run>`. */
  readonly branch: string;
  readonly commit: string;
}

/** A promotion's commit on the served branch. */
export interface Publication extends PromotionRecord {
  readonly commit: string;
  /** The commit's time: ISO 8601 with milliseconds, UTC. */
  readonly publishedAt: string;
  readonly decisions: readonly DecisionRecord[];
  /** The gate's rule in one line, `none` where there is none. */
  readonly gate: string;
}

/** Where a signature stands on the served branch. */
export interface SignatureNumber {
  readonly digest: Digest;
  /** The N of `signature-N`, from 1. */
  readonly number: number;
}

export interface ProposeInput {
  readonly record: PromotionRecord;
  /** Path of the image's repository below the registry's host. */
  readonly repositoryPath: string;
  readonly signatures: readonly StoredSignature[];
  /** Author and committer date, ISO 8601: a repetition on the same head gives the same commit id. */
  readonly time: string;
}

export interface PublishInput extends ProposeInput {
  /** Becomes the second parent. Left out where the gate stands before the signing. */
  readonly proposal?: Proposal;
  readonly decisions: readonly DecisionRecord[];
  readonly gate: string;
  /** Whether `existing` is a still valid signature of the same key over the same digest and reference as `ours`. */
  readonly isEqual: (existing: Uint8Array, ours: Uint8Array) => Promise<boolean>;
}

export interface PublishResult {
  readonly commit: string;
  /** True when the commit had been made before, by an attempt whose answer was lost. */
  readonly alreadyThere: boolean;
  /** In the order of the given signatures. */
  readonly numbers: readonly SignatureNumber[];
}

/** What the commit says of signatures that no promotion stands behind. */
export interface OneShotRecord {
  /** HOST/PATH:TAG, the reference that the signatures claim. */
  readonly reference: string;
  /** The digest of the image's index, or of its only manifest. */
  readonly digest: Digest;
  /** Who publishes, as they say. */
  readonly publishedBy: string;
  readonly message?: string;
}

export interface OneShotInput extends Omit<ProposeInput, 'record'> {
  readonly record: OneShotRecord;
  readonly isEqual: PublishInput['isEqual'];
}

export interface OneShotResult {
  /** The commit that was made, else the head of the served branch; absent where there is none yet. */
  readonly commit?: string;
  /** False where every signature was there already. */
  readonly changed: boolean;
  /** In the order of the given signatures. */
  readonly signatures: readonly (SignatureNumber & {
    /** In the repository. */
    readonly path: string;
    /** False where an equal one was there already. */
    readonly added: boolean;
  })[];
}

/** What a commit of the served branch published. */
export interface CommitSignatures {
  readonly commit: string;
  /** The branch's head at this moment; it has the commit, perhaps with others on top. */
  readonly head: string;
  readonly signatures: readonly {
    /** Below the served folder: `acme/web@sha256=HEX/signature-1`. */
    readonly path: string;
    readonly blob: Uint8Array;
  }[];
  /** Everything that the commit has was taken, because there was nothing on the branch to compare it with. */
  readonly isWhole: boolean;
}

/** What every operation takes beside its input. An aborted call rejects with the signal's reason. */
export interface StoreCall {
  readonly signal?: AbortSignal;
}

/**
 * Where an environment's signatures are kept. Every operation can be repeated; every failure is a
 * `SignatureStoreError`.
 */
export interface SignatureStore {
  /**
   * The blobs that readers see for a manifest on the served branch: number 1 up to the first gap.
   * @throws SignatureStoreError `signature-limit` when there are more than readers accept.
   */
  signatures(repositoryPath: string, digest: Digest, call?: StoreCall): Promise<readonly Uint8Array[]>;

  /**
   * Commits the blobs on a branch of their own on top of the current head of the served branch, under provisional
   * numbers. With equal content the commit that exists is returned; with other blobs (renewed ones) one more commit is
   * added. Never touches the served branch, except that an empty repository gets its first, empty commit there.
   */
  propose(input: ProposeInput, call?: StoreCall): Promise<Proposal>;

  /**
   * Splices exactly the given signatures at the next free numbers onto the current head of the served branch, and
   * reads the remote back before it reports success. Concurrent calls share one push.
   */
  publish(input: PublishInput, call?: StoreCall): Promise<PublishResult>;

  /**
   * Splices signatures onto the served branch as `publish` does, for which no promotion decided anything: the commit
   * says so, and is never read as a publication. Where all are there already nothing is committed.
   */
  add(input: OneShotInput, call?: StoreCall): Promise<OneShotResult>;

  /** What `add` would do now; nothing is written to the repository. */
  planToAdd(input: OneShotInput, call?: StoreCall): Promise<OneShotResult>;

  /**
   * The signatures that a commit added against its first parent, or against `since`, as far as the branch still has
   * them; all that the commit has where the branch does not have `since`.
   * @throws SignatureStoreError `commit-unknown` where the served branch does not have the commit.
   */
  added(input: { readonly commit: string; readonly since?: string }, call?: StoreCall): Promise<CommitSignatures>;

  /** The publications of a reference on the served branch, oldest first, in git's order (first parents). */
  publications(reference: string, call?: StoreCall): Promise<readonly Publication[]>;

  /** The open proposals of this repository that carry our trailers. */
  proposals(call?: StoreCall): Promise<readonly (Proposal & PromotionRecord)[]>;

  /**
   * Deletes a proposal's branch, if it still points to `commit` (where given) or holds nothing but our commits.
   * Nothing happens when it is gone already.
   */
  discard(proposal: Pick<Proposal, 'branch'> & Partial<Proposal>, call?: StoreCall): Promise<void>;

  /** The commit of the served branch. */
  head(call?: StoreCall): Promise<string>;
}
