import { branchMissing } from './bootstrap.ts';
import type { GitRepository } from './git-repository.ts';
import { readCommitSignatures } from './commit-signatures.ts';
import { createPublisher } from './group-commit.ts';
import { createHistory } from './history.ts';
import { addSignatures, planToAdd } from './one-shot.ts';
import { checkOptions } from './options.ts';
import type { GitSignatureStoreOptions, StoreSettings } from './options.ts';
import { discard, listProposals, propose } from './proposals.ts';
import { oneLine } from './record.ts';
import { manifestPath, readSignatureSet } from './signature-tree.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { Publication, SignatureStore } from './types.ts';
import { createWorkspace } from './workspace.ts';

/**
 * A signature store in a git repository, reached with the system's git, without a work tree. Nothing is done before
 * the first call. One process per cache directory.
 * @throws SignatureStoreError `configuration-invalid` when the options cannot be right.
 */
export function createGitSignatureStore(options: GitSignatureStoreOptions): SignatureStore {
  const settings = checkOptions(options);
  const workspace = createWorkspace(settings);
  const history = createHistory();
  const publisher = createPublisher(settings, workspace, history);
  return {
    signatures: (repositoryPath, digest, call) =>
      workspace((repository) => readSignatures(repository, settings, { repositoryPath, digest }), call?.signal),
    propose: (input, call) => workspace((repository) => propose(repository, settings, input), call?.signal),
    publish: (input, call) => publisher(input, call?.signal),
    add: (input, call) =>
      workspace((repository) => addSignatures(repository, settings, input, call?.signal), call?.signal),
    planToAdd: (input, call) => workspace((repository) => planToAdd(repository, settings, input), call?.signal),
    added: (input, call) => workspace((repository) => readCommitSignatures(repository, settings, input), call?.signal),
    publications: (reference, call) =>
      workspace(async (repository): Promise<readonly Publication[]> => {
        const { served } = await repository.observe();
        if (served !== undefined) await repository.requireCommits([served]);
        const all = await history(repository, served);
        return all.filter((publication) => publication.reference === oneLine(reference));
      }, call?.signal),
    proposals: (call) => workspace(listProposals, call?.signal),
    discard: (proposal, call) => workspace((repository) => discard(repository, settings, proposal), call?.signal),
    head: (call) =>
      workspace(async (repository) => {
        const { served } = await repository.observe();
        if (served === undefined) throw branchMissing(settings, await repository.branches());
        return served;
      }, call?.signal),
  };
}

async function readSignatures(
  repository: GitRepository,
  settings: StoreSettings,
  { repositoryPath, digest }: { repositoryPath: string; digest: Digest },
): Promise<readonly Uint8Array[]> {
  const path = manifestPath(settings.directoryPath, repositoryPath, digest);
  const { served } = await repository.observe();
  if (served === undefined) return [];
  await repository.requireCommits([served]);
  const [head] = await repository.log({ from: served, limit: 1 });
  const { readable } = await readSignatureSet(repository, head?.tree ?? '', path);
  return repository.readBlobs(readable);
}
