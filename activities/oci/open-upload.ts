import { parseDigest } from '../../workflows/domain/digest.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import { headBlob } from './blob-requests.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import type { RegistrySession } from './session.ts';
import { openedUpload, startUpload } from './upload-requests.ts';
import type { BlobUpload } from './upload-requests.ts';

/** A blob that shall come to a repository. */
export interface WantedBlob {
  readonly repository: Repository;
  readonly blob: Pick<Descriptor, 'digest' | 'size'>;
  /** A repository of the same registry that holds it. */
  readonly neighbour?: Repository | undefined;
  /**
   * `look`: whether it is there is asked by itself. `send`: it is sent although it is said to be there. Default: the
   * request that opens the upload finds out, where the registry lets it.
   */
  readonly mode?: 'look' | 'send' | undefined;
}

/** What became of it: the repository has it, has it now from its neighbour, or waits for it. */
export type OpenOutcome =
  { readonly is: 'present' } | { readonly is: 'mounted' } | { readonly is: 'open'; readonly upload: BlobUpload };

/**
 * Whether a registry, asked to mount a blob from the very repository that it is to be mounted into, says by its answer
 * whether it is there. One that does saves a request for each blob; one that does not would be sent what it has.
 */
export class MountHabits {
  readonly #honours = new Map<string, boolean>();
  readonly #asked = new Set<string>();

  /** Undefined while nothing is known. */
  of({ domain }: Repository): boolean | undefined {
    return this.#honours.get(domain);
  }

  learn({ domain }: Repository, honours: boolean): void {
    this.#honours.set(domain, honours);
  }

  /** Finds out by `ask`, unless it is known or somebody is about to. */
  async findOut({ domain }: Repository, ask: () => Promise<boolean>): Promise<void> {
    if (this.#honours.has(domain) || this.#asked.has(domain)) return;
    this.#asked.add(domain);
    try {
      this.#honours.set(domain, await ask());
    } finally {
      this.#asked.delete(domain);
    }
  }
}

/** Makes sure, by one request where that can be done, that a blob is there or that an upload for it is open. */
export async function openUpload(
  session: RegistrySession,
  { wanted, habits }: { readonly wanted: WantedBlob; readonly habits: MountHabits },
  signal?: AbortSignal,
): Promise<OpenOutcome> {
  const { repository, blob, neighbour, mode } = wanted;
  if (mode === 'send') return { is: 'open', upload: await startUpload(session, repository, signal) };
  const looks = mode === 'look' || (neighbour === undefined && habits.of(repository) === false);
  if (looks && (await headBlob(session, { repository, blob }, signal))) return { is: 'present' };
  if (looks && neighbour === undefined) {
    return { is: 'open', upload: await startUpload(session, repository, signal) };
  }
  const outcome = await tryMount(session, { repository, blob, from: neighbour ?? repository }, signal);
  if (outcome !== 'refused') {
    if (outcome.is === 'present') habits.learn(repository, true);
    return outcome.is === 'present' && neighbour !== undefined ? { is: 'mounted' } : outcome;
  }
  if (neighbour === undefined) habits.learn(repository, false);
  if (!looks && (await headBlob(session, { repository, blob }, signal))) return { is: 'present' };
  return { is: 'open', upload: await startUpload(session, repository, signal) };
}

/** Finds out about a registry's habit with a blob that it has for certain. */
export async function learnMountHabit(
  session: RegistrySession,
  { wanted: { repository, blob }, habits }: { readonly wanted: WantedBlob; readonly habits: MountHabits },
  signal?: AbortSignal,
): Promise<void> {
  await habits.findOut(repository, async () => {
    const outcome = await tryMount(session, { repository, blob, from: repository }, signal);
    if (outcome !== 'refused' && outcome.is === 'open') await outcome.upload.cancel();
    return outcome !== 'refused' && outcome.is === 'present';
  });
}

/**
 * Asks the registry to take a blob over from one of its repositories. One that cannot opens an upload instead, or
 * refuses: what forbids the mount need not forbid the upload (crane knows such registries, and retries without).
 */
async function tryMount(
  session: RegistrySession,
  { repository, blob, from }: Pick<WantedBlob, 'repository' | 'blob'> & { readonly from: Repository },
  signal: AbortSignal | undefined,
): Promise<{ readonly is: 'present' } | Extract<OpenOutcome, { is: 'open' }> | 'refused'> {
  const subject = `mount blob ${formatRepository(from)}@${blob.digest} into ${formatRepository(repository)}`;
  const query = `mount=${encodeURIComponent(parseDigest(blob.digest))}&from=${encodeURIComponent(from.path)}`;
  try {
    const answer = await session.send({
      method: 'POST',
      repository,
      to: `blobs/uploads/?${query}`,
      actions: 'push',
      ...(from.path !== repository.path && { alsoPulls: from }),
      subject,
      accept: [201, 202],
      signal,
    });
    await answer.discard();
    if (answer.status === 201) return { is: 'present' };
    return { is: 'open', upload: openedUpload(session, repository, { answer, subject }) };
  } catch (error) {
    const isRefusal =
      error instanceof RegistryError && (error.code === 'access-denied' || error.code === 'registry-refused');
    if (isRefusal && error.status !== undefined) return 'refused';
    throw error;
  }
}
