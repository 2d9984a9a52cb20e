/** A bare copy of the published branch, and nothing else of the repository. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BrokenCacheError, SignatureStoreError } from '../signature-store/error.ts';
import { createGitAccess } from '../signature-store/git-access.ts';
import type { GitAccess } from '../signature-store/git-access.ts';
import type { GitOutcome } from '../signature-store/git-process.ts';
import { BlobCache, createBlobLoader } from './blob-loader.ts';
import { SignatureServerError } from './error.ts';
import type { ServeSettings } from './serve-options.ts';
import { parseListing } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';

/** What a look at the repository brought. */
export interface Refreshed {
  readonly snapshot: Snapshot;
  /** The commit before is no ancestor of this one: the branch was force-pushed. */
  readonly rewritten: boolean;
}

export interface BranchMirror {
  /** The snapshot that an earlier process left, if it is of this repository and branch and can be read. */
  restore(): Promise<Snapshot | undefined>;
  /**
   * Takes the branch as it is now; the same snapshot when nothing changed. Not to be called twice at once.
   * @throws SignatureServerError `repository-unavailable`, `repository-denied` or `configuration-invalid`.
   */
  refresh(signal: AbortSignal): Promise<Refreshed>;
}

const SERVED_REF = 'refs/countersign/served';
const SOURCE_FILE = 'countersign-source';
/** Only folders of this form are ours to remove. */
const CACHE_FOLDER = /^mirror-[0-9a-f]{12}\.git$/;
const MEMORY_BYTES = 64 * 1024 * 1024;

export function createBranchMirror(settings: ServeSettings): BranchMirror {
  return new Mirror(settings);
}

interface Cache {
  readonly folder: string;
  readonly access: GitAccess;
  readonly read: Snapshot['read'];
}

class Mirror implements BranchMirror {
  readonly #settings: ServeSettings;
  readonly #blobs = new BlobCache(MEMORY_BYTES);
  #cache: Cache | undefined;
  #current: Snapshot | undefined;
  /** Told by a read that failed: the next refresh begins anew, beside the old folder. */
  #broken = false;

  constructor(settings: ServeSettings) {
    this.#settings = settings;
  }

