import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import { parseDigest } from '../../workflows/domain/digest.ts';
import { refuseEncoding } from './answer.ts';
import type { Take } from './bulk-exchange.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError, isPassing, isTooSlow } from './error.ts';
import { paceKeeper } from './pace-keeper.ts';
import { RewindableHash } from './rewindable-hash.ts';
import type { RegistryAnswer, RegistryRequest, RegistrySession } from './session.ts';
import { sleepUnlessAborted } from './sleep-unless-aborted.ts';

type BlobDescriptor = Pick<Descriptor, 'digest' | 'size'>;

/** What is read of a blob, and who takes it. */
export interface BlobReading {
  readonly repository: Repository;
  readonly blob: BlobDescriptor;
  /** Where to begin. Default: 0. */
  readonly from?: number;
  /** Where to end, exclusive. Default: at the end of the blob. */
  readonly to?: number;
  /** Gets every byte once and in order, unverified. What it throws is thrown as it is. */
  readonly take: Take;
  /** Told of bytes that the registry sent again although only later ones were asked for. */
  readonly onRepeated?: (bytes: number) => void;
}

/** Smaller bodies are not worth a connection of their own. */
export const BULK_BYTES = 1024 * 1024;
/** A connection that brought something counts for nothing; so many in a row that brought nothing end the reading. */
const MAX_FRUITLESS = 4;
const PAUSE_MS = 100;

/**
 * Reads a blob to its end. Where the connection breaks, the rest is asked for by range; a registry that knows no ranges
 * is listened to from the start again.
 * @throws RegistryError `image-unknown`, `content-mismatch` for another length, `registry-unavailable` where it breaks
 * off again and again.
 */
export async function readBlob(session: RegistrySession, reading: BlobReading, signal?: AbortSignal): Promise<void> {
  const reader = new BlobReader(session, reading, signal);
  await reader.run();
}

/**
 * Reads a blob that fits into memory, verified. The caller bounds its size.
 * @throws RegistryError like `readBlob`; `content-mismatch` for another digest.
 */
export async function readWholeBlob(
  session: RegistrySession,
  { repository, blob }: Pick<BlobReading, 'repository' | 'blob'>,
  signal?: AbortSignal,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(blob.size);
  let position = 0;
  const take: Take = (piece) => {
    bytes.set(piece, position);
    position += piece.length;
    return undefined;
  };
  await readBlob(session, { repository, blob, take }, signal);
  const hash = new RewindableHash(blob.digest);
  hash.update(bytes);
  if (hash.matches()) return bytes;
  throw new RegistryError('content-mismatch', `${subjectOf({ repository, blob })}: received bytes of another digest`);
}

/** A registry that knows no ranges sends more than was asked for. */
class EnoughError extends Error {}

class BlobReader {
  readonly #session: RegistrySession;
  readonly #reading: BlobReading;
  readonly #signal: AbortSignal | undefined;
  readonly #subject: string;
  readonly #end: number;
  #position: number;
  #takerFailure: { readonly error: unknown } | undefined;

  constructor(session: RegistrySession, reading: BlobReading, signal: AbortSignal | undefined) {
    this.#session = session;
    this.#reading = reading;
    this.#signal = signal;
    this.#subject = subjectOf(reading);
    this.#position = reading.from ?? 0;
    this.#end = reading.to ?? reading.blob.size;
  }

  async run(): Promise<void> {
    let fruitless = 0;
    do {
      const before = this.#position;
      try {
        await this.#readOn();
      } catch (error) {
        if (this.#takerFailure !== undefined) throw this.#takerFailure.error;
        this.#signal?.throwIfAborted();
        fruitless = this.#position > before ? 0 : fruitless + 1;
        if (!isPassing(error) || isTooSlow(error) || fruitless >= MAX_FRUITLESS) throw error;
        if (fruitless > 0) await sleepUnlessAborted(PAUSE_MS * 2 ** fruitless, this.#signal);
      }
    } while (this.#position < this.#end);
  }

  async #readOn(): Promise<void> {
    const from = this.#position;
    const request = this.#request(from);
    const answer = await this.#session.send(request);
    try {
      await refuseEncoding(answer, this.#subject);
      this.#requireRange(answer, from);
      await answer.read(this.#taking(answer.status === 206 ? 0 : from));
    } catch (error) {
      await answer.discard();
      if (error instanceof EnoughError) return;
      throw this.#session.translate(error, request, answer);
    }
    if (this.#position < this.#end) throw this.#mismatch(`${this.#end} bytes, received ${this.#position}`);
  }

  #request(from: number): RegistryRequest {
    const { repository, blob } = this.#reading;
    const isPart = from > 0 || this.#end < blob.size;
    return {
      method: 'GET',
      repository,
      to: `blobs/${parseDigest(blob.digest)}`,
      actions: 'pull',
      subject: this.#subject,
      accept: isPart ? [200, 206] : [200],
      notFound: 'image-unknown',
      signal: this.#signal,
      streamsAnswer: true,
      isBulk: this.#end - from > BULK_BYTES,
      ...(isPart && { headers: { range: `bytes=${from}-${this.#end === blob.size ? '' : this.#end - 1}` } }),
      // Whoever reads a part holds a place already, for the rest of it.
      ...(isPart && { resumes: true }),
    };
  }

  /** What comes is exactly the rest of the blob, or the whole of it where the registry knows no ranges. */
  #requireRange(answer: RegistryAnswer, from: number): void {
    const { size } = this.#reading.blob;
    const length = answer.header('content-length');
    const expected = answer.status === 206 ? this.#end - from : size;
    if (length !== undefined && Number(length) !== expected) {
      throw this.#mismatch(`${expected} bytes, received a length of ${length}`);
    }
    const range = answer.header('content-range');
    if (answer.status !== 206 || range === `bytes ${from}-${this.#end - 1}/${size}`) return;
    throw this.#mismatch(`the bytes from ${from} to ${this.#end - 1} of ${size}, received other ones`);
  }

  /** Passes over the first `skipped` bytes, which were taken before. */
  #taking(skipped: number): Take {
    const { blob, take, onRepeated } = this.#reading;
    const keepsPace = paceKeeper(this.#subject);
    let left = skipped;
    return (piece) => {
      keepsPace.arrived(piece.length);
      const known = Math.min(left, piece.length);
      left -= known;
      if (known > 0) onRepeated?.(known);
      if (known === piece.length) return undefined;
      if (this.#position === this.#end && this.#end < blob.size) throw new EnoughError();
      const fresh = piece.subarray(known, known + this.#roomFor(piece.length - known));
      this.#position += fresh.length;
      return keepsPace.during(this.#pass(fresh, take));
    };
  }

  /** Of a part only so much is taken; a whole that is too long is none. */
  #roomFor(bytes: number): number {
    const { size } = this.#reading.blob;
    if (this.#position + bytes > size) throw this.#mismatch(`${size} bytes, received more`);
    return Math.min(bytes, this.#end - this.#position);
  }

  #pass(piece: Uint8Array, take: Take): Promise<void> | undefined {
    const note = (error: unknown): never => {
      this.#takerFailure ??= { error };
      throw error;
    };
    try {
      return take(piece)?.catch(note);
    } catch (error) {
      return note(error);
    }
  }

  #mismatch(message: string): RegistryError {
    return new RegistryError('content-mismatch', `${this.#subject}: expected ${message}`);
  }
}

function subjectOf({ repository, blob }: Pick<BlobReading, 'repository' | 'blob'>): string {
  return `read blob ${formatRepository(repository)}@${blob.digest}`;
}
