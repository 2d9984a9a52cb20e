import type { Take } from './bulk-exchange.ts';
import { RegistryError } from './error.ts';
import type { Feed } from './request-body.ts';

/** A stretch of a stream that travels in a request of its own. */
export interface Part {
  readonly size: number;
  /** Sends the request; settles with its answer. */
  readonly send: (feed: Feed) => Promise<void>;
}

interface OpenPart {
  left: number;
  readonly write: Take;
  /** Ends the body, well or with an error. */
  readonly end: (error?: unknown) => void;
  /** Settles with the answer to the request. */
  readonly answered: Promise<void>;
}

/** Turns a stream that is pushed into requests whose bodies are parts of it, one after the other. */
export class PartWriter {
  readonly #next: () => Part;
  #open: OpenPart | undefined;

  /** @param next the part that comes now; asked only when there are bytes for it. */
  constructor(next: () => Part) {
    this.#next = next;
  }

  /**
   * Writes a piece; with the last byte of a part its answer is waited for.
   * @throws whatever the request of the part threw.
   */
  write(piece: Uint8Array): Promise<void> | undefined {
    const part = this.#open;
    if (part === undefined || piece.length >= part.left) return this.#writeAcross(piece);
    part.left -= piece.length;
    try {
      return part.write(piece)?.catch((error: unknown) => this.#failAfter(part, error));
    } catch (error) {
      return this.#failAfter(part, error);
    }
  }

  /** Gives the part up that is being sent. */
  async abort(error: unknown): Promise<void> {
    const part = this.#open;
    this.#open = undefined;
    part?.end(error);
    await part?.answered.catch(() => undefined);
  }

  async #writeAcross(piece: Uint8Array): Promise<void> {
    let rest = piece;
    while (rest.length > 0) {
      const part = this.#open ?? (await this.#begin());
      const now = rest.subarray(0, part.left);
      rest = rest.subarray(now.length);
      part.left -= now.length;
      try {
        await part.write(now);
      } catch (error) {
        await this.#failAfter(part, error);
      }
      if (part.left === 0) await this.#finish(part);
    }
  }

  async #begin(): Promise<OpenPart> {
    const { size, send } = this.#next();
    let end: OpenPart['end'] = () => undefined;
    let isAsked: (write: Take) => void = () => undefined;
    const asked = new Promise<Take>((resolve) => (isAsked = resolve));
    const feed: Feed = (write) =>
      new Promise<void>((resolve, reject) => {
        end = (error) => {
          if (error === undefined) resolve();
          else reject(error instanceof Error ? error : new Error('the part was given up', { cause: error }));
        };
        isAsked(write);
      });
    const answered = send(feed);
    // It is waited for when the body is through; until then its failure shows in the writing.
    answered.catch(() => undefined);
    const write = await Promise.race([asked, answered.then(() => refuseEarlyAnswer())]);
    this.#open = { left: size, write, end: (error) => end(error), answered };
    return this.#open;
  }

  async #finish(part: OpenPart): Promise<void> {
    this.#open = undefined;
    part.end();
    await part.answered;
  }

  /** What the request says is nearer to the cause than what the writing says. */
  async #failAfter(part: OpenPart, error: unknown): Promise<void> {
    this.#open = undefined;
    part.end(error);
    await part.answered;
    refuseEarlyAnswer();
  }
}

function refuseEarlyAnswer(): never {
  const message = 'target: the registry took the upload for finished before the whole body was sent';
  throw new RegistryError('registry-refused', message, { side: 'target' });
}
