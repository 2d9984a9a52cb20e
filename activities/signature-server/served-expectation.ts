import type { Digest } from '../../workflows/domain/digest.ts';
import { signaturePath } from '../../workflows/domain/signature-path.ts';

/** What must be found at one path below the served address. */
export type ServedExpectation =
  | { readonly path: string; readonly is: 'bytes'; readonly blob: Uint8Array }
  /** Some signature, of whom is not judged here: without it readers stop before they reach ours. */
  | { readonly path: string; readonly is: 'signature' }
  | { readonly path: string; readonly is: 'absent' };

/** One signature that must be served. */
export interface ExpectedSignature {
  /** Digest of the manifest it signs. */
  readonly digest: Digest;
  /** Its number, from 1. */
  readonly number: number;
  readonly blob: Uint8Array;
  /** What `number + 1` must be: absent, or these bytes that a later commit on the served branch put there. */
  readonly next: 'absent' | Uint8Array;
}

/**
 * Turns signatures into what a reader meets on its way to them: every lower number, since a gap ends the list
 * (containers/image), the signature itself, and the number behind it.
 */
export function expectSignatures(
  repositoryPath: string,
  signatures: readonly ExpectedSignature[],
): readonly ServedExpectation[] {
  const exact: ServedExpectation[] = [];
  const known = new Set<string>();
  for (const { digest, number, blob, next } of signatures) {
    const path = signaturePath(repositoryPath, digest, number);
    const nextPath = signaturePath(repositoryPath, digest, number + 1);
    exact.push({ path, is: 'bytes', blob });
    exact.push(next === 'absent' ? { path: nextPath, is: 'absent' } : { path: nextPath, is: 'bytes', blob: next });
    known.add(path).add(nextPath);
  }
  const before: ServedExpectation[] = [];
  for (const { digest, number } of signatures) {
    for (let lower = 1; lower < number; lower++) {
      const path = signaturePath(repositoryPath, digest, lower);
      if (!known.has(path)) before.push({ path, is: 'signature' });
      known.add(path);
    }
  }
  return [...before, ...exact];
}
