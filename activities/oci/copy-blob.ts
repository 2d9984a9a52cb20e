import { BlobTransfer } from './blob-transfer.ts';
import type { CopyEnd, TransferTask } from './blob-transfer.ts';
import type { Call } from './client.ts';
import type { BlobCounter, BlobOutcome, CopyCounter } from './copy-progress.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError, isPassing, isUploadLost, onSide } from './error.ts';
import { OPENING_MS, withLateSignal } from './late-signal.ts';
import type { OpenOutcome, WantedBlob } from './open-upload.ts';
import { BULK_BYTES } from './read-blob.ts';
import type { BlobUpload } from './upload-requests.ts';

/** Between which ends, how, and who counts. */
export interface BlobRoute extends Pick<TransferTask, 'throttle' | 'chunkBytes' | 'retryDelayMs' | 'tails'> {
  readonly source: CopyEnd;
  readonly target: CopyEnd;
  readonly counter: CopyCounter;
  /** Locations of uploads that an earlier attempt left, by digest; not to be trusted. */
  readonly untrustedUploads: ReadonlyMap<string, string>;
}

/** How a blob is to be looked for at the target. */
export interface BlobCall {
  readonly mode?: WantedBlob['mode'];
  readonly signal?: AbortSignal;
}

const ATTEMPTS = 3;

/** Tells whether a blob is held in memory on its way; larger ones are passed on while they are read. */
export function isSmall({ size }: Descriptor): boolean {
  return size <= BULK_BYTES;
}

/** Makes sure that a blob is at the target: it is there, or is mounted, or is sent. */
export async function copyBlob(route: BlobRoute, blob: Descriptor, { mode, signal }: BlobCall): Promise<void> {
  const counter = route.counter.begin(blob);
  const call: Call = signal === undefined ? {} : { signal };
  try {
    counter.finished(await bringBlob({ route, blob, counter, mode }, call));
  } catch (error) {
    counter.failed();
    throw error;
  }
}

interface Errand {
  readonly route: BlobRoute;
  readonly blob: Descriptor;
  readonly counter: BlobCounter;
  readonly mode: WantedBlob['mode'];
}

async function bringBlob(errand: Errand, call: Call): Promise<BlobOutcome> {
  const { blob, mode } = errand;
  const left = mode === 'send' ? undefined : uploadLeftBy(errand);
  if (left !== undefined) return await resumeBlob(errand, left, call);
  for (let attempt = 1; ; attempt++) {
    const opened = await openLate(errand, call);
    if (opened.is === 'present') return 'skipped';
    if (opened.is === 'mounted') return 'mounted';
    if (!isSmall(blob)) return await transfer(errand, opened.upload, call);
    try {
      return await sendSmall(errand, opened.upload, call);
    } catch (error) {
      await opened.upload.cancel({ inHaste: call.signal?.aborted === true });
      call.signal?.throwIfAborted();
      if (attempt >= ATTEMPTS || !isWorthAnotherTry(error)) throw error;
    }
  }
}

/** The upload that an earlier attempt left; undefined where what is said of it cannot be true. */
function uploadLeftBy({ route, blob }: Errand): BlobUpload | undefined {
  const untrustedLocation = route.untrustedUploads.get(blob.digest);
  if (untrustedLocation === undefined || isSmall(blob)) return undefined;
  const { client, repository } = route.target;
  try {
    return client.resumeUpload(repository, untrustedLocation);
  } catch {
    return undefined;
  }
}

/** Goes on where an earlier attempt stopped, which may have got further than it knew. */
async function resumeBlob(errand: Errand, upload: BlobUpload, call: Call): Promise<BlobOutcome> {
  const { route, blob } = errand;
  const { client, repository } = route.target;
  if (await onSide('target', client.blobExists(repository, blob, call))) return 'skipped';
  return await transfer(errand, upload, call, { resumes: true });
}

async function transfer(
  { route, blob, counter }: Errand,
  upload: BlobUpload,
  { signal }: Call,
  how: { readonly resumes?: boolean } = {},
): Promise<BlobOutcome> {
  const { source, target, throttle, chunkBytes, retryDelayMs, tails } = route;
  const task = { source, target, throttle, chunkBytes, retryDelayMs, tails, blob, counter, signal };
  const running = new BlobTransfer(task, upload);
  try {
    await running.run(how);
    return 'copied';
  } catch (error) {
    await running.giveUp(error);
    throw error;
  }
}

async function sendSmall({ route, blob, counter }: Errand, upload: BlobUpload, call: Call): Promise<BlobOutcome> {
  const { source, throttle } = route;
  counter.standsAt(0);
  const bytes = await onSide('source', source.client.readBlob(source.repository, blob, call));
  await throttle?.spend(bytes.length, call.signal);
  counter.sent(bytes.length);
  await onSide('target', upload.finish(blob, bytes, call.signal));
  return 'copied';
}

/** An upload that is opened while the copy is being stopped is given up again, so that registries keep no litter. */
async function openLate({ route, blob, mode }: Errand, { signal }: Call): Promise<OpenOutcome> {
  const { source, target } = route;
  const { client, repository } = target;
  const isNeighbour = source.repository.domain === repository.domain && source.repository.path !== repository.path;
  const wanted: WantedBlob = { repository, blob, mode, ...(isNeighbour && { neighbour: source.repository }) };
  const outcome = await withLateSignal(signal, OPENING_MS, (late) =>
    onSide('target', client.openUpload(wanted, { signal: late })),
  );
  if (outcome.is === 'open' && signal?.aborted === true) await outcome.upload.cancel({ inHaste: true });
  signal?.throwIfAborted();
  return outcome;
}

/** Connections break, upload sessions are forgotten, and a token may have died since the upload was opened. */
function isWorthAnotherTry(error: unknown): boolean {
  // What can be done about a source that breaks off was done while it was read.
  if (!(error instanceof RegistryError) || error.side !== 'target') return false;
  return isPassing(error) || isUploadLost(error);
}
