import { createHash } from 'node:crypto';
import { splitDigest } from '../../workflows/domain/digest.ts';
import { RegistryError } from './error.ts';
import type { Descriptor } from './descriptor.ts';

/** How slow a source may be, measured over the time that is spent waiting for it. */
export interface Pace {
  /** Milliseconds of waiting after which bytes are counted. */
  readonly windowMs: number;
  /** Bytes that must have come within the window. */
  readonly bytes: number;
}

/** 1 KiB/s: no network that is worth waiting for is slower, and one byte every ten seconds would hold a slot for ever. */
export const SLOWEST_PACE: Pace = { windowMs: 30_000, bytes: 30 * 1024 };

/**
 * Passes chunks on while it checks them. The last one is held back until all is known to be right, so that whoever
 * receives them never has the whole of a wrong blob.
 * @throws RegistryError `content-mismatch` for another digest or size, `registry-unavailable` for too slow a pace.
 */
export async function* verifiedChunks(
  chunks: AsyncIterable<Uint8Array>,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  { subject, pace = SLOWEST_PACE }: { readonly subject: string; readonly pace?: Pace },
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash(splitDigest(digest).algorithm);
  const keepsPace = paceKeeper(pace, subject);
  let received = 0;
  let last: Uint8Array | undefined;
  let asked = performance.now();
  for await (const chunk of chunks) {
    keepsPace(performance.now() - asked, chunk.length);
    received += chunk.length;
    if (received > size) throw mismatch(`${subject}: expected ${size} bytes, received more`);
    hash.update(chunk);
    if (received < size) yield chunk;
    else if (chunk.length > 0) last = chunk;
    asked = performance.now();
  }
  if (received < size) throw mismatch(`${subject}: expected ${size} bytes, received ${received}`);
  const found = hash.digest('hex');
  if (found !== splitDigest(digest).hex) throw mismatch(`${subject}: received ${size} bytes of digest ${found}`);
  if (last !== undefined) yield last;
}

function paceKeeper({ windowMs, bytes }: Pace, subject: string): (waitedMs: number, length: number) => void {
  let waited = 0;
  let arrived = 0;
  return (waitedMs, length) => {
    waited += waitedMs;
    arrived += length;
    if (waited < windowMs) return;
    if (arrived < bytes) {
      const message = `${subject}: expected at least ${bytes} bytes in ${windowMs} ms, received ${arrived}`;
      throw new RegistryError('registry-unavailable', message);
    }
    waited = 0;
    arrived = 0;
  };
}

function mismatch(message: string): RegistryError {
  return new RegistryError('content-mismatch', message);
}
