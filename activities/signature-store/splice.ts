import type { Digest } from '../../workflows/domain/digest.ts';
import type { GitObjects } from './git-objects.ts';
import { addFiles, manifestPath, nextNumber, readSignatureSet } from './signature-tree.ts';
import type { AddedFile, SignatureSet } from './signature-tree.ts';
import type { PublishInput, SignatureNumber, StoredSignature } from './types.ts';

export interface SpliceInput {
  /** The tree to add to. */
  readonly tree: string;
  readonly directoryPath: readonly string[];
  readonly repositoryPath: string;
  readonly signatures: readonly StoredSignature[];
  /** Left out: only the same bytes are equal. */
  readonly isEqual?: PublishInput['isEqual'];
}

/** A tree that holds every signature, and where each one stands in it. */
export interface Splice {
  /** The same as before when every signature was there already. */
  readonly tree: string;
  readonly numbers: readonly SignatureNumber[];
  /** The file of every signature, added now or found. */
  readonly files: readonly AddedFile[];
  /** Those of `files` that were not there before. */
  readonly added: readonly AddedFile[];
}

/**
 * Adds each signature at the next free number of its manifest, unless an equal one stands there.
 * @throws SignatureStoreError `signature-limit` or `repository-conflict`.
 */
export async function spliceSignatures(objects: GitObjects, input: SpliceInput): Promise<Splice> {
  const sets = new Map<Digest, SignatureSet>();
  const numbers: SignatureNumber[] = [];
  const files: AddedFile[] = [];
  const added: AddedFile[] = [];
  for (const { digest, blob } of input.signatures) {
    const path = manifestPath(input.directoryPath, input.repositoryPath, digest);
    const set = sets.get(digest) ?? (await readSignatureSet(objects, input.tree, path));
    const ours = { oid: await objects.writeBlob(blob), blob };
    const found = await findEqual(objects, set, { ours, isEqual: input.isEqual });
    const number = found ?? nextNumber(set, path);
    const file = { path: [...path, `signature-${number}`], oid: set.byNumber.get(number) ?? ours.oid };
    if (found === undefined) added.push(file);
    sets.set(digest, found === undefined ? grown(set, number, ours.oid) : set);
    numbers.push({ digest, number });
    files.push(file);
  }
  const tree = added.length === 0 ? input.tree : await addFiles(objects, input.tree, { files: added });
  return { tree, numbers, files, added };
}

/** The number of a readable signature that is equal to ours, if there is one. */
async function findEqual(
  objects: GitObjects,
  set: SignatureSet,
  { ours, isEqual }: { ours: { oid: string; blob: Uint8Array }; isEqual: PublishInput['isEqual'] | undefined },
): Promise<number | undefined> {
  const same = set.readable.indexOf(ours.oid);
  if (same >= 0) return same + 1;
  if (isEqual === undefined) return undefined;
  for (const [index, existing] of (await objects.readBlobs(set.readable)).entries()) {
    if (await isEqual(existing, ours.blob)) return index + 1;
  }
  return undefined;
}

function grown(set: SignatureSet, number: number, oid: string): SignatureSet {
  const byNumber = new Map(set.byNumber).set(number, oid);
  const readable: string[] = [];
  for (let next = byNumber.get(1); next !== undefined; next = byNumber.get(readable.length + 1)) readable.push(next);
  return { byNumber, readable };
}
