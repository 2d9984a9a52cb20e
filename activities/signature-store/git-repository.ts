import { setTimeout as delay } from 'node:timers/promises';
import { BrokenCacheError, SignatureStoreError } from './error.ts';
import type { GitAccess } from './git-access.ts';
import { createGitObjects } from './git-objects.ts';
import type { GitObjects, TreeCache } from './git-objects.ts';
import { PROPOSAL_PREFIX } from './options.ts';
import type { StoreSettings } from './options.ts';

/** What the remote's references say at one moment. */
export interface RemoteState {
  /** The served branch's commit; undefined where the branch does not exist. */
  readonly served: string | undefined;
  /** Commit by branch, for the branches below `countersign/`. */
  readonly proposals: ReadonlyMap<string, string>;
}

export interface CommitInfo {
  readonly oid: string;
  readonly tree: string;
  readonly parents: readonly string[];
  /** Committer date, milliseconds since 1970. */
  readonly time: number;
  readonly message: string;
}

export interface LogRange {
  readonly from: string;
  readonly not?: readonly string[];
  readonly firstParent?: true;
  readonly limit?: number;
}

export interface NewCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  /** ISO 8601; author and committer date. */
  readonly time: string;
}

/** A change of one remote branch, valid only while the branch still stands at `expected`. */
export interface BranchUpdate {
  readonly branch: string;
  /** Undefined: the branch must not exist yet. */
  readonly expected: string | undefined;
  /** Undefined: the branch is deleted. */
  readonly commit: string | undefined;
}

/** The remote repository, seen through the cache, for one operation. */
export interface GitRepository extends GitObjects {
  observe(): Promise<RemoteState>;
  /** All branches of the remote; to tell an empty repository from a missing branch. */
  branches(): Promise<readonly string[]>;
  /** Brings the commits and their history, without trees and blobs where the host allows. The served one goes first. */
  requireCommits(oids: readonly string[]): Promise<void>;
  /** Commits from `from` backwards, newest first. */
  log(range: LogRange): Promise<CommitInfo[]>;
  commit(commit: NewCommit): Promise<string>;
  /**
   * Tries the update and returns what the remote says afterwards: whether it took place shows there alone.
   * @throws SignatureStoreError `repository-denied` or `repository-unavailable` when it failed and nothing moved.
   */
  push(update: BranchUpdate): Promise<RemoteState>;
}

