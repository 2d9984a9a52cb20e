import { BrokenCacheError, SignatureStoreError } from './error.ts';
import type { GitAccess } from './git-access.ts';
import { parseTree, serializeTree } from './tree.ts';
import type { TreeEntry } from './tree.ts';

/** Reads and writes objects of the repository; what the cache lacks is fetched by its id. */
export interface GitObjects {
  /** The entries of a tree; none for `undefined`. */
  readTree(oid: string | undefined): Promise<TreeEntry[]>;
  /** The bytes of blobs of at most `BLOB_LIMIT` bytes, in the order of the ids. */
  readBlobs(oids: readonly string[]): Promise<Uint8Array[]>;
  writeTree(entries: readonly TreeEntry[]): Promise<string>;
  writeBlob(bytes: Uint8Array): Promise<string>;
}

/** Readers take no signature of more than 4 MiB over HTTP. */
export const BLOB_LIMIT = 4 * 1024 * 1024;
/** Trees kept in memory; the tree of a directory of 100,000 manifests has 10 MB. */
const TREE_CACHE_LIMIT = 64 * 1024 * 1024;

/** What is kept between operations: trees are named by their content, so an entry never grows old. */
export type TreeCache = Map<string, Buffer>;

export interface ObjectsContext {
  readonly access: GitAccess;
  readonly trees: TreeCache;
  /** Brings objects by id, each without what it names. */
  readonly fetchObjects: (oids: readonly string[]) => Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/** Makes the reader and writer for one operation. */
export function createGitObjects(context: ObjectsContext): GitObjects {
  const write = async (type: 'blob' | 'tree', input: Uint8Array): Promise<string> => {
    const { access, signal } = context;
    const output = await access.local({ arguments: ['hash-object', '-w', '-t', type, '--stdin'], input, signal });
    return output.toString('latin1').trim();
  };
  return {
    readTree: async (oid) => (oid === undefined ? [] : parseTree(await readTreeBytes(context, oid))),
    readBlobs: async (oids) => (oids.length === 0 ? [] : readBlobs(context, oids)),
    writeTree: async (entries) => {
      const bytes = serializeTree(entries);
      const oid = await write('tree', bytes);
      keep(context.trees, oid, bytes);
      return oid;
    },
    writeBlob: (bytes) => write('blob', bytes),
  };
}

async function readTreeBytes(context: ObjectsContext, oid: string): Promise<Buffer> {
  const kept = context.trees.get(oid);
  if (kept !== undefined) return kept;
  let found = await batch(context, '--batch', [oid]);
  if (isMissing(found, oid)) {
    await context.fetchObjects([oid]);
    found = await batch(context, '--batch', [oid]);
  }
  const [bytes = Buffer.alloc(0)] = splitBatch(found, { oids: [oid], type: 'tree' });
  keep(context.trees, oid, bytes);
  return bytes;
}

async function readBlobs(context: ObjectsContext, oids: readonly string[]): Promise<Buffer[]> {
  const missing = await checkSizes(context, oids);
  if (missing.length > 0) {
    await context.fetchObjects([...new Set(missing)]);
    await checkSizes(context, oids);
  }
  return splitBatch(await batch(context, '--batch', oids), { oids, type: 'blob' });
}

/** The ids of what is not here; refuses what is too large before it is read into memory. */
async function checkSizes(context: ObjectsContext, oids: readonly string[]): Promise<string[]> {
  const lines = (await batch(context, '--batch-check=%(objectsize)', oids)).toString('latin1').split('\n');
  oids.forEach((oid, index) => {
    if (Number(lines[index]) > BLOB_LIMIT) throw tooLarge(oid, lines[index]);
  });
  return oids.filter((_oid, index) => lines[index]?.endsWith(' missing') === true);
}

function batch({ access, signal }: ObjectsContext, format: string, oids: readonly string[]): Promise<Buffer> {
  return access.local({ arguments: ['cat-file', format], input: oids.map((oid) => `${oid}\n`).join(''), signal });
}

function keep(trees: TreeCache, oid: string, bytes: Buffer): void {
  trees.set(oid, bytes);
  let size = 0;
  for (const kept of trees.values()) size += kept.length;
  for (const [oldest, { length }] of trees) {
    if (size <= TREE_CACHE_LIMIT) return;
    trees.delete(oldest);
    size -= length;
  }
}

function isMissing(output: Buffer, oid: string): boolean {
  return output.toString('latin1', 0, oid.length + 9) === `${oid} missing\n`;
}

/** Splits the answer of `cat-file --batch`: `<id> <type> <size>`, line feed, the bytes, line feed. */
function splitBatch(output: Buffer, expected: { oids: readonly string[]; type: string }): Buffer[] {
  let at = 0;
  return expected.oids.map((oid) => {
    const end = output.indexOf(0x0a, at);
    const [found, type, size] = output.toString('latin1', at, Math.max(end, at)).split(' ');
    if (found !== oid || type !== expected.type || size === undefined) {
      throw new BrokenCacheError(`object ${oid}: expected a ${expected.type}, found ${type ?? 'nothing'}`);
    }
    const start = end + 1;
    at = start + Number(size) + 1;
    return output.subarray(start, at - 1);
  });
}

function tooLarge(oid: string, size: string | undefined): SignatureStoreError {
  return new SignatureStoreError(
    'repository-conflict',
    `blob ${oid} has ${size ?? '?'} bytes: expected a signature of at most ${BLOB_LIMIT}, readers refuse more`,
  );
}
