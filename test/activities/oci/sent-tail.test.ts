import { describe, expect, it } from 'vitest';
import { SentTail, SentTails } from '../../../activities/oci/sent-tail.ts';

const BLOB = Buffer.from(Array.from({ length: 4000 }, (_, index) => (index * 31 + (index >> 8)) % 256));

describe('the end of what was sent', () => {
  it.each([1, 7, 64, 1000])('has the last %i bytes, however they came, and no more', (size) => {
    const tail = new SentTail(size);
    let position = 0;
    for (let length = 1; position + length <= BLOB.length; length = (length * 7 + 3) % 301) {
      tail.keep(BLOB.subarray(position, position + length), position);
      position += length;
      const from = Math.max(position - size, 0);
      for (const offset of [from, Math.floor((from + position) / 2), position]) {
        expect(Buffer.concat(tail.between(offset, position) ?? []).equals(BLOB.subarray(offset, position))).toBe(true);
      }
      expect(tail.between(from - 1, position)).toBeUndefined();
      expect(tail.between(from, position + 1)).toBeUndefined();
      expect(tail.between(from, position - 1)).toBeUndefined();
    }
    expect(position).toBeGreaterThan(3000);
  });

  it('begins anew with a piece that does not follow', () => {
    const tail = new SentTail(100);
    tail.keep(BLOB.subarray(0, 50), 0);
    tail.keep(BLOB.subarray(70, 90), 70);
    expect(tail.between(69, 90)).toBeUndefined();
    expect(Buffer.concat(tail.between(70, 90) ?? []).equals(BLOB.subarray(70, 90))).toBe(true);
  });

  it('is kept only once an upload broke off', () => {
    const tails = new SentTails({ bytes: 100, blobs: 3 });
    expect(tails.open()).toBeUndefined();
    tails.need();
    expect(tails.open()).toBeInstanceOf(SentTail);
  });
});