export interface RepositoryContext {
  readonly access: GitAccess;
  readonly settings: StoreSettings;
  readonly trees: TreeCache;
  /** Filter of partial clone, undefined for everything. */
  readonly filter: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Thrown when the remote can be reached and yet gives no objects: the filter may not be to its liking. */
export class FetchRefusedError extends BrokenCacheError {}

const LOG_FORMAT = '--format=%H %T %ct %P%n%B';
const SERVED_REF = 'refs/countersign/served';
const REJECTED_TRIES = 3;
const OID = /^[0-9a-f]{40}$/;

export function createGitRepository(context: RepositoryContext): GitRepository {
  const { settings } = context;
  const observe = async (): Promise<RemoteState> => {
    const refs = await listRemote(context, [settings.branchRef, `refs/heads/${PROPOSAL_PREFIX}*`]);
    const proposals = [...refs].filter(([branch]) => branch.startsWith(PROPOSAL_PREFIX));
    return { served: refs.get(settings.branch), proposals: new Map(proposals) };
  };
  const objects = createGitObjects({
    ...context,
    fetchObjects: (oids) => fetch(context, oids, ['-c', 'fetch.negotiationAlgorithm=noop']),
  });

  return {
    ...objects,
    observe,
    branches: async () => [...(await listRemote(context, ['refs/heads/*'])).keys()],
    requireCommits: (oids) => requireCommits(context, oids),
    log: (range) => readLog(context, range),
    commit: (commit) => createCommit(context, commit),
    push: (update) => push(context, observe, update),
  };
}

async function listRemote(context: RepositoryContext, patterns: readonly string[]): Promise<Map<string, string>> {
  const { access, signal } = context;
  const outcome = await access.remote({ arguments: ['ls-remote', '--quiet', 'origin', ...patterns], signal });
  if (outcome.exitCode !== 0) throw await access.failure('read', outcome);
  const refs = new Map<string, string>();
  for (const line of outcome.stdout.toString('utf8').split('\n')) {
    const [oid = '', ref = ''] = line.split('\t');
    if (OID.test(oid) && ref.startsWith('refs/heads/')) refs.set(ref.slice('refs/heads/'.length), oid);
  }
  return refs;
}

async function requireCommits(context: RepositoryContext, oids: readonly string[]): Promise<void> {
  const unknown = await missingCommits(context, oids);
  if (unknown.length === 0) return;
  await fetch(context, unknown, []);
  const [first] = oids;
  if (first === undefined) return;
  // The one reference of the cache: next time git tells the host from where on it needs commits.
  await context.access.local({ arguments: ['update-ref', SERVED_REF, first], signal: context.signal });
}

async function readLog(
  { access, signal }: RepositoryContext,
  { from, not = [], firstParent, limit }: LogRange,
): Promise<CommitInfo[]> {
  const output = await access.local({
    arguments: [
      ...['log', '-z', '--topo-order', '--no-notes', '--no-mailmap', '--encoding=UTF-8', LOG_FORMAT],
      ...(firstParent === true ? ['--first-parent'] : []),
      ...(limit === undefined ? [] : [`--max-count=${limit}`]),
      ...[from, ...not.map((oid) => `^${oid}`)],
    ],
    signal,
  });
  return output.toString('utf8').split('\0').filter(Boolean).map(parseLogEntry);
}

async function createCommit(
  { access, settings, signal }: RepositoryContext,
  { tree, parents, message, time }: NewCommit,
): Promise<string> {
  const date = `@${Math.floor(Date.parse(time) / 1000)} +0000`;
  const { name, email } = settings.identity;
  const output = await access.local({
    arguments: ['commit-tree', ...parents.flatMap((parent) => ['-p', parent]), '-F', '-', tree],
    input: message,
    environment: {
      ...{ GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: date },
      ...{ GIT_COMMITTER_NAME: name, GIT_COMMITTER_EMAIL: email, GIT_COMMITTER_DATE: date },
    },
    signal,
  });
  return output.toString('latin1').trim();
}

async function missingCommits({ access, signal }: RepositoryContext, oids: readonly string[]): Promise<string[]> {
  const input = oids.map((oid) => `${oid}\n`).join('');
  const output = await access.local({ arguments: ['cat-file', '--batch-check=%(objecttype)'], input, signal });
  const lines = output.toString('latin1').split('\n');
  return oids.filter((_oid, index) => lines[index] !== 'commit');
}

async function fetch(context: RepositoryContext, oids: readonly string[], configuration: string[]): Promise<void> {
  const { access, filter, signal } = context;
  // Given per call and never stored, so that local commands see missing objects as missing.
  const partial = ['-c', 'remote.origin.promisor=true', '-c', `remote.origin.partialclonefilter=${filter ?? ''}`];
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules', '--no-auto-maintenance'];
  const outcome = await access.remote({
    arguments: [
      ...[...configuration, ...(filter === undefined ? [] : partial), 'fetch', ...options],
      ...(filter === undefined ? [] : [`--filter=${filter}`]),
      ...['--stdin', 'origin'],
    ],
    input: oids.map((oid) => `${oid}\n`).join(''),
    signal,
  });
  if (outcome.exitCode === 0) return;
  const failure = await access.failure('fetch from', outcome);
  if (failure.code !== 'repository-unavailable' || (outcome.httpStatus ?? 200) >= 400) throw failure;
  await listRemote(context, [context.settings.branchRef]);
  throw new FetchRefusedError(failure.message);
}

async function push(
  context: RepositoryContext,
  observe: () => Promise<RemoteState>,
  update: BranchUpdate,
): Promise<RemoteState> {
  const { access, settings, signal } = context;
  const ref = `refs/heads/${update.branch}`;
  for (let tries = 1; ; tries++) {
    const outcome = await access.remote({
      arguments: [
        ...['push', '--porcelain', '--no-verify', '--no-follow-tags', '--recurse-submodules=no'],
        ...[`--force-with-lease=${ref}:${update.expected ?? ''}`, 'origin', `${update.commit ?? ''}:${ref}`],
      ],
      signal,
    });
    const state = await observe();
    const now = update.branch === settings.branch ? state.served : state.proposals.get(update.branch);
    if (outcome.exitCode === 0 || now !== update.expected) return state;
    // A line that begins with `!` is the remote's (or the lease's) own refusal of this reference.
    const refused = /^!/m.test(outcome.stdout.toString('latin1'));
    if (!refused) throw await access.failure('push to', outcome);
    if (tries >= REJECTED_TRIES) {
      throw new SignatureStoreError(
        'repository-denied',
        `push to ${settings.shownUrl}: the remote refused branch ${update.branch}, which has not moved; ` +
          `allow these commits there; git said: ${await access.said(outcome)}`,
        { branch: update.branch },
      );
    }
    // A rival's push that still holds the reference's lock looks the same for a moment.
    await delay(50 + Math.random() * 100 * tries, undefined, { signal });
  }
}

function parseLogEntry(entry: string): CommitInfo {
  const end = entry.indexOf('\n');
  const [oid = '', tree = '', seconds = '', ...parents] = entry.slice(0, end).split(' ');
  return {
    oid,
    tree,
    parents: parents.filter((parent) => parent !== ''),
    time: Number(seconds) * 1000,
    message: entry.slice(end + 1),
  };
}
