import { SignatureStoreError } from './error.ts';
import type { GitRepository, RemoteState } from './git-repository.ts';
import type { StoreSettings } from './options.ts';
import { checkProposal } from './proposal-check.ts';
import { checkInput, cleanDecision, cleanRecord, isSameRun, oneLine } from './record.ts';
import type { AddedFile } from './signature-tree.ts';
import { readFileId } from './signature-tree.ts';
import { spliceSignatures } from './splice.ts';
import type { Splice } from './splice.ts';
import { publicationMessage } from './trailers.ts';
import type { Publication, PublishInput, PublishResult } from './types.ts';

/** The served branch as it will be: what is there, and the commits of this cycle that are not pushed yet. */
export interface Chain {
  readonly tip: string;
  readonly tree: string;
  readonly publications: readonly Publication[];
}

export interface Placed {
  readonly result: PublishResult;
  readonly files: readonly AddedFile[];
  readonly chain: Chain;
}

/** Checks and cleans what the caller wants published, before anything is done. */
export function cleanInput(input: PublishInput): PublishInput {
  checkInput(input);
  const record = cleanRecord(input.record);
  return { ...input, record, decisions: input.decisions.map(cleanDecision), gate: oneLine(input.gate) };
}

/**
 * Adds one publication to the chain; `input` must be clean.
 * @throws SignatureStoreError `superseded`, `proposal-foreign`, `signature-limit`, `repository-conflict`.
 */
export async function addPublication(
  repository: GitRepository,
  settings: StoreSettings,
  { chain, state, input }: { chain: Chain; state: RemoteState & { served: string }; input: PublishInput },
): Promise<Placed> {
  const { record, proposal, signatures, repositoryPath, time } = input;
  const { directoryPath } = settings;
  const splice = await spliceUnlessSuperseded(repository, { chain, input, directoryPath });
  const before = chain.publications.find((publication) => isSameRun(publication, record));
  if (before !== undefined) {
    if (splice.tree !== chain.tree) throw vanished(before.commit, splice);
    const result = { commit: before.commit, alreadyThere: true, numbers: splice.numbers };
    return { result, files: splice.files, chain };
  }
  if (proposal !== undefined) {
    const found = state.proposals.get(proposal.branch);
    await checkProposal(repository, {
      ...{ proposal, found, served: state.served, signatures, repositoryPath, directoryPath },
    });
  }
  const commit = await repository.commit({
    tree: splice.tree,
    parents: [chain.tip, ...(proposal === undefined ? [] : [proposal.commit])],
    message: publicationMessage(record, input.gate, input.decisions),
    time,
  });
  const { decisions, gate } = input;
  const publication: Publication = { ...record, decisions, gate, commit, publishedAt: time };
  return {
    result: { commit, alreadyThere: false, numbers: splice.numbers },
    files: splice.files,
    chain: { tip: commit, tree: splice.tree, publications: [...chain.publications, publication] },
  };
}

/**
 * Looks for every file of a publication on the remote's head, by its exact blob.
 * @throws SignatureStoreError `repository-conflict` naming what is not there.
 */
export async function readBack(
  repository: GitRepository,
  { head, commit, files }: { head: string; commit: string; files: readonly AddedFile[] },
): Promise<void> {
  const [found] = await repository.log({ from: head, limit: 1 });
  for (const { path, oid } of files) {
    const there = await readFileId(repository, found?.tree ?? '', path);
    if (there === oid) continue;
    const shown = path.join('/');
    throw new SignatureStoreError(
      'repository-conflict',
      `read back ${shown}: expected blob ${oid} of publication ${commit}, found ${there ?? 'nothing'} on ${head}; ` +
        'somebody changed it right after it was published',
      { commits: [commit, head], paths: [shown] },
    );
  }
}

async function spliceUnlessSuperseded(
  repository: GitRepository,
  { chain, input, directoryPath }: { chain: Chain; input: PublishInput; directoryPath: readonly string[] },
): Promise<Splice> {
  const { record, repositoryPath, signatures, isEqual } = input;
  const published = chain.publications.some((publication) => isSameRun(publication, record));
  const later = chain.publications.find(
    (other) => other.reference === record.reference && other.started > record.started,
  );
  if (later !== undefined && !published) {
    throw new SignatureStoreError(
      'superseded',
      `publish ${record.reference}: promotion ${later.promotion}, started ${later.started}, after this one ` +
        `(${record.started}), has already published ${later.digest} in commit ${later.commit}`,
      { commits: [later.commit] },
    );
  }
  return spliceSignatures(repository, { tree: chain.tree, directoryPath, repositoryPath, signatures, isEqual });
}

function vanished(commit: string, { files }: Splice): SignatureStoreError {
  const paths = files.map(({ path }) => path.slice(0, -1).join('/'));
  return new SignatureStoreError(
    'repository-conflict',
    `publication ${commit} is on the branch, but not all of its signatures are: expected them in ${paths.join(', ')}; ` +
      'restore them, or promote again',
    { commits: [commit], paths },
  );
}
