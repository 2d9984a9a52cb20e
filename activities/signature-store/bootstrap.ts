import { SignatureStoreError } from './error.ts';
import type { GitRepository, RemoteState } from './git-repository.ts';
import type { StoreSettings } from './options.ts';

/** The remote's state with a served branch in it. */
export type ReadyState = RemoteState & { readonly served: string };

const TRIES = 5;

/**
 * The remote's state. An empty repository gets its first, empty commit, so that proposals have something to stand on.
 * @throws SignatureStoreError `configuration-invalid` when the repository has branches, but not the served one.
 */
export async function readyState(
  repository: GitRepository,
  settings: StoreSettings,
  time: string,
): Promise<ReadyState> {
  let state = await repository.observe();
  for (let tries = 0; tries < TRIES && state.served === undefined; tries++) {
    const branches = await repository.branches();
    if (branches.length > 0 && !branches.includes(settings.branch)) throw branchMissing(settings, branches);
    const tree = await repository.writeTree([]);
    const commit = await repository.commit({ tree, parents: [], message: 'Begin the signatures\n', time });
    state = await repository.push({ branch: settings.branch, expected: undefined, commit });
  }
  const { served } = state;
  if (served === undefined) throw branchMissing(settings, []);
  await repository.requireCommits([served]);
  return { ...state, served };
}

/** Thrown where the served branch is needed and cannot be begun. */
export function branchMissing(settings: StoreSettings, found: readonly string[]): SignatureStoreError {
  const list = found.length === 0 ? 'none' : found.slice(0, 5).join(', ');
  return new SignatureStoreError(
    'configuration-invalid',
    `repository ${settings.shownUrl}: expected branch ${settings.branch}, found ${list}; create it or correct its name`,
    { branch: settings.branch },
  );
}
