/** Publishing signatures that no promotion stands behind: by hand, or by a pipeline's own step. */
import { setTimeout as delay } from 'node:timers/promises';
import { branchMissing, readyState } from './bootstrap.ts';
import { SignatureStoreError } from './error.ts';
import type { GitRepository, RemoteState } from './git-repository.ts';
import type { StoreSettings } from './options.ts';
import { readBack } from './publication.ts';
import { checkContent, oneLine } from './record.ts';
import { spliceSignatures } from './splice.ts';
import type { Splice } from './splice.ts';
import { oneShotMessage } from './trailers.ts';
import type { OneShotInput, OneShotResult } from './types.ts';

/** A branch that moves this often between our reading and our push has a writer that does not sleep. */
const RACE_LIMIT = 20;

/** See `SignatureStore.add`. */
export async function addSignatures(
  repository: GitRepository,
  settings: StoreSettings,
  input: OneShotInput,
  signal?: AbortSignal,
): Promise<OneShotResult> {
  checkContent(input);
  for (let races = 0; races < RACE_LIMIT; races++) {
    const state = await readyState(repository, settings, input.time);
    const { splice, tree } = await spliceOnto(repository, settings, { input, served: state.served });
    if (splice.tree === tree) return result(settings, splice, { commit: state.served, changed: false });
    const commit = await repository.commit({
      tree: splice.tree,
      parents: [state.served],
      message: oneShotMessage(cleanRecord(input.record)),
      time: input.time,
    });
    const after = await repository.push({ branch: settings.branch, expected: state.served, commit });
    if (await holds(repository, after, { commit, before: state.served })) {
      await readBack(repository, { head: after.served ?? '', commit, files: splice.files });
      return result(settings, splice, { commit, changed: true });
    }
    await delay(Math.random() * Math.min(25 * 2 ** races, 1000), undefined, { signal });
  }
  throw new SignatureStoreError(
    'repository-conflict',
    `publish ${input.record.reference}: the served branch changed under each of ${RACE_LIMIT} attempts; ` +
      'find out who else writes to it',
  );
}

/** See `SignatureStore.planToAdd`. */
export async function planToAdd(
  repository: GitRepository,
  settings: StoreSettings,
  input: OneShotInput,
): Promise<OneShotResult> {
  checkContent(input);
  const { served } = await repository.observe();
  if (served === undefined) {
    const branches = await repository.branches();
    if (branches.length > 0) throw branchMissing(settings, branches);
  } else await repository.requireCommits([served]);
  const { splice, tree } = await spliceOnto(repository, settings, { input, served });
  return result(settings, splice, { commit: served, changed: splice.tree !== tree });
}

/** An empty repository has no branch yet. */
async function spliceOnto(
  repository: GitRepository,
  { directoryPath }: StoreSettings,
  { input, served }: { readonly input: OneShotInput; readonly served: string | undefined },
): Promise<{ readonly splice: Splice; readonly tree: string }> {
  const [head] = served === undefined ? [] : await repository.log({ from: served, limit: 1 });
  const tree = head?.tree ?? (await repository.writeTree([]));
  const { repositoryPath, signatures, isEqual } = input;
  return {
    splice: await spliceSignatures(repository, { tree, directoryPath, repositoryPath, signatures, isEqual }),
    tree,
  };
}

/** Believes only what the remote shows: others may have gone on from our commit already. */
async function holds(
  repository: GitRepository,
  { served }: RemoteState,
  { commit, before }: { readonly commit: string; readonly before: string },
): Promise<boolean> {
  if (served === undefined || served === before) return false;
  if (served === commit) return true;
  await repository.requireCommits([served]);
  const since = await repository.log({ from: served, not: [before], firstParent: true });
  return since.some(({ oid }) => oid === commit);
}

function cleanRecord({ reference, digest, publishedBy, message }: OneShotInput['record']): OneShotInput['record'] {
  return {
    reference: oneLine(reference),
    digest,
    publishedBy: oneLine(publishedBy),
    ...(message !== undefined && { message: oneLine(message) }),
  };
}

function result(
  { directoryPath }: StoreSettings,
  { numbers, files, added }: Splice,
  { commit, changed }: { readonly commit: string | undefined; readonly changed: boolean },
): OneShotResult {
  const directory = directoryPath.join('/');
  const signatures = numbers.map((one, index) => {
    const file = files[index];
    const isNew = file !== undefined && added.includes(file);
    return { ...one, path: file?.path.join('/') ?? directory, added: isNew };
  });
  return { ...(commit !== undefined && { commit }), changed, signatures };
}
