import { constants, inflateRawSync, inflateSync } from 'node:zlib';
import type { InflateRaw, Inflate, ZlibOptions } from 'node:zlib';
import { decompressBzip2 } from './bzip2.ts';
import { Bzip2LimitError, Bzip2TrailingError } from './bzip2-bits.ts';
import { signatureInvalid } from './error.ts';
import { malformed } from './packets.ts';

/** The most that a compressed signature may unfold to, in bytes. */
export const DECOMPRESSED_LIMIT = 1024 * 1024;

/** With `info: true` Node returns the engine, which knows how much input was used; the types do not say so. */
type InflateWithInfo = (
  bytes: Uint8Array,
  options: ZlibOptions & { readonly info: true },
) => { readonly buffer: Uint8Array; readonly engine: InflateRaw | Inflate };

/**
 * Unfolds the body of a compressed data packet (RFC 4880 section 5.6): not at all, ZIP, ZLIB or BZip2; at most 1 MiB, and
 * nothing behind the compressed data.
 * @throws SigningError `signature-invalid`, reason `too-large` or `structure`.
 */
export function decompress(untrustedBody: Uint8Array): Uint8Array {
  const algorithm = untrustedBody[0];
  const compressed = untrustedBody.subarray(1);
  switch (algorithm) {
    case 0:
      return compressed;
    case 1:
      return inflate(compressed, inflateRawSync as unknown as InflateWithInfo, constants.Z_FINISH);
    case 2:
      // As in readers, the checksum at the end may be missing; the signature tells more than it.
      return inflate(compressed, inflateSync as unknown as InflateWithInfo, constants.Z_SYNC_FLUSH);
    case 3:
      return bunzip(compressed);
    default:
      throw malformed(`unknown compression ${algorithm ?? 'of no bytes'}`);
  }
}

function inflate(compressed: Uint8Array, unpack: InflateWithInfo, finishFlush: number): Uint8Array {
  try {
    const { buffer, engine } = unpack(compressed, { maxOutputLength: DECOMPRESSED_LIMIT, finishFlush, info: true });
    if (engine.bytesWritten !== compressed.length) throw bytesBehind();
    return buffer;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause) {
      if (cause.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(cause);
      if (String(cause.code).startsWith('Z_')) throw malformed('the compressed data is damaged', cause);
    }
    throw cause;
  }
}

function bunzip(compressed: Uint8Array): Uint8Array {
  // BZip2 hardly ever grows its input; more than this can only be empty blocks, made to keep the reader busy.
  if (compressed.length > DECOMPRESSED_LIMIT + 64 * 1024) throw tooLarge();
  try {
    return decompressBzip2(compressed, DECOMPRESSED_LIMIT);
  } catch (cause) {
    if (cause instanceof Bzip2LimitError) throw tooLarge(cause);
    if (cause instanceof Bzip2TrailingError) throw bytesBehind(cause);
    throw malformed('the compressed data is damaged', cause);
  }
}

function bytesBehind(cause?: unknown): Error {
  return malformed('bytes behind the compressed data', cause);
}

function tooLarge(cause?: unknown): Error {
  return signatureInvalid('too-large', `signature refused: it unfolds to more than ${DECOMPRESSED_LIMIT} bytes`, cause);
}
