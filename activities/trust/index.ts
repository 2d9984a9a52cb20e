/** policy.json, registries.d, the signature store as readers see it: what a cluster would say about an image. */
export { TrustError } from './error.ts';
export type { TrustErrorCode, TrustErrorDetails } from './error.ts';
export { checkPolicy } from './check-policy.ts';
export type { PolicyCheck, PolicyProblem, PolicyWarning } from './check-policy.ts';
export { coverImage } from './cover-image.ts';
export type { ImageCoverage, ManifestCoverage, Pull } from './cover-image.ts';
export { acceptedSignatures, evaluatePolicy } from './evaluate-policy.ts';
export type { EvaluationOptions, JudgedImage } from './evaluation.ts';
export { explainTrust } from './explain.ts';
export type {
  ExplainedRequirement,
  ExplainedScope,
  ExplainedStore,
  ImageToExplain,
  TrustExplanation,
} from './explain.ts';
export { fetchUrl } from './fetch-url.ts';
export type { FetchUrl } from './fetch-url.ts';
export { generatePolicy } from './generate-policy.ts';
export type { PolicyOptions, TrustedRegistry } from './generate-policy.ts';
export type { ImageToJudge, ManifestSource } from './image-to-judge.ts';
export { judgeImage } from './judge-image.ts';
export { builtInLookaside, lookasideUrl } from './lookaside-url.ts';
export { matchIdentity } from './match-identity.ts';
export { digestOfManifest } from './manifest-digest.ts';
export { findPolicyFile, findRegistriesD } from './node-files.ts';
export type { NodeFiles } from './node-files.ts';
export { generateNodeTrust } from './node-trust.ts';
export type { NodeFile, NodeTrustInput } from './node-trust.ts';
export { parsePolicy } from './parse-policy.ts';
export type { KeySource, Policy, Requirement, RequirementList, SignedByRequirement, SignedIdentity } from './policy.ts';
export { readLookaside } from './read-lookaside.ts';
export type { LookasideOptions } from './read-lookaside.ts';
export { readerOfExtension } from './registry-extension.ts';
export type { ReadSignatures, SignatureExtension } from './registry-extension.ts';
export { publishToRegistry, requireExtension } from './registry-extension-store.ts';
export type { PublishedSignature, RegistryPublication } from './registry-extension-store.ts';
export { findLookaside, lookasideFor, readRegistriesD, usesSigstoreAttachments } from './registries-d.ts';
export type { LookasideChoice, RegistriesD, RegistriesDSection } from './registries-d.ts';
export { pullReference, scopesOf, withDefaultTag } from './scopes.ts';
export type { ImageVerdict, PlatformVerdict, RequirementVerdict, SignatureVerdict, Verdict } from './verdict.ts';