  async restore(): Promise<Snapshot | undefined> {
    await mkdir(this.#settings.options.cacheDirectory, { recursive: true, mode: 0o700 });
    for (const folder of await this.#folders()) {
      const found = this.#current === undefined && (await this.#restoreFrom(folder));
      if (!found) await rm(folder, { recursive: true, force: true });
    }
    return this.#current;
  }

  async refresh(signal: AbortSignal): Promise<Refreshed> {
    try {
      return await this.#refresh(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof BrokenCacheError)) throw translate(error);
      this.#broken = true;
      return await this.#refresh(signal).catch((again: unknown) => {
        throw translate(again);
      });
    }
  }

  async #refresh(signal: AbortSignal): Promise<Refreshed> {
    const tip = await this.#remoteTip(signal);
    const current = this.#current;
    if (current?.commit === tip && !this.#broken) return { snapshot: current, rewritten: false };
    const isReusable = !this.#broken && current?.commit.length === tip.length;
    const cache = isReusable && this.#cache !== undefined ? this.#cache : await this.#createCache(tip, signal);
    try {
      await this.#fetch(cache, signal);
      const snapshot = await readSnapshot(cache, signal);
      const rewritten = current !== undefined && !(await descends(cache, current.commit, snapshot.commit));
      await this.#adopt(cache, snapshot);
      return { snapshot, rewritten };
    } catch (error) {
      if (cache !== this.#cache) await rm(cache.folder, { recursive: true, force: true });
      throw error;
    }
  }

  async #adopt(cache: Cache, snapshot: Snapshot): Promise<void> {
    this.#cache = cache;
    this.#current = snapshot;
    this.#broken = false;
    // Best effort: without it the folder only grows. What readers of an older snapshot need is kept for two weeks.
    const tidy = ['-c', 'gc.auto=2000', '-c', 'gc.autoDetach=false', 'gc', '--auto', '--quiet'];
    await cache.access.local({ arguments: tidy }).catch(() => undefined);
    for (const folder of await this.#folders()) {
      if (folder !== cache.folder) await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  /** Also tells the length of the repository's ids before a cache for them is made. */
  async #remoteTip(signal: AbortSignal): Promise<string> {
    const { branchRef, shownUrl } = this.#settings.store;
    const folder = this.#cache?.folder ?? this.#settings.options.cacheDirectory;
    const access = this.#cache?.access ?? createGitAccess(this.#settings.store, folder);
    const outcome = await this.#remote(access, ['ls-remote', '--refs', 'origin', branchRef], signal);
    const line = outcome.stdout
      .toString('latin1')
      .split('\n')
      .find((text) => text.endsWith(`\t${branchRef}`));
    const tip = line?.split('\t')[0] ?? '';
    if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(tip)) return tip;
    const message = `look at ${shownUrl}: expected a branch ${this.#settings.options.branch}, it is not there; push to it or correct the configuration`;
    throw new SignatureServerError('repository-unavailable', message);
  }

  async #fetch({ access }: Cache, signal: AbortSignal): Promise<void> {
    const options = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'];
    const refspec = `+${this.#settings.store.branchRef}:${SERVED_REF}`;
    await this.#remote(access, ['fetch', ...options, 'origin', refspec], signal);
  }

  async #remote(access: GitAccess, command: readonly string[], signal: AbortSignal): Promise<GitOutcome> {
    const environment = { GIT_ALLOW_PROTOCOL: this.#settings.protocol };
    const outcome = await access.remote({ arguments: command, environment, signal });
    if (outcome.exitCode === 0) return outcome;
    throw await access.failure(command[0] ?? 'git', outcome);
  }

  async #createCache(tip: string, signal: AbortSignal): Promise<Cache> {
    const name = `mirror-${randomBytes(6).toString('hex')}.git`;
    const cache = this.#openCache(path.join(this.#settings.options.cacheDirectory, name));
    const format = `--object-format=${tip.length === 64 ? 'sha256' : 'sha1'}`;
    await cache.access.local({ arguments: ['init', '--quiet', '--bare', '--template=', format], signal });
    await writeFile(path.join(cache.folder, SOURCE_FILE), this.#source(), { mode: 0o600 });
    return cache;
  }

  #openCache(folder: string): Cache {
    const access = createGitAccess(this.#settings.store, folder);
    const load = createBlobLoader(access, this.#blobs);
    const read: Snapshot['read'] = async (file) => {
      try {
        return await load(file);
      } catch (error) {
        this.#broken = true;
        throw error;
      }
    };
    return { folder, access, read };
  }

  async #restoreFrom(folder: string): Promise<boolean> {
    try {
      if ((await readFile(path.join(folder, SOURCE_FILE), 'utf8')) !== this.#source()) return false;
      await removeLocks(folder);
      const cache = this.#openCache(folder);
      this.#current = await readSnapshot(cache);
      this.#cache = cache;
      return true;
    } catch {
      // Whatever is wrong with it, a fresh copy mends it.
      return false;
    }
  }

  /** A cache of another repository or branch must never be served as this one. */
  #source(): string {
    return JSON.stringify({ repository: this.#settings.store.url, branch: this.#settings.options.branch });
  }

  async #folders(): Promise<readonly string[]> {
    const { cacheDirectory } = this.#settings.options;
    const names = await readdir(cacheDirectory);
    return names.filter((name) => CACHE_FOLDER.test(name)).map((name) => path.join(cacheDirectory, name));
  }
}

async function readSnapshot({ access, read }: Cache, signal?: AbortSignal): Promise<Snapshot> {
  const revision = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${SERVED_REF}^{commit}`];
  const commit = (await access.local({ arguments: revision, signal })).toString('latin1').trim();
  const listing = await access.local({ arguments: ['ls-tree', '-r', '-z', '-l', '--full-tree', commit], signal });
  return { commit, files: parseListing(listing), read };
}

async function descends({ access }: Cache, older: string, newer: string): Promise<boolean> {
  const known = await access.local({ arguments: ['cat-file', '--batch-check'], input: `${older}\n` });
  if (!known.toString('latin1').includes(' commit ')) return false;
  const foreign = await access.local({ arguments: ['rev-list', '--max-count=1', older, `^${newer}`] });
  return foreign.length === 0;
}

/** What a killed git left locked would block every later one. */
async function removeLocks(folder: string): Promise<void> {
  const below = await readdir(path.join(folder, 'refs'), { recursive: true });
  const names = [...(await readdir(folder)), ...below.map((name) => path.join('refs', name))];
  const locks = names.filter((name) => name.endsWith('.lock') || name === 'gc.pid');
  await Promise.all(locks.map((name) => rm(path.join(folder, name), { force: true })));
}

function translate(error: unknown): unknown {
  if (error instanceof BrokenCacheError) {
    return new SignatureServerError('repository-unavailable', `read the copy of the branch: ${error.message}`, {
      cause: error,
    });
  }
  if (!(error instanceof SignatureStoreError)) return error;
  const { code, message } = error;
  const isOurs = code === 'repository-denied' || code === 'configuration-invalid';
  return new SignatureServerError(isOurs ? code : 'repository-unavailable', message, { cause: error });
}
