import { TrustError, lookasideUrl } from '../../activities/trust/index.ts';
import { parseDigest } from '../../workflows/domain/digest.ts';
import { SHA256 } from './reference-texts.ts';

/** A base with a repository's path behind it as we ask for it, without the signature's file; `unusable` where we refuse. */
export function comparableUrl(base: string, repositoryPath: string): string {
  try {
    const digest = parseDigest(SHA256);
    return lookasideUrl(base, repositoryPath, digest, 1).replace(`@${SHA256.replace(':', '=')}/signature-1`, '');
  } catch (error) {
    if (error instanceof TrustError) return 'unusable';
    throw error;
  }
}
