import type { Digest } from '../../workflows/domain/digest.ts';

/** What one requirement said. */
export interface RequirementVerdict {
  readonly type: string;
  readonly accepted: boolean;
  readonly reason: string;
}

/** What became of one signature. */
export interface SignatureVerdict {
  /** From 1, as in the store. */
  readonly number: number;
  /** Accepted by at least one requirement. */
  readonly accepted: boolean;
  readonly reason: string;
  /** Of the signer's primary key, where the signature was verified. */
  readonly fingerprint?: string;
  /** What it claims to be for, where the signature was verified. */
  readonly dockerReference?: string;
}

/** What a reader with this policy would decide about one manifest, and why. */
export interface Verdict {
  readonly accepted: boolean;
  /** The scope whose requirements counted; `default` for the policy's own. */
  readonly scope: string;
  /** Those evaluated: the first refusal ends it. */
  readonly requirements: readonly RequirementVerdict[];
  readonly signatures: readonly SignatureVerdict[];
  /** One sentence; of a refusal, the refusing requirement's. */
  readonly reason: string;
}

/** One platform of an image. */
export interface PlatformVerdict {
  readonly digest: Digest;
  /** For example `linux/arm64/v8`; absent where the manifest is not part of an index. */
  readonly platform?: string;
  readonly verdict: Verdict;
}

/** What clusters would decide about an image. */
export interface ImageVerdict {
  /** True when every platform is accepted. */
  readonly accepted: boolean;
  /** Of the index, or of the only manifest. */
  readonly digest: Digest;
  readonly platforms: readonly PlatformVerdict[];
  /** Where the registry keeps signatures itself: they were read there, and the signature store does not count. */
  readonly signaturesIn?: 'registry';
  /** About the index itself, which no reader asks for. */
  readonly index?: Verdict;
}
