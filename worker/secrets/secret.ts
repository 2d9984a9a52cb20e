import { inspect } from 'node:util';

const HIDDEN = '[secret]';

/**
 * Bytes that must not leave the process. Printing, inspecting, serializing and string conversion all show `[secret]`;
 * only `reveal` gives the content, so that every use can be found by its name.
 */
export class Secret {
  readonly #value: Uint8Array;

  /** Keeps a copy of `value`. */
  constructor(value: Uint8Array | string) {
    this.#value = typeof value === 'string' ? new TextEncoder().encode(value) : Uint8Array.from(value);
  }

  /** The content as UTF-8 text. */
  reveal(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#value);
  }

  /** A copy of the content. */
  revealBytes(): Uint8Array {
    return Uint8Array.from(this.#value);
  }

  /** Shows that there is a secret, and nothing of it. */
  toString(): string {
    return HIDDEN;
  }

  /** Shows that there is a secret, and nothing of it. */
  toJSON(): string {
    return HIDDEN;
  }

  /** Shows that there is a secret, and nothing of it. */
  [inspect.custom](): string {
    return HIDDEN;
  }
}
