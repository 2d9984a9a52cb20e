import { BrokenCacheError } from './error.ts';
import type { CommitInfo, GitRepository } from './git-repository.ts';
import { parsePublicationMessage } from './trailers.ts';
import type { Publication } from './types.ts';

/** The publications up to a head of the served branch, oldest first; remembers the last head it read. */
export type History = (repository: GitRepository, head: string | undefined) => Promise<readonly Publication[]>;

/**
 * Reads first parents only: the second parents are proposals, which anybody may push, and a host's merge button makes
 * commits of its own that carry no trailers.
 */
export function createHistory(): History {
  let known: { readonly head: string; readonly publications: readonly Publication[] } | undefined;

  return async (repository, head) => {
    if (head === undefined) return [];
    if (known?.head === head) return known.publications;
    const since = known && (await commitsSince(repository, head, known.head));
    const commits = since ?? (await repository.log({ from: head, firstParent: true }));
    const before = since === undefined ? [] : (known?.publications ?? []);
    known = { head, publications: [...before, ...commits.reverse().flatMap(readPublication)] };
    return known.publications;
  };
}

/** The commits after `known`, newest first, or undefined when `known` is no longer below the head. */
async function commitsSince(repository: GitRepository, head: string, known: string): Promise<CommitInfo[] | undefined> {
  try {
    const commits = await repository.log({ from: head, not: [known], firstParent: true });
    return commits.at(-1)?.parents[0] === known ? commits : undefined;
  } catch (error) {
    // A begun-anew cache does not know a commit that the remote has dropped.
    if (error instanceof BrokenCacheError) return undefined;
    throw error;
  }
}

function readPublication(commit: CommitInfo): Publication[] {
  const said = parsePublicationMessage(commit.message);
  if (said === undefined) return [];
  return [{ ...said, commit: commit.oid, publishedAt: new Date(commit.time).toISOString() }];
}
