import type { Repository } from '../../workflows/domain/reference.ts';
import type { ByteThrottle } from './byte-throttle.ts';
import type { RegistryClient } from './client.ts';
import type { BlobCounter } from './copy-progress.ts';
import type { Descriptor } from './descriptor.ts';
import { isPassing, onSide } from './error.ts';
import { OPENING_MS, withLateSignal } from './late-signal.ts';
import { PartWriter } from './part-writer.ts';
import type { Part } from './part-writer.ts';
import { RewindableHash } from './rewindable-hash.ts';
import type { SentTail, SentTails } from './sent-tail.ts';
import { sleepUnlessAborted } from './sleep-unless-aborted.ts';
import { IsThereError, mayRecover, refusesChunks, storedOther, wrongBytes } from './transfer-errors.ts';
import type { BlobUpload } from './upload-requests.ts';

/** One end of a copy. */
export interface CopyEnd {
  readonly client: RegistryClient;
  readonly repository: Repository;
}

/** A blob on its way from one registry to another. */
export interface TransferTask {
  readonly source: CopyEnd;
  readonly target: CopyEnd;
  readonly blob: Descriptor;
  readonly counter: BlobCounter;
  readonly throttle: ByteThrottle | undefined;
  readonly tails: SentTails;
  /** Blobs larger than four of them are sent in chunks of this size. */
  readonly chunkBytes: number;
  /** Before an upload goes on that has brought nothing twice, in milliseconds; doubled each time. */
  readonly retryDelayMs: number;
  readonly signal: AbortSignal | undefined;
}

const CHUNKS_WORTH_IT = 4;
const NOTHING = new Uint8Array(0);
/** A failure after which the registry has more than before counts for nothing; so many others in a row end it. */
const MAX_FRUITLESS = 3;

/**
 * Sends a blob that is too large for memory: read, verified and written in one pass. Where an upload breaks off, the
 * source waits; what the registry does not have is read once more, by itself, and sent; then the source goes on.
 */
export class BlobTransfer {
  readonly #task: TransferTask;
  readonly #call: { readonly signal?: AbortSignal };
  readonly #hash: RewindableHash;
  #writer: PartWriter;
  #upload: BlobUpload;
  /** Bytes that the registry has for certain. */
  #offset = 0;
  #isChunked: boolean;
  #fruitless = 0;
  #tail: SentTail | undefined;

  constructor(task: TransferTask, upload: BlobUpload) {
    this.#task = task;
    this.#call = task.signal === undefined ? {} : { signal: task.signal };
    this.#upload = upload;
    this.#hash = new RewindableHash(task.blob.digest);
    this.#isChunked = task.blob.size > CHUNKS_WORTH_IT * task.chunkBytes;
    this.#writer = new PartWriter(() => this.#nextPart());
  }

