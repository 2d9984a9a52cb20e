import { branchMissing, readyState } from './bootstrap.ts';
import { SignatureStoreError } from './error.ts';
import type { GitRepository, RemoteState } from './git-repository.ts';
import { isRefName, PROPOSAL_PREFIX } from './options.ts';
import type { StoreSettings } from './options.ts';
import { inspectProposal, isAddedSignature } from './proposal-check.ts';
import { checkCommitId, checkInput, cleanRecord, proposalBranch } from './record.ts';
import { spliceSignatures } from './splice.ts';
import { parseProposalMessage, proposalMessage } from './trailers.ts';
import type { Proposal, PromotionRecord, ProposeInput } from './types.ts';

const TRIES = 10;

/** See `SignatureStore.propose`. */
export async function propose(
  repository: GitRepository,
  settings: StoreSettings,
  input: ProposeInput,
): Promise<Proposal> {
  checkInput(input);
  const branch = proposalBranch(cleanRecord(input.record));
  for (let tries = 0; tries < TRIES; tries++) {
    const state = await readyState(repository, settings, input.time);
    const expected = state.proposals.get(branch);
    const commit = await proposalCommit(repository, settings, { input, branch, served: state.served, tip: expected });
    if (commit === expected) return { branch, commit };
    const after = await repository.push({ branch, expected, commit });
    if (after.proposals.get(branch) === commit) return { branch, commit };
  }
  throw neverStill(branch);
}

/** See `SignatureStore.discard`. */
export async function discard(
  repository: GitRepository,
  settings: StoreSettings,
  proposal: Pick<Proposal, 'branch'> & Partial<Proposal>,
): Promise<void> {
  const { branch, commit } = proposal;
  if (!branch.startsWith(PROPOSAL_PREFIX) || !isRefName(branch)) {
    throw new SignatureStoreError('configuration-invalid', `branch ${JSON.stringify(branch)}: expected a proposal's`);
  }
  if (commit !== undefined) checkCommitId(commit);
  let state: RemoteState = await repository.observe();
  for (let tries = 0; tries < TRIES; tries++) {
    const tip = state.proposals.get(branch);
    if (tip === undefined) return;
    if (tip !== commit) {
      if (state.served === undefined) throw branchMissing(settings, []);
      await inspectProposal(repository, {
        ...{ branch, tip, served: state.served },
        isOurs: (change) => isAddedSignature(change, () => true),
      });
    }
    state = await repository.push({ branch, expected: tip, commit: undefined });
  }
  throw neverStill(branch);
}

/** See `SignatureStore.proposals`. */
export async function listProposals(repository: GitRepository): Promise<readonly (Proposal & PromotionRecord)[]> {
  const { proposals } = await repository.observe();
  await repository.requireCommits([...proposals.values()]);
  const listed: (Proposal & PromotionRecord)[] = [];
  for (const [branch, commit] of proposals) {
    const [tip] = await repository.log({ from: commit, limit: 1 });
    const record = parseProposalMessage(tip?.message ?? '');
    if (record !== undefined && proposalBranch(record) === branch) listed.push({ ...record, branch, commit });
  }
  return listed;
}

interface ProposalPlan {
  readonly input: ProposeInput;
  readonly branch: string;
  readonly served: string;
  readonly tip: string | undefined;
}

/** The commit that the branch should point to: the one it points to already where nothing is to be changed. */
async function proposalCommit(
  repository: GitRepository,
  { directoryPath }: StoreSettings,
  { input, branch, served, tip }: ProposalPlan,
): Promise<string> {
  const { repositoryPath, signatures, time } = input;
  const splice = async (tree: string): Promise<string> =>
    (await spliceSignatures(repository, { tree, directoryPath, repositoryPath, signatures })).tree;
  const message = proposalMessage(cleanRecord(input.record));
  if (tip === undefined) {
    const [head] = await repository.log({ from: served, limit: 1 });
    return repository.commit({ tree: await splice(head?.tree ?? ''), parents: [served], message, time });
  }
  const prefix = [...directoryPath, repositoryPath].join('/');
  const content = await inspectProposal(repository, {
    ...{ branch, tip, served },
    isOurs: (change) => isAddedSignature(change, (directory) => directory.startsWith(`${prefix}@`)),
  });
  const tree = await splice(content.baseTree);
  return tree === content.tip.tree ? tip : repository.commit({ tree, parents: [tip], message, time });
}

function neverStill(branch: string): SignatureStoreError {
  return new SignatureStoreError(
    'repository-conflict',
    `branch ${branch}: changed under each of ${TRIES} attempts; expected nobody else to push there`,
    { branch },
  );
}
