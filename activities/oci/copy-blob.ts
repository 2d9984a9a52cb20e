import type { Repository } from '../../workflows/domain/reference.ts';
import type { BlobStream } from './blob-requests.ts';
import type { Call, RegistryClient } from './client.ts';
import type { BlobOutcome, CopyCounter } from './copy-progress.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError, onSide, withSide } from './error.ts';
import { withLateSignal } from './late-signal.ts';
import type { BlobUpload } from './upload-requests.ts';

/** One end of a copy. */
export interface CopyEnd {
  readonly client: RegistryClient;
  readonly repository: Repository;
}

/** Between which ends, and who counts. */
export interface BlobRoute {
  readonly source: CopyEnd;
  readonly target: CopyEnd;
  readonly counter: CopyCounter;
}

const ATTEMPTS = 2;
/** How long the answer to an opened upload is waited for when the copy is stopped: to know what to give up. */
const OPENING_MS = 400;

/**
 * Makes sure that a blob is at the target: it is there, or is mounted, or is sent. An upload that broke off is begun
 * once more from the start.
 * @param options `force`: send it although the target says that it has it, because it has turned out not to.
 */
export async function copyBlob(
  route: BlobRoute,
  blob: Descriptor,
  { signal, force = false }: { readonly signal?: AbortSignal; readonly force?: boolean },
): Promise<void> {
  const call: Call = signal === undefined ? {} : { signal };
  for (let attempt = 1; ; attempt++) {
    try {
      route.counter.finished(blob, await bringBlob(route, blob, { call, force }));
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= ATTEMPTS || !isWorthAnotherTry(error)) throw error;
    }
  }
}

async function bringBlob(
  route: BlobRoute,
  blob: Descriptor,
  { call, force }: { readonly call: Call; readonly force: boolean },
): Promise<BlobOutcome> {
  const { source, target } = route;
  if (!force && (await onSide('target', target.client.blobExists(target.repository, blob, call)))) return 'skipped';
  const upload = await openUpload(route, blob, { call, force });
  if (upload === 'mounted') return 'mounted';
  try {
    const stream = await onSide('source', source.client.openBlob(source.repository, blob, call));
    await sendBlob({ route, upload, stream }, blob, call);
    return 'copied';
  } catch (error) {
    await upload.cancel();
    throw error;
  }
}

/** An upload that is opened while the copy is being stopped is given up again, so that registries keep no litter. */
async function openUpload(
  route: BlobRoute,
  blob: Descriptor,
  { call: { signal }, force }: { readonly call: Call; readonly force: boolean },
): Promise<BlobUpload | 'mounted'> {
  const upload = await withLateSignal(signal, OPENING_MS, (late) =>
    onSide('target', mountOrOpen(route, blob, { call: { signal: late }, force })),
  );
  if (upload !== 'mounted' && signal?.aborted === true) await upload.cancel();
  signal?.throwIfAborted();
  return upload;
}

async function mountOrOpen(
  { source, target }: BlobRoute,
  { digest }: Descriptor,
  { call, force }: { readonly call: Call; readonly force: boolean },
): Promise<BlobUpload | 'mounted'> {
  const { client, repository } = target;
  const isNeighbour = source.repository.domain === repository.domain && source.repository.path !== repository.path;
  // A blob that is forced was said to be there once already; a mount would say it again.
  if (!isNeighbour || force) return await client.startUpload(repository, call);
  const outcome = await client.mountBlob(repository, { digest, from: source.repository }, call);
  return outcome.mounted ? 'mounted' : outcome.upload;
}

/** The source's failure arrives as a failure of the upload that read from it: it is told as what it was. */
async function sendBlob(
  { route, upload, stream }: { readonly route: BlobRoute; readonly upload: BlobUpload; readonly stream: BlobStream },
  blob: Descriptor,
  { signal }: Call,
): Promise<void> {
  const { counter } = route;
  let sent = 0;
  let failure: { readonly error: unknown } | undefined;
  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of stream.chunks) {
        sent += chunk.length;
        counter.sent(chunk.length);
        yield chunk;
      }
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  try {
    await upload.finish(blob, counted(), signal);
  } catch (error) {
    counter.sent(-sent);
    throw failure === undefined ? withSide('target', error) : withSide('source', failure.error);
  } finally {
    stream.close();
  }
}

/** Connections break, upload sessions are forgotten, and a token may have died since the upload was opened. */
function isWorthAnotherTry(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  if (error.code === 'registry-unavailable') return true;
  return error.side === 'target' && (error.status === 401 || error.registryCodes.includes('BLOB_UPLOAD_UNKNOWN'));
}