  /** @param resumes whether the upload may hold bytes from an earlier time, perhaps of another process. */
  async run({ resumes = false }: { readonly resumes?: boolean } = {}): Promise<void> {
    const { source, blob, counter } = this.#task;
    if (resumes && !(await this.#findOffset())) await this.#startOver();
    counter.standsAt(this.#offset);
    try {
      const take = (piece: Uint8Array): Promise<void> | undefined => this.#take(piece);
      const onRepeated = (bytes: number): void => counter.readAgain(bytes);
      const reading = { repository: source.repository, blob, take, onRepeated };
      await onSide('source', source.client.streamBlob(reading, this.#call));
      await this.#complete();
    } catch (error) {
      await this.#writer.abort(error);
      if (!(error instanceof IsThereError)) throw error;
    }
  }

  /** Forgets the upload, unless a later attempt may go on with it. */
  async giveUp(error: unknown): Promise<void> {
    if (isPassing(error) && this.#isChunked && this.#offset > 0) return;
    await this.#upload.cancel({ inHaste: this.#task.signal?.aborted === true });
  }

  #take(piece: Uint8Array): Promise<void> | undefined {
    const { blob, throttle, tails, signal } = this.#task;
    const from = this.#hash.position;
    this.#hash.update(piece);
    // The last piece of a wrong blob is never sent.
    if (this.#hash.position === blob.size && !this.#hash.matches()) throw wrongBytes(blob);
    this.#tail ??= tails.open();
    this.#tail?.keep(piece, from);
    const fresh = this.#countFresh(piece, from);
    if (fresh.length === 0) return undefined;
    const allowed = throttle?.spend(fresh.length, signal);
    const written = this.#write(fresh);
    return allowed === undefined ? written : Promise.all([written, allowed]).then(() => undefined);
  }

  /** What the registry does not have of a piece that stands at `from`. */
  #countFresh(piece: Uint8Array, from: number): Uint8Array {
    const { counter } = this.#task;
    const known = Math.min(Math.max(this.#offset - from, 0), piece.length);
    counter.readAgain(known);
    counter.sent(piece.length - known);
    return piece.subarray(known);
  }

  #write(piece: Uint8Array): Promise<void> | undefined {
    try {
      return this.#writer.write(piece)?.catch((error: unknown) => this.#recover(error));
    } catch (error) {
      return this.#recover(error);
    }
  }

  /** A chunked upload is completed by a request of its own; another one by its last byte. */
  async #complete(): Promise<void> {
    while (this.#isChunked) {
      try {
        await onSide('target', this.#upload.finish(this.#task.blob, NOTHING, this.#task.signal));
        return;
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  #nextPart(): Part {
    const { blob, counter, chunkBytes, signal } = this.#task;
    const { size } = blob;
    if (!this.#isChunked) {
      return { size, send: (feed) => onSide('target', this.#upload.finish(blob, { size, feed }, signal)) };
    }
    const from = this.#offset;
    const length = Math.min(Math.max(chunkBytes, this.#upload.smallestChunk), size - from);
    return {
      size: length,
      send: async (feed) => {
        const stored = await onSide('target', this.#upload.sendChunk({ from, size: length, feed }, signal));
        if (stored !== from + length) throw storedOther(blob, { stored, sent: from + length });
        this.#offset = stored;
        this.#hash.forgetBefore(stored);
        counter.uploadedAt(this.#upload.location());
      },
    };
  }

  /** Brings the registry to where the source stands. */
  async #recover(first: unknown): Promise<void> {
    const { signal, counter, tails, retryDelayMs } = this.#task;
    tails.need();
    this.#tail ??= tails.open();
    for (let error = first; ;) {
      signal?.throwIfAborted();
      if (!mayRecover(error, this.#isChunked)) throw error;
      const before = this.#offset;
      await this.#findOut(error);
      this.#fruitless = this.#offset > before ? 0 : this.#fruitless + 1;
      if (this.#fruitless > MAX_FRUITLESS) throw error;
      if (this.#fruitless > 1) await sleepUnlessAborted(retryDelayMs * 2 ** this.#fruitless, signal);
      counter.standsAt(this.#offset);
      try {
        await this.#replay();
        return;
      } catch (again) {
        error = again;
      }
    }
  }

  /** Sends again what the registry does not have: from memory, or read once more and checked to be what was read before. */
  async #replay(): Promise<void> {
    const { source, blob } = this.#task;
    const to = this.#hash.position;
    if (this.#offset >= to) return;
    this.#writer = new PartWriter(() => this.#nextPart());
    const kept = this.#tail?.between(this.#offset, to);
    if (kept !== undefined) {
      await this.#sendKept(kept);
      return;
    }
    const replay = this.#hash.replay(this.#offset);
    let position = replay.from;
    const take = (piece: Uint8Array): Promise<void> | undefined => {
      replay.update(piece);
      position += piece.length;
      if (position === to && !replay.isSame()) throw wrongBytes(blob);
      this.#tail?.keep(piece, position - piece.length);
      const fresh = this.#countFresh(piece, position - piece.length);
      return fresh.length === 0 ? undefined : this.#writer.write(fresh);
    };
    const reading = { repository: source.repository, blob, from: replay.from, to, take };
    await onSide('source', source.client.streamBlob(reading, this.#call)).catch(async (error: unknown) => {
      await this.#writer.abort(error);
      throw error;
    });
  }

  async #sendKept(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      this.#task.counter.sent(piece.length);
      await this.#writer.write(piece);
    }
  }

  /** Finds out where the registry stands; where it does not say, an upload is begun anew. */
  async #findOut(error: unknown): Promise<void> {
    const { target, blob } = this.#task;
    if (this.#isChunked && refusesChunks(error)) this.#isChunked = false;
    else if (await this.#findOffset()) return;
    // Only the answer may have been lost.
    const isThere = await onSide('target', target.client.blobExists(target.repository, blob, this.#call));
    if (isThere) throw new IsThereError();
    await this.#startOver();
  }

  async #findOffset(): Promise<boolean> {
    const { blob, signal } = this.#task;
    const offset = await this.#upload.askOffset(signal).catch(() => undefined);
    signal?.throwIfAborted();
    if (offset === undefined || offset === 0 || offset > blob.size) return false;
    this.#offset = offset;
    this.#isChunked = true;
    return true;
  }

  /** An upload that is opened while the copy is being stopped is known all the same, so that it can be given up. */
  async #startOver(): Promise<void> {
    const { target, blob, signal } = this.#task;
    await this.#upload.cancel();
    const wanted = { repository: target.repository, blob, mode: 'send' } as const;
    const outcome = await withLateSignal(signal, OPENING_MS, (late) =>
      onSide('target', target.client.openUpload(wanted, { signal: late })),
    );
    if (outcome.is !== 'open') throw new Error('expected an open upload');
    this.#upload = outcome.upload;
    this.#offset = 0;
    signal?.throwIfAborted();
  }
}
