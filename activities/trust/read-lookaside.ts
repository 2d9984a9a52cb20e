import { readFile, stat } from 'node:fs/promises';
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { Digest } from '../../workflows/domain/digest.ts';
import { MAX_SIGNATURES } from '../../workflows/domain/signature-path.ts';
import { SIGNATURE_SIZE_LIMIT } from '../signing/index.ts';
import { TrustError } from './error.ts';
import { fetchUrl } from './fetch-url.ts';
import { displayUrl, filePath, lookasideUrl, parseLookasideUrl } from './lookaside-url.ts';

/** How a store is read. */
export interface LookasideOptions {
  readonly signal?: AbortSignal;
  /** undici's global one unless given. */
  readonly dispatcher?: Dispatcher;
  /** Certificates of a private authority in PEM; trusted instead of the system's, where no dispatcher is given. */
  readonly ca?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes per signature; 4 MiB, as readers have it. */
  readonly limit?: number;
  /** Per signature, with its redirects; 30 s. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Reads the signatures of a manifest as clusters do: signature-1, -2, … up to the first that does not exist, at most 127.
 * Registry credentials are never sent; user and password of the URL are.
 * @throws TrustError `not-served` when a status is neither 200 nor 404 or the server does not answer, `served-wrong`
 * for a signature past the limit or a set past 127: both fail the read as a whole, as with readers.
 */
export async function readLookaside(
  base: string,
  repositoryPath: string,
  digest: Digest,
  options: LookasideOptions = {},
): Promise<Uint8Array[]> {
  const agent = options.ca === undefined || options.dispatcher !== undefined ? undefined : privateAgent(options.ca);
  const dispatcher = options.dispatcher ?? agent;
  const signatures: Uint8Array[] = [];
  try {
    for (let number = 1; ; number++) {
      options.signal?.throwIfAborted();
      const url = lookasideUrl(base, repositoryPath, digest, number);
      const blob = await readOne(url, { ...options, ...(dispatcher !== undefined && { dispatcher }) });
      if (blob === undefined) return signatures;
      if (number > MAX_SIGNATURES) {
        const shown = displayUrl(parseLookasideUrl(url));
        throw new TrustError('served-wrong', `${shown} exists; readers refuse more than ${MAX_SIGNATURES} signatures`, {
          url: shown,
        });
      }
      signatures.push(blob);
    }
  } finally {
    await agent?.destroy();
  }
}

function privateAgent(ca: string): Agent {
  return new Agent({ connect: { ca } });
}

async function readOne(url: string, options: LookasideOptions): Promise<Uint8Array | undefined> {
  const limit = options.limit ?? SIGNATURE_SIZE_LIMIT;
  const parsed = parseLookasideUrl(url);
  if (parsed.scheme === 'file') return await readLocal(filePath(parsed), limit);
  return await fetchUrl(url, { ...options, limit, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS });
}

async function readLocal(path: Buffer, limit: number): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    if (size > limit)
      throw new TrustError('served-wrong', `${path.toString()}: ${size} bytes; no signature is that large`);
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof TrustError) throw cause;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new TrustError('not-served', `cannot read ${path.toString()}`, { cause });
  }
}
