import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { coverImage } from './cover-image.ts';
import type { ImageCoverage } from './cover-image.ts';
import { describeKeys, describeRequirement } from './describe-requirement.ts';
import { selectRequirements } from './evaluate-policy.ts';
import type { ImageToJudge } from './image-to-judge.ts';
import { builtInLookaside, lookasideUrl, publicUrl } from './lookaside-url.ts';
import { findLookaside, usesSigstoreAttachments } from './registries-d.ts';
import type { RegistriesD } from './registries-d.ts';
import { pullReference, scopesOf } from './scopes.ts';

/** One scope that could have configured the image; the first that is configured counts, and nothing is merged. */
export interface ExplainedScope {
  /** As policy.json writes it; `docker` is the transport's default (its scope `""`), `default` the policy's own list. */
  readonly scope: string;
  readonly configured: boolean;
  /** True for exactly one of them. */
  readonly counts: boolean;
}

/** What one requirement of the list demands. All of them must accept. */
export interface ExplainedRequirement {
  readonly type: string;
  /** One sentence. */
  readonly demands: string;
  /** Key files, or `keyData`; empty where no key is named. */
  readonly keys: readonly string[];
  /** The kind of identity, with its members, for example `matchRepoDigestOrExact`. */
  readonly identity?: string;
}

/** Where readers look for signatures, and why there. */
export interface ExplainedStore {
  /** The base as configured, without user and query. */
  readonly base: string;
  /** Where it is written: a scope of `docker`, `default-docker`, `built-in`, or `given` by the caller. */
  readonly from: string;
  /** The key of that section, for example `lookaside` or the older `sigstore`. */
  readonly key?: string;
  /** The scopes that were asked, most specific first. */
  readonly candidates: readonly ExplainedScope[];
  /** The first URL that is asked for each manifest, without user and query. */
  readonly urls: readonly { readonly digest: string; readonly url: string }[];
  /** What has to be known about it, for example that `use-sigstore-attachments` is on; empty as a rule. */
  readonly notes: readonly string[];
}

/** Everything that leads to a cluster's decision about an image, as plain data. */
export interface TrustExplanation {
  /** Completed as readers complete it. */
  readonly reference: string;
  readonly policyFile: string;
  readonly accepted: boolean;
  readonly scopes: readonly ExplainedScope[];
  readonly requirements: readonly ExplainedRequirement[];
  readonly store: ExplainedStore;
  /** For every manifest: each requirement's answer, and what became of each signature. */
  readonly coverage: ImageCoverage;
}

/** `ImageToJudge`, and where its store's address comes from. */
export interface ImageToExplain extends ImageToJudge {
  /** Decides the store, in place of `lookasideBase`, and is explained; without it the base counts as given. */
  readonly registriesD?: RegistriesD;
}

/**
 * Explains a cluster's decision: which of the possible scopes counted, what its requirements demand, where signatures
 * are looked for, and for every manifest and signature why it was accepted or not.
 * @throws TrustError when manifests or signatures cannot be read; whatever the client throws, unchanged.
 */
export async function explainTrust(input: ImageToExplain): Promise<TrustExplanation> {
  const reference = pullReference(input.reference);
  const store = chooseStore(input, reference);
  const coverage = await coverImage({ ...input, lookasideBase: store.url });
  const { scope, list } = selectRequirements(input.policy, reference);
  const urls = coverage.manifests.map(({ digest }) => ({
    digest,
    url: publicUrl(lookasideUrl(store.url, reference.path, digest, 1)),
  }));
  return {
    reference: formatReference(reference),
    policyFile: input.policy.file,
    accepted: coverage.accepted,
    scopes: explainScopes(input, reference, scope),
    requirements: list.map((requirement) => ({
      type: requirement.type,
      demands: describeRequirement(requirement),
      ...describeKeys(requirement),
    })),
    store: {
      base: publicUrl(store.url),
      from: store.from,
      ...(store.key !== undefined && { key: store.key }),
      candidates: store.candidates,
      urls: coverage.signaturesIn === 'registry' ? [] : urls,
      notes: notesOn(input, coverage, reference),
    },
    coverage,
  };
}

interface ChosenStore {
  readonly url: string;
  readonly from: string;
  readonly key?: string;
  readonly candidates: readonly ExplainedScope[];
}

function chooseStore({ registriesD, lookasideBase }: ImageToExplain, reference: ImageReference): ChosenStore {
  if (registriesD === undefined) {
    const given = typeof lookasideBase === 'string' ? lookasideBase : lookasideBase(reference);
    return given === undefined
      ? { url: builtInLookaside(), from: 'built-in', candidates: [] }
      : { url: given, from: 'given', candidates: [] };
  }
  const { url, from = 'built-in', key, candidates } = findLookaside(registriesD, reference, 'read');
  return {
    url: url ?? builtInLookaside(),
    from,
    ...(key !== undefined && { key }),
    candidates: candidates.map((candidate) => ({ ...candidate, counts: candidate.scope === from })),
  };
}

function explainScopes({ policy }: ImageToExplain, reference: ImageReference, counting: string): ExplainedScope[] {
  const docker = policy.transports.get('docker');
  const named = scopesOf(reference).map((scope) => ({ scope, configured: docker?.has(scope) === true }));
  const scopes = [
    ...named,
    { scope: 'docker', configured: docker?.has('') === true },
    { scope: 'default', configured: true },
  ];
  return scopes.map((scope) => ({ ...scope, counts: scope.scope === counting }));
}

function notesOn(
  { registriesD }: ImageToExplain,
  { signaturesIn }: ImageCoverage,
  reference: ImageReference,
): string[] {
  const notes: string[] = [];
  if (signaturesIn === 'registry')
    notes.push('the registry keeps signatures itself; readers ask it and never the store');
  if (registriesD !== undefined && usesSigstoreAttachments(registriesD, reference)) {
    notes.push('use-sigstore-attachments is on: readers also look for sigstore signatures, which are not read here');
  }
  return notes;
}
