/** Git's tree objects as bytes: entries of other people are carried through unchanged. */

/** One entry of a tree. Names are kept as Latin-1, byte for byte, since git gives them no encoding. */
export interface TreeEntry {
  /** As written in the object: `40000`, `100644`, `100755`, `120000` (symlink), `160000` (submodule). */
  readonly mode: string;
  readonly name: string;
  readonly oid: string;
}

export const DIRECTORY_MODE = '40000';
export const FILE_MODE = '100644';
export const SUBMODULE_MODE = '160000';
const OID_BYTES = 20;

/**
 * Parses a tree object.
 * @throws RangeError when the bytes are not a tree.
 */
export function parseTree(bytes: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length;) {
    const blank = bytes.indexOf(0x20, at);
    const end = bytes.indexOf(0, blank);
    if (blank < 0 || end < 0 || end + OID_BYTES >= bytes.length) throw new RangeError('not a git tree');
    entries.push({
      mode: bytes.toString('latin1', at, blank),
      name: bytes.toString('latin1', blank + 1, end),
      oid: bytes.toString('hex', end + 1, end + 1 + OID_BYTES),
    });
    at = end + 1 + OID_BYTES;
  }
  return entries;
}

/** Writes a tree object, entries in git's order. */
export function serializeTree(entries: readonly TreeEntry[]): Buffer {
  const sorted = [...entries].sort((one, other) => (sortKey(one) < sortKey(other) ? -1 : 1));
  return Buffer.concat(
    sorted.flatMap(({ mode, name, oid }) => [Buffer.from(`${mode} ${name}\0`, 'latin1'), Buffer.from(oid, 'hex')]),
  );
}

/** The entries with `entry` added, or in the place of the one of that name. */
export function withEntry(entries: readonly TreeEntry[], entry: TreeEntry): TreeEntry[] {
  return [...entries.filter(({ name }) => name !== entry.name), entry];
}

export function isDirectory(entry: TreeEntry): boolean {
  return entry.mode === DIRECTORY_MODE || entry.mode === '040000';
}

export function isRegularFile(entry: TreeEntry): boolean {
  return /^100[0-7]{3}$/.test(entry.mode);
}

/** Git sorts directories as if their names ended in a slash. */
function sortKey(entry: TreeEntry): string {
  return isDirectory(entry) ? `${entry.name}/` : entry.name;
}
