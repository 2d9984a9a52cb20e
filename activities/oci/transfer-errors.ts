import type { Descriptor } from './descriptor.ts';
import { RegistryError, isPassing, isUploadLost } from './error.ts';

/** How a registry says that it takes no chunks, or not this one. */
const NO_CHUNKS = new Set([400, 404, 405, 411, 415, 416, 501]);

/** The blob is at the target, although the last thing heard was a failure. */
export class IsThereError extends Error {}

/** What the source sent is not the blob. */
export function wrongBytes({ digest }: Descriptor): RegistryError {
  const message = `source: read blob ${digest}: received bytes of another digest`;
  return new RegistryError('content-mismatch', message, { side: 'source' });
}

/** The target has other than it was sent. */
export function storedOther({ digest }: Descriptor, { stored, sent }: { stored: number; sent: number }): RegistryError {
  const message = `target: upload blob ${digest}: expected ${sent} bytes to be stored, received ${stored}`;
  return new RegistryError('registry-unavailable', message, { side: 'target' });
}

/** Whether a registry wants the blob in one piece, as far as an error tells. */
export function refusesChunks(error: unknown): boolean {
  return error instanceof RegistryError && error.status !== undefined && NO_CHUNKS.has(error.status);
}

/** Whether an upload that failed may go on, or be begun anew. */
export function mayRecover(error: unknown, isChunked: boolean): boolean {
  if (!(error instanceof RegistryError) || error.side !== 'target') return false;
  if (isPassing(error)) return !error.isTooSlow;
  return isUploadLost(error) || (isChunked && refusesChunks(error));
}
