/** Where signatures lie in the repository's trees, and how one is added without touching anything else. */
import { quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { parseReference } from '../../workflows/domain/reference.ts';
import { MAX_SIGNATURES, signatureDirectory } from '../../workflows/domain/signature-path.ts';
import { SignatureStoreError } from './error.ts';
import type { GitObjects } from './git-objects.ts';
import { DIRECTORY_MODE, FILE_MODE, isDirectory, isRegularFile, SUBMODULE_MODE, withEntry } from './tree.ts';
import type { TreeEntry } from './tree.ts';

/** The signatures of one manifest as they stand in a tree. */
export interface SignatureSet {
  /** Blob ids of number 1 up to the first gap: what readers see. */
  readonly readable: readonly string[];
  /** Blob id by number, also behind a gap. */
  readonly byNumber: ReadonlyMap<number, string>;
}

/** A file to be added, and where. */
export interface AddedFile {
  readonly path: readonly string[];
  readonly oid: string;
}

const SIGNATURE_NAME = /^signature-([1-9]\d{0,5})$/;

/**
 * The path of a manifest's directory in the repository.
 * @throws SignatureStoreError `configuration-invalid` when the repository path could lead elsewhere.
 */
export function manifestPath(directoryPath: readonly string[], repositoryPath: string, digest: Digest): string[] {
  let parsed: string | undefined;
  try {
    parsed = parseReference(`registry.invalid/${repositoryPath}`).path;
  } catch {
    parsed = undefined;
  }
  if (parsed !== repositoryPath) {
    throw new SignatureStoreError(
      'configuration-invalid',
      `repository path ${quote(repositoryPath)}: expected lower-case names joined by /, without host, tag and digest`,
    );
  }
  return [...directoryPath, ...signatureDirectory(repositoryPath, digest).split('/')];
}

/**
 * Reads the directory of a manifest.
 * @throws SignatureStoreError `repository-conflict` where something else stands in the way, `signature-limit` where
 * there are more signatures than readers accept.
 */
export async function readSignatureSet(
  objects: GitObjects,
  root: string,
  path: readonly string[],
): Promise<SignatureSet> {
  const byNumber = new Map<number, string>();
  for (const entry of await readDirectory(objects, root, path)) {
    const number = Number(SIGNATURE_NAME.exec(entry.name)?.[1]);
    if (Number.isNaN(number)) continue;
    if (!isRegularFile(entry)) throw conflict([...path, entry.name], 'a regular file', entry);
    byNumber.set(number, entry.oid);
  }
  const readable: string[] = [];
  for (let oid = byNumber.get(1); oid !== undefined; oid = byNumber.get(readable.length + 1)) readable.push(oid);
  if (readable.length > MAX_SIGNATURES) throw limitReached(path, readable.length);
  return { readable, byNumber };
}

/**
 * The number for one more signature: the first that is free.
 * @throws SignatureStoreError `signature-limit` when readers would then refuse the whole set.
 */
export function nextNumber(set: SignatureSet, path: readonly string[]): number {
  const number = set.readable.length + 1;
  let last = number;
  while (set.byNumber.has(last + 1)) last++;
  if (last > MAX_SIGNATURES) throw limitReached(path, last);
  return number;
}

/** The id of the blob at a path, or undefined where there is none. */
export async function readFileId(
  objects: GitObjects,
  root: string,
  path: readonly string[],
): Promise<string | undefined> {
  const entries = await readDirectory(objects, root, path.slice(0, -1));
  const entry = entries.find(({ name }) => name === path.at(-1));
  return entry !== undefined && isRegularFile(entry) ? entry.oid : undefined;
}

/**
 * Adds files to a tree and returns the new tree's id. Nothing that is there is replaced.
 * @throws SignatureStoreError `repository-conflict` naming the path that is taken.
 */
export async function addFiles(
  objects: GitObjects,
  tree: string | undefined,
  { files, at = [] }: { files: readonly AddedFile[]; at?: readonly string[] },
): Promise<string> {
  let entries = checked(await objects.readTree(tree), at);
  const byName = new Map<string, AddedFile[]>();
  for (const file of files) {
    const name = file.path[at.length] ?? '';
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  for (const [name, group] of byName) {
    const [file] = group;
    const existing = find(entries, name, at);
    if (file !== undefined && file.path.length === at.length + 1) {
      if (existing !== undefined) throw conflict([...at, name], 'nothing', existing);
      entries = withEntry(entries, { mode: FILE_MODE, name, oid: file.oid });
      continue;
    }
    const below = [...at, name];
    const oid = await addFiles(objects, directoryId(existing, below), { files: group, at: below });
    entries = withEntry(entries, { mode: DIRECTORY_MODE, name, oid });
  }
  return objects.writeTree(entries);
}

async function readDirectory(objects: GitObjects, root: string, path: readonly string[]): Promise<TreeEntry[]> {
  let entries = checked(await objects.readTree(root), []);
  for (const [depth, name] of path.entries()) {
    const oid = directoryId(find(entries, name, path.slice(0, depth)), path.slice(0, depth + 1));
    if (oid === undefined) return [];
    entries = checked(await objects.readTree(oid), path.slice(0, depth + 1));
  }
  return entries;
}

/** A symlink, a submodule or a file in place of a directory is never followed and never replaced. */
function directoryId(entry: TreeEntry | undefined, path: readonly string[]): string | undefined {
  if (entry !== undefined && !isDirectory(entry)) throw conflict(path, 'a directory', entry);
  return entry?.oid;
}

function find(entries: readonly TreeEntry[], name: string, at: readonly string[]): TreeEntry | undefined {
  const twin = entries.find((entry) => entry.name !== name && entry.name.toLowerCase() === name.toLowerCase());
  if (twin !== undefined) throw conflict([...at, twin.name], `no other spelling of ${quote(name)}`, twin);
  return entries.find((entry) => entry.name === name);
}

/** Refuses what would be dangerous to whoever checks the repository out, a signature server for example. */
function checked(entries: TreeEntry[], at: readonly string[]): TreeEntry[] {
  for (const entry of entries) {
    if (entry.mode === SUBMODULE_MODE || entry.name === '.gitmodules') {
      throw conflict([...at, entry.name], 'no submodules', entry);
    }
    if (isGitName(entry.name) || entry.name === '.' || entry.name === '..' || /[/\\]/.test(entry.name)) {
      throw conflict([...at, entry.name], 'a harmless name', entry);
    }
  }
  return entries;
}

/** Names that a file system without case, with short names or with ignored characters takes for `.git`. */
function isGitName(name: string): boolean {
  if (!/g/i.test(name)) return false;
  const folded = Buffer.from(name, 'latin1')
    .toString()
    .replace(/\p{Cf}/gu, '')
    .toLowerCase()
    .replace(/(?::.*)?[. ]*$/, '');
  return folded === '.git' || /^git~\d$/.test(folded);
}

function conflict(path: readonly string[], expected: string, entry: TreeEntry): SignatureStoreError {
  const shown = path.join('/');
  return new SignatureStoreError(
    'repository-conflict',
    `path ${quote(shown)} in the repository: expected ${expected}, found ${kindOf(entry)}; move it out of the way`,
    { paths: [shown] },
  );
}

function kindOf(entry: TreeEntry): string {
  if (entry.mode === SUBMODULE_MODE) return 'a submodule';
  if (entry.mode === '120000') return 'a symbolic link';
  return isDirectory(entry) ? 'a directory' : 'a file';
}

function limitReached(path: readonly string[], count: number): SignatureStoreError {
  const shown = path.join('/');
  return new SignatureStoreError(
    'signature-limit',
    `directory ${shown}: expected at most ${MAX_SIGNATURES} signatures, found it would hold ${count}, ` +
      'and readers then refuse every one; remove signatures that are no longer needed',
    { paths: [shown] },
  );
}
