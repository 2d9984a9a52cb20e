/** A file of the published branch. */
export interface PublishedFile {
  /** Id of its blob; the content never changes under it. */
  readonly id: string;
  readonly size: number;
}

/** The published branch at one commit. A request is answered from one snapshot only. */
export interface Snapshot {
  readonly commit: string;
  /** By path, its bytes read as latin1: git's paths are bytes, not text. */
  readonly files: ReadonlyMap<string, PublishedFile>;
  /** The content of a file of this snapshot. */
  readonly read: (file: PublishedFile) => Promise<Buffer>;
}

/** Mode 100644 and 100755. A symbolic link or a submodule points elsewhere and is never followed. */
const REGULAR_FILE = /^100[0-7]{3}$/;

/**
 * Reads `git ls-tree -r -z -l`: `<mode> <type> <id> <size>`, a tab, the path's bytes, NUL.
 * @throws Error for a line of another form: half a listing must never be served.
 */
export function parseListing(listing: Buffer): ReadonlyMap<string, PublishedFile> {
  const files = new Map<string, PublishedFile>();
  for (let at = 0; at < listing.length;) {
    const end = listing.indexOf(0, at);
    const tab = listing.indexOf(0x09, at);
    if (end < 0 || tab < 0 || tab > end) throw new Error('a tree listing is cut off');
    const [mode = '', type, id, size] = listing.toString('latin1', at, tab).split(/ +/);
    if (type === 'blob' && id !== undefined && REGULAR_FILE.test(mode)) {
      files.set(listing.toString('latin1', tab + 1, end), { id, size: parseSize(size) });
    }
    at = end + 1;
  }
  return files;
}

function parseSize(text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) throw new Error('a tree listing names no size');
  return Number(text);
}
