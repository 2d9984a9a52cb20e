import { createHash } from 'node:crypto';

/** Numbers that look random and are the same for the same seed. */
export class Random {
  readonly #seed: string;
  #counter = 0;
  #pool: Buffer = Buffer.alloc(0);

  constructor(seed: string) {
    this.#seed = seed;
  }

  bytes(count: number): Buffer {
    while (this.#pool.length < count) {
      const more = createHash('sha256').update(`${this.#seed}/${this.#counter++}`).digest();
      this.#pool = Buffer.concat([this.#pool, more]);
    }
    const taken = Buffer.from(this.#pool.subarray(0, count));
    this.#pool = this.#pool.subarray(count);
    return taken;
  }

  /** At least 0, less than `limit` (at most 2^32). */
  below(limit: number): number {
    return Number((BigInt(this.bytes(4).readUInt32BE()) * BigInt(limit)) >> 32n);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new RangeError('nothing to pick from');
    return items[this.below(items.length)] as Item;
  }

  /** A part of the items, in their order. */
  some<Item>(items: readonly Item[]): Item[] {
    return items.filter(() => this.oneIn(2));
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    const rest = [...items];
    const result: Item[] = [];
    while (rest.length > 0) result.push(...rest.splice(this.below(rest.length), 1));
    return result;
  }
}
