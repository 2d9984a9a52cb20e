import { splitDigest } from './digest.ts';
import type { Digest } from './digest.ts';

/** Readers refuse a set of more than 127 signatures as a whole (containers/image `internal/iolimits`). */
export const MAX_SIGNATURES = 127;

/**
 * The lookaside directory of a manifest: `<repository path>@<algorithm>=<hex>`. The tag is no part of it, so that all
 * tags of a manifest share one directory (containers/image `docker/lookaside.go`).
 */
export function signatureDirectory(repositoryPath: string, digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return `${repositoryPath}@${algorithm}=${hex}`;
}

/** The lookaside path of signature number `number` (from 1). */
export function signaturePath(repositoryPath: string, digest: Digest, number: number): string {
  return `${signatureDirectory(repositoryPath, digest)}/signature-${number}`;
}
