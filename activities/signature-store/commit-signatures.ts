import { SignatureStoreError } from './error.ts';
import type { GitRepository } from './git-repository.ts';
import type { StoreSettings } from './options.ts';
import { isRegularFile } from './tree.ts';
import { differenceBetween } from './tree-difference.ts';
import type { Change } from './tree-difference.ts';
import type { CommitSignatures } from './types.ts';

/** More files than one push of a whole estate brings. */
const CHANGE_LIMIT = 100_000;
const SIGNATURE = /\/signature-[1-9]\d{0,2}$/;

/**
 * The signatures that a commit of the served branch added or changed, as far as the branch still has them so: what a
 * later commit has taken away or replaced is not to be served any more. Compared with `since`, or with the first parent.
 * A `since` that the branch does not have, such as the head before a forced push, says nothing of what is new: then it is
 * everything that the commit has.
 * @throws SignatureStoreError `commit-unknown` where the commit is not below the head of the branch.
 */
export async function readCommitSignatures(
  repository: GitRepository,
  settings: StoreSettings,
  { commit, since }: { readonly commit: string; readonly since?: string },
): Promise<CommitSignatures> {
  const { served } = await repository.observe();
  if (served === undefined) throw unknownCommit(settings, commit);
  await repository.requireCommits([served]);
  const log = new Map((await repository.log({ from: served })).map((one) => [one.oid, one]));
  const treeOf = (oid: string | undefined): string | undefined => (oid === undefined ? oid : log.get(oid)?.tree);
  const published = log.get(commit);
  if (published === undefined) throw unknownCommit(settings, commit);
  const { tree, parents } = published;
  const before = treeOf(since ?? parents[0]);
  const added = await signatureChanges(repository, settings, [before, tree]);
  const later = new Set((await differenceBetween(repository, [tree, treeOf(served)], CHANGE_LIMIT)).map(pathOf));
  const kept = added.filter((change) => !later.has(pathOf(change)));
  const blobs = await repository.readBlobs(kept.map(({ after }) => after?.oid ?? ''));
  const prefix = prefixOf(settings);
  const signatures = kept.map((change, index) => ({
    path: pathOf(change).slice(prefix.length),
    blob: blobs[index] ?? new Uint8Array(),
  }));
  return { commit, head: served, signatures, isWhole: before === undefined };
}

async function signatureChanges(
  repository: GitRepository,
  settings: StoreSettings,
  trees: readonly [string | undefined, string],
): Promise<readonly Change[]> {
  const prefix = prefixOf(settings);
  const changes = await differenceBetween(repository, trees, CHANGE_LIMIT);
  return changes.filter(({ path, after }) => {
    return after !== undefined && isRegularFile(after) && path.startsWith(prefix) && SIGNATURE.test(path);
  });
}

function pathOf({ path }: Change): string {
  return path;
}

function prefixOf({ directoryPath }: StoreSettings): string {
  return directoryPath.map((name) => `${name}/`).join('');
}

function unknownCommit({ branch }: StoreSettings, commit: string): SignatureStoreError {
  const message = `read what commit ${commit} published: expected a commit of branch ${branch}, found none; was it pushed to another branch, or the branch rewritten`;
  return new SignatureStoreError('commit-unknown', message, { branch, commits: [commit] });
}
