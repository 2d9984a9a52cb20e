import { BrokenCacheError, SignatureStoreError } from './error.ts';
import { checkSecretFiles, createGitAccess } from './git-access.ts';
import { cacheRepository, discardCache, openCache } from './git-cache.ts';
import type { TreeCache } from './git-objects.ts';
import { createGitRepository, FetchRefusedError } from './git-repository.ts';
import type { GitRepository } from './git-repository.ts';
import { exclusively } from './lock.ts';
import type { StoreSettings } from './options.ts';

/**
 * Runs one operation on the repository, alone in this process. An operation may be run again from its beginning when
 * the cache proves to be broken, so it must be repeatable.
 */
export type Workspace = <T>(work: (repository: GitRepository) => Promise<T>, signal?: AbortSignal) => Promise<T>;

/** From the leanest clone to the fullest; a host that does not know filters ignores them and sends everything. */
const FILTERS = ['tree:0', 'blob:none', undefined] as const;

export function createWorkspace(settings: StoreSettings): Workspace {
  const directory = cacheRepository(settings);
  const access = createGitAccess(settings, directory);
  const trees: TreeCache = new Map();
  let accepted = 0;

  const attempt = async <T>(work: (repository: GitRepository) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    let step = accepted;
    for (let tries = 1; ; tries++) {
      try {
        await openCache(access, directory, signal);
        const result = await work(createGitRepository({ access, settings, trees, filter: FILTERS[step], signal }));
        accepted = step;
        return result;
      } catch (error) {
        if (!(error instanceof BrokenCacheError)) throw error;
        if (tries > FILTERS.length) throw unusable(settings, error);
        await discardCache(directory);
        trees.clear();
        // The first failure may be the cache's; only a fresh one proves that the filter is to blame.
        if (error instanceof FetchRefusedError && tries > 1) step = Math.min(step + 1, FILTERS.length - 1);
      }
    }
  };
  return (work, signal) =>
    exclusively(
      directory,
      async () => {
        await checkSecretFiles(settings);
        return attempt(work, signal);
      },
      signal,
    );
}

function unusable(settings: StoreSettings, cause: Error): SignatureStoreError {
  const message = `read ${settings.shownUrl}: a fresh copy in ${settings.cacheDirectory} is not usable; ${cause.message}`;
  return new SignatureStoreError('repository-unavailable', message, { cause });
}
