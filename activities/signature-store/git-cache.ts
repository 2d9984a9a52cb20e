import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { BrokenCacheError } from './error.ts';
import type { GitAccess } from './git-access.ts';
import type { StoreSettings } from './options.ts';

/** Every fetch adds a pack and git slows down with their number; beginning again costs one fetch of commits. */
const PACK_LIMIT = 400;

/**
 * The bare repository of a store below its cache directory. A folder of our own, named by what it caches, so that
 * throwing it away can never hit anything else.
 */
export function cacheRepository(settings: StoreSettings): string {
  const name = createHash('sha256').update(`${settings.url}\n${settings.branch}`).digest('hex').slice(0, 16);
  return path.join(path.resolve(settings.cacheDirectory), `signatures-${name}.git`);
}

/** Makes the cache usable: a sound one is kept, anything else is thrown away and begun anew. */
export async function openCache(access: GitAccess, repository: string, signal?: AbortSignal): Promise<void> {
  if (await isSound(access, repository, signal)) return;
  await discardCache(repository);
  await mkdir(repository, { recursive: true, mode: 0o700 });
  await access.local({
    arguments: ['init', '--quiet', '--bare', '--template=', '--object-format=sha1', '--initial-branch=unused'],
    signal,
  });
}

/** Throws the cache away. */
export async function discardCache(repository: string): Promise<void> {
  await rm(repository, { recursive: true, force: true });
}

async function isSound(access: GitAccess, repository: string, signal?: AbortSignal): Promise<boolean> {
  const packs = await readdir(path.join(repository, 'objects', 'pack')).catch(() => undefined);
  if (packs === undefined || packs.filter((name) => name.endsWith('.pack')).length > PACK_LIMIT) return false;
  try {
    const answer = await access.local({ arguments: ['rev-parse', '--is-bare-repository'], signal });
    return answer.toString('latin1').trim() === 'true';
  } catch (error) {
    if (error instanceof BrokenCacheError) return false;
    throw error;
  }
}
