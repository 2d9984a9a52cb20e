import { parseDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import { resolveLocation, withParameter } from './location.ts';
import type { RegistrySession } from './session.ts';

/** An upload that the registry has opened. It ends with `finish` or with `cancel`. */
export interface BlobUpload {
  /** Sends the whole blob in one request. Chunks are taken once, so a failure leaves nothing to go on with. */
  readonly finish: (
    blob: Pick<Descriptor, 'digest' | 'size'>,
    chunks: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ) => Promise<void>;
  /** Tells the registry to forget the upload: best effort, within a second, never throws. */
  readonly cancel: () => Promise<void>;
}

/** A blob that may be in another repository of the same registry. */
export interface Mount {
  readonly digest: Digest;
  readonly from: Repository;
}

/** What became of a mount: done, or an upload that is open now instead. */
export type MountOutcome = { readonly mounted: true } | { readonly mounted: false; readonly upload: BlobUpload };

const CANCEL_MS = 500;

/** Opens an upload. */
export async function startUpload(
  session: RegistrySession,
  repository: Repository,
  signal: AbortSignal | undefined,
): Promise<BlobUpload> {
  const subject = `open an upload to ${formatRepository(repository)}`;
  const answer = await session.send({
    method: 'POST',
    repository,
    to: 'blobs/uploads/',
    actions: 'push',
    subject,
    accept: [202],
    signal,
  });
  await answer.discard();
  return uploadAt(session, repository, resolveLocation(answer.header('location'), answer.url, subject));
}

/**
 * Asks the registry to take a blob over from another of its repositories. One that cannot, or may not let us read
 * there, opens an upload instead.
 */
export async function mountBlob(
  session: RegistrySession,
  { repository, mount }: { readonly repository: Repository; readonly mount: Mount },
  signal: AbortSignal | undefined,
): Promise<MountOutcome> {
  const { digest, from } = mount;
  const subject = `mount blob ${formatRepository(from)}@${digest} into ${formatRepository(repository)}`;
  const query = `mount=${encodeURIComponent(parseDigest(digest))}&from=${encodeURIComponent(from.path)}`;
  try {
    const answer = await session.send({
      method: 'POST',
      repository,
      to: `blobs/uploads/?${query}`,
      actions: 'push',
      alsoPulls: from,
      subject,
      accept: [201, 202],
      signal,
    });
    await answer.discard();
    if (answer.status === 201) return { mounted: true };
    const location = resolveLocation(answer.header('location'), answer.url, subject);
    return { mounted: false, upload: uploadAt(session, repository, location) };
  } catch (error) {
    // What forbids the mount need not forbid the upload (crane knows such registries, and retries without).
    const isRefusal =
      error instanceof RegistryError && (error.code === 'access-denied' || error.code === 'registry-refused');
    if (!isRefusal || error.status === undefined) throw error;
    return { mounted: false, upload: await startUpload(session, repository, signal) };
  }
}

function uploadAt(session: RegistrySession, repository: Repository, location: URL): BlobUpload {
  return {
    finish: async ({ digest, size }, chunks, signal) => {
      const body = size === 0 ? await readEmpty(chunks) : { size, chunks };
      const answer = await session.send({
        method: 'PUT',
        repository,
        to: withParameter(location, 'digest', parseDigest(digest)),
        actions: 'push',
        headers: { 'content-type': 'application/octet-stream' },
        body,
        subject: `upload blob ${formatRepository(repository)}@${digest}`,
        accept: [201, 204],
        signal,
      });
      await answer.discard();
    },
    cancel: async () => {
      await cancelUpload(session, repository, location).catch(() => undefined);
    },
  };
}

async function cancelUpload(session: RegistrySession, repository: Repository, location: URL): Promise<void> {
  const answer = await session.send({
    method: 'DELETE',
    repository,
    to: location,
    actions: 'push',
    subject: `cancel an upload to ${formatRepository(repository)}`,
    accept: [200, 202, 204, 404],
    signal: AbortSignal.timeout(CANCEL_MS),
  });
  await answer.discard();
}

/** Nothing is sent of an empty blob, but its chunks tell by their end whether it is one. */
async function readEmpty(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const read: Uint8Array[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return Buffer.concat(read);
}
