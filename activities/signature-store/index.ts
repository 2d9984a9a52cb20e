export { SignatureStoreError } from './error.ts';
export type { SignatureStoreErrorFields, SignatureStoreFailure } from './error.ts';
export { createGitSignatureStore } from './git-signature-store.ts';
export type { GitSignatureStoreOptions } from './options.ts';
export { proposalBranch } from './record.ts';
export type {
  CommitSignatures,
  DecisionRecord,
  OneShotInput,
  OneShotRecord,
  OneShotResult,
  PromotionRecord,
  Proposal,
  ProposeInput,
  Publication,
  PublishInput,
  PublishResult,
  SignatureNumber,
  SignatureStore,
  StoreCall,
  StoredSignature,
} from './types.ts';
