import type { Digest } from '../../workflows/domain/digest.ts';
import { SignatureStoreError } from './error.ts';
import { FetchRefusedError } from './git-repository.ts';
import type { CommitInfo, GitRepository } from './git-repository.ts';
import { proposalBranch } from './record.ts';
import { manifestPath, readSignatureSet } from './signature-tree.ts';
import type { SpliceInput } from './splice.ts';
import { differenceBetween } from './tree-difference.ts';
import type { Change } from './tree-difference.ts';
import { isRegularFile } from './tree.ts';
import { parseProposalMessage } from './trailers.ts';
import type { Proposal } from './types.ts';

/** A proposal's branch that holds nothing but our commits. */
export interface ProposalContent {
  readonly tip: CommitInfo;
  /** The tree of the served commit on which the branch stands. */
  readonly baseTree: string;
  readonly changes: readonly Change[];
}

export interface ProposalQuestion {
  readonly branch: string;
  readonly tip: string;
  readonly served: string;
  /** Which changes may be on the branch. */
  readonly isOurs: (change: Change) => boolean;
}

const COMMIT_LIMIT = 100;
const SIGNATURE_FILE = /^(?<directory>.+@[a-z0-9]+=[0-9a-f]+)\/signature-[1-9]\d*$/;
const NAMED = 5;

/**
 * Reads what stands on a proposal's branch beyond the served branch; anybody may have pushed there.
 * @throws SignatureStoreError `proposal-foreign` naming commits and paths that are not ours.
 */
export async function inspectProposal(repository: GitRepository, question: ProposalQuestion): Promise<ProposalContent> {
  const { branch, tip: tipId, served } = question;
  await repository.requireCommits([served, tipId]);
  const commits = await repository.log({ from: tipId, not: [served], limit: COMMIT_LIMIT });
  const [tip] = await repository.log({ from: tipId, limit: 1 });
  const [base] = await repository.log({ from: commits.at(-1)?.parents[0] ?? tipId, limit: 1 });
  if (tip === undefined || base === undefined) throw foreign(branch, { commits: [tipId], paths: [] });

  const foreignCommits = commits.filter((commit) => !isOurCommit(commit, branch));
  const changes = await differenceBetween(repository, [base.tree, tip.tree]);
  const foreignPaths = changes.filter((change) => !question.isOurs(change));
  if (foreignCommits.length + foreignPaths.length > 0) {
    throw foreign(branch, {
      commits: foreignCommits.map(({ oid }) => oid),
      paths: (foreignPaths.length > 0 ? foreignPaths : changes).map(({ path }) => path),
    });
  }
  return { tip, baseTree: base.tree, changes };
}

/**
 * Checks before the publication that the branch holds exactly what was proposed: this commit, and in it exactly the
 * signatures that are about to be published.
 * @throws SignatureStoreError `proposal-foreign`.
 */
export async function checkProposal(
  repository: GitRepository,
  input: Omit<SpliceInput, 'tree'> & {
    readonly proposal: Proposal;
    readonly served: string;
    readonly found: string | undefined;
  },
): Promise<void> {
  const { proposal, served, found, signatures, repositoryPath, directoryPath } = input;
  // A deleted branch takes nothing from a commit that we still have: it is named by its content.
  await requireProposed(repository, proposal, served);
  if (found !== undefined && found !== proposal.commit) throw await movedTip(repository, { proposal, served, found });

  const expected = new Map<string, Set<string>>();
  const wanted: { digest: Digest; path: string[]; oid: string }[] = [];
  for (const { digest, blob } of signatures) {
    const path = manifestPath(directoryPath, repositoryPath, digest);
    const oid = await repository.writeBlob(blob);
    expected.set(path.join('/'), (expected.get(path.join('/')) ?? new Set()).add(oid));
    wanted.push({ digest, path, oid });
  }
  const { tip } = await inspectProposal(repository, {
    ...{ branch: proposal.branch, tip: proposal.commit, served },
    isOurs: (change) => isAddedSignature(change, (directory, oid) => expected.get(directory)?.has(oid) === true),
  });
  for (const { digest, path, oid } of wanted) {
    const { byNumber } = await readSignatureSet(repository, tip.tree, path);
    if ([...byNumber.values()].includes(oid)) continue;
    throw new SignatureStoreError(
      'proposal-foreign',
      `branch ${proposal.branch}: expected the signature of ${digest} (blob ${oid}) in ${path.join('/')}, ` +
        'found other blobs; propose again',
      { branch: proposal.branch, commits: [proposal.commit], paths: [path.join('/')] },
    );
  }
}

/** Tells whether a change adds a signature file to a manifest's directory that `accept` knows. */
export function isAddedSignature(
  { path, before, after }: Change,
  accept: (directory: string, oid: string) => boolean,
): boolean {
  const directory = SIGNATURE_FILE.exec(path)?.groups?.['directory'];
  if (directory === undefined || before !== undefined || after === undefined || !isRegularFile(after)) return false;
  return accept(directory, after.oid);
}

function isOurCommit(commit: CommitInfo, branch: string): boolean {
  const record = parseProposalMessage(commit.message);
  return record !== undefined && commit.parents.length === 1 && proposalBranch(record) === branch;
}

async function requireProposed(repository: GitRepository, proposal: Proposal, served: string): Promise<void> {
  try {
    await repository.requireCommits([served, proposal.commit]);
  } catch (error) {
    if (!(error instanceof FetchRefusedError)) throw error;
    throw new SignatureStoreError(
      'proposal-foreign',
      `branch ${proposal.branch}: expected commit ${proposal.commit}, which the remote no longer has; propose again`,
      { branch: proposal.branch, commits: [proposal.commit] },
    );
  }
}

async function movedTip(
  repository: GitRepository,
  { proposal, served, found }: { proposal: Proposal; served: string; found: string },
): Promise<SignatureStoreError> {
  await repository.requireCommits([served, found]);
  const commits = await repository.log({ from: found, not: [served, proposal.commit], limit: COMMIT_LIMIT });
  const [ours] = await repository.log({ from: proposal.commit, limit: 1 });
  const [theirs] = await repository.log({ from: found, limit: 1 });
  const changes = await differenceBetween(repository, [ours?.tree, theirs?.tree]);
  return foreign(proposal.branch, {
    commits: commits.length > 0 ? commits.map(({ oid }) => oid) : [found],
    paths: changes.map(({ path }) => path),
  });
}

function foreign(branch: string, found: { commits: readonly string[]; paths: readonly string[] }): SignatureStoreError {
  return new SignatureStoreError(
    'proposal-foreign',
    `branch ${branch}: expected nothing but our proposal, found commits ${named(found.commits)}, ` +
      `paths ${named(found.paths)}; find out who pushed there, delete the branch and propose again`,
    { branch, ...found },
  );
}

function named(things: readonly string[]): string {
  if (things.length === 0) return 'none';
  const more = things.length > NAMED ? ` and ${things.length - NAMED} more` : '';
  return `${things
    .slice(0, NAMED)
    .map((thing) => JSON.stringify(thing))
    .join(', ')}${more}`;
}
