import type { GitAccess } from '../signature-store/git-access.ts';
import type { PublishedFile } from './snapshot.ts';

/** Content kept in memory, by blob id; the least recently used goes first. */
export class BlobCache {
  readonly #limit: number;
  readonly #blobs = new Map<string, Buffer>();
  #size = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(id: string): Buffer | undefined {
    const blob = this.#blobs.get(id);
    if (blob === undefined) return undefined;
    this.#blobs.delete(id);
    this.#blobs.set(id, blob);
    return blob;
  }

  set(id: string, blob: Buffer): void {
    if (this.#blobs.has(id) || blob.length > this.#limit) return;
    this.#blobs.set(id, blob);
    this.#size += blob.length;
    for (const [oldest, { length }] of this.#blobs) {
      if (this.#size <= this.#limit) return;
      this.#blobs.delete(oldest);
      this.#size -= length;
    }
  }
}

interface Waiting {
  readonly file: PublishedFile;
  readonly resolve: (blob: Buffer) => void;
  readonly reject: (error: unknown) => void;
}

/** Bytes that one run of git may return at most, beside a single larger blob. */
const BATCH_BYTES = 16 * 1024 * 1024;

/**
 * Reads blobs of a cache. At most one git runs at a time; whatever is asked for meanwhile goes together into the next
 * run, so that a burst of requests costs a few processes and an idle server holds none.
 */
export function createBlobLoader(
  access: Pick<GitAccess, 'local'>,
  cache: BlobCache,
): (file: PublishedFile) => Promise<Buffer> {
  const queue: Waiting[] = [];
  let running = false;

  const drain = async (): Promise<void> => {
    running = true;
    while (queue.length > 0) await loadBatch(access, cache, takeBatch(queue));
    running = false;
  };
  return (file) => {
    const kept = cache.get(file.id);
    if (kept !== undefined) return Promise.resolve(kept);
    return new Promise((resolve, reject) => {
      queue.push({ file, resolve, reject });
      if (!running) void drain();
    });
  };
}

function takeBatch(queue: Waiting[]): readonly Waiting[] {
  let bytes = 0;
  let count = 0;
  for (const { file } of queue) {
    bytes += file.size;
    if (count > 0 && bytes > BATCH_BYTES) break;
    count += 1;
  }
  return queue.splice(0, count);
}

/** Settles everybody in the batch; never throws. */
async function loadBatch(access: Pick<GitAccess, 'local'>, cache: BlobCache, batch: readonly Waiting[]): Promise<void> {
  const sizes = new Map(batch.map(({ file }) => [file.id, file.size]));
  try {
    const input = [...sizes.keys()].map((id) => `${id}\n`).join('');
    const output = await access.local({ arguments: ['cat-file', '--batch'], input });
    const blobs = splitBatch(output, sizes);
    for (const [id, blob] of blobs) cache.set(id, blob);
    for (const { file, resolve, reject } of batch) {
      const blob = blobs.get(file.id);
      if (blob === undefined) reject(new Error(`blob ${file.id} is missing from the answer`));
      else resolve(blob);
    }
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}

/** The answer of `git cat-file --batch`: `<id> blob <size>`, line feed, the bytes, line feed; in the order asked. */
function splitBatch(output: Buffer, sizes: ReadonlyMap<string, number>): ReadonlyMap<string, Buffer> {
  const blobs = new Map<string, Buffer>();
  let at = 0;
  for (const [id, size] of sizes) {
    const start = output.indexOf(0x0a, at) + 1;
    const header = output.toString('latin1', at, Math.max(at, start - 1));
    if (header !== `${id} blob ${size}`) throw new Error(`blob ${id}: expected ${size} bytes, git says "${header}"`);
    at = start + size + 1;
    if (output.length < at) throw new Error(`blob ${id}: expected ${size} bytes, the answer is cut off`);
    // A copy, so that a cached blob does not hold the whole answer in memory.
    blobs.set(id, Buffer.from(output.subarray(start, at - 1)));
  }
  return blobs;
}
