import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';

/** How the reference in a signature must relate to the image; the six kinds of containers-policy.json(5). */
export type SignedIdentity =
  | { readonly type: 'matchExact' | 'matchRepoDigestOrExact' | 'matchRepository' }
  | { readonly type: 'exactReference'; readonly dockerReference: ImageReference }
  | { readonly type: 'exactRepository'; readonly dockerRepository: Repository }
  | { readonly type: 'remapIdentity'; readonly prefix: string; readonly signedPrefix: string };

/** The keys of a `signedBy` requirement. Files are opened when it is evaluated. */
export type KeySource = { readonly paths: readonly string[] } | { readonly data: Uint8Array };

/** At least one signature of one of the keys, for this digest and an acceptable identity. */
export interface SignedByRequirement {
  readonly type: 'signedBy';
  readonly keyType: 'GPGKeys' | 'signedByGPGKeys' | 'X509Certificates' | 'signedByX509CAs';
  readonly keys: KeySource;
  readonly signedIdentity: SignedIdentity;
}

/** One requirement of a policy. The last two are read completely, and refuse when evaluated. */
export type Requirement =
  | { readonly type: 'insecureAcceptAnything' | 'reject' }
  | SignedByRequirement
  | { readonly type: 'signedBaseLayer'; readonly baseLayerIdentity: SignedIdentity }
  | { readonly type: 'sigstoreSigned'; readonly signedIdentity: SignedIdentity };

/** Requirements that all must accept; never empty. */
export type RequirementList = readonly Requirement[];

/** A parsed policy.json. */
export interface Policy {
  /** For messages. */
  readonly file: string;
  readonly default: RequirementList;
  /** Transport to scope to requirements; the scope `''` is the transport's default. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, RequirementList>>;
}
