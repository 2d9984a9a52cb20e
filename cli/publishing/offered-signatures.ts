import { constants } from 'node:fs';
import { open, opendir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { verifySignature } from '../../activities/signing/index.ts';
import type { KeyRing, VerifiedSignature } from '../../activities/signing/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { signatureDirectory } from '../../workflows/domain/signature-path.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError, usageError } from '../failure.ts';
import type { SignedImage } from './image-manifests.ts';

/** A signature from the directory that is what it should be. */
export interface OfferedSignature {
  readonly digest: Digest;
  readonly blob: Uint8Array;
  readonly fingerprint: string;
  /** Relative to the directory. */
  readonly path: string;
}

/** A file that is not taken, and why. */
export interface RefusedFile {
  readonly path: string;
  readonly digest: Digest;
  readonly reason: string;
}

/** What lies in the directory for one image. */
export interface Offer {
  readonly signatures: readonly OfferedSignature[];
  readonly refused: readonly RefusedFile[];
}

/** What signatures must be. */
export interface OfferWish {
  /** Absolute. */
  readonly directory: string;
  /** With the tag that they must claim. */
  readonly reference: ImageReference;
  readonly digests: readonly Digest[];
  readonly keys: KeyRing;
  readonly now: Date;
}

/** Real ones have about one kilobyte; readers would take more. */
const MAX_BYTES = 64 * 1024;
const MAX_FILES = 1000;
const NAME = /^signature-[1-9]\d{0,5}$/;

/**
 * Reads the signatures of an image from a directory in lookaside layout: only those that verify with one of the keys
 * and claim exactly this reference and digest. Anything may lie there: links are not followed, and nothing large is read.
 * @throws CliError `usage` where the directory cannot be read.
 */
export async function readOffer(wish: OfferWish): Promise<Offer> {
  const root = await realpath(wish.directory).catch((error: unknown) => {
    throw unreadable(wish.directory, error);
  });
  const signatures: OfferedSignature[] = [];
  const refused: RefusedFile[] = [];
  for (const digest of wish.digests) {
    const folder = signatureDirectory(wish.reference.path, digest);
    for (const name of await listFiles(root, folder)) {
      const place = `${folder}/${name}`;
      const outcome = await readOne(path.join(root, place), name, { ...wish, digest });
      if (typeof outcome === 'string') refused.push({ path: place, digest, reason: outcome });
      else signatures.push({ ...outcome, path: place });
    }
  }
  return { signatures, refused };
}

/**
 * The files of those manifests that have files and no good signature among them: nothing that is published of such an
 * image would make it acceptable.
 * @throws CliError `notFound` where nothing of the image is there at all.
 */
export function findHopeless(
  { signatures, refused }: Offer,
  { reference, digest }: Pick<SignedImage, 'reference' | 'digest'>,
  directory: string,
): readonly RefusedFile[] {
  const good = new Set(signatures.map((one) => one.digest));
  const hopeless = refused.filter((one) => !good.has(one.digest));
  if (hopeless.length > 0 || signatures.length > 0) return hopeless;
  throw new CliError(
    EXIT.notFound,
    `there is no signature of ${formatReference(reference)} (${digest}) in ${directory}; expected what sign writes there`,
  );
}

/** A signature, or why it is none for us. */
async function readOne(
  file: string,
  name: string,
  wish: OfferWish & { readonly digest: Digest },
): Promise<Omit<OfferedSignature, 'path'> | string> {
  if (!NAME.test(name)) return 'is not named signature-N';
  const blob = await readBounded(file);
  if (typeof blob === 'string') return blob;
  const verified = await verifySignature(blob, wish.keys, { now: wish.now }).catch((error: unknown) => {
    return error instanceof Error ? error.message : 'is no signature';
  });
  if (typeof verified === 'string') return verified;
  return refuseClaim(verified, wish) ?? { digest: wish.digest, blob, fingerprint: verified.fingerprint };
}

function refuseClaim(
  { digest, dockerReference }: VerifiedSignature,
  wish: OfferWish & { readonly digest: Digest },
): string | undefined {
  const expected = formatReference(wish.reference);
  if (digest !== wish.digest) return `claims digest ${digest}`;
  return dockerReference === expected ? undefined : `claims ${dockerReference}; expected ${expected}`;
}

/** The names in a folder; none where it is not there, or is not below the root. */
async function listFiles(root: string, folder: string): Promise<readonly string[]> {
  const wanted = path.join(root, folder);
  try {
    if ((await realpath(wanted)) !== wanted) {
      throw usageError(`--signatures: ${wanted} leads elsewhere by a symbolic link; expected a directory of its own`);
    }
    const names: string[] = [];
    for await (const { name } of await opendir(wanted)) {
      if (names.push(name) > MAX_FILES) throw usageError(`--signatures: ${wanted} holds more than ${MAX_FILES} files`);
    }
    return names.sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw (error as NodeJS.ErrnoException).code === undefined ? error : unreadable(wanted, error);
  }
}

/** The bytes, or why they are not read. */
async function readBounded(file: string): Promise<Uint8Array | string> {
  try {
    // Without O_NONBLOCK a named pipe in its place would be waited for.
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) return 'is not a regular file';
      if (stats.size > MAX_BYTES) return `has ${stats.size} bytes; no signature is that large`;
      const buffer = Buffer.alloc(MAX_BYTES);
      const { bytesRead } = await handle.read(buffer, 0, MAX_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ELOOP' ? 'is a symbolic link' : `cannot be read (${code ?? 'unknown error'})`;
  }
}

function unreadable(directory: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error as Error;
  return usageError(`--signatures ${directory}: ${code}; expected a directory in lookaside layout, as sign writes it`);
}
