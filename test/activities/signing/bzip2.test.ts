import { describe, expect, it } from 'vitest';
import { decompressBzip2 } from '../../../activities/signing/bzip2.ts';

/** Made with bzip2 1.0.8: what comes out, base64 of the compressed form. */
const EMPTY = 'QlpoORdyRThQkAAAAAA=';
const SAMPLES: readonly (readonly [name: string, plain: string, compressed: string])[] = [
  [
    'a short text',
    'she sells sea shells by the sea shore; '.repeat(3),
    'QlpoOTFBWSZTWWdKh6gAADMZgEAAAAgyRJwgIABQgaBoCKhk0NOjI6YG3SEtD5ocuG3CEj4YbcjSJb8XckU4UJBnSoeo',
  ],
  [
    'a run of equal bytes',
    `${'a'.repeat(1000)}bbbb${'c'.repeat(259)}ddddd`,
    'QlpoOTFBWSZTWX0JV0IAAANBAeAAPAAAgAAIIAAxDAgbVMYpvOjiQywdwpkS34u5IpwoSD6Eq6EA',
  ],
  [
    'many symbols',
    Array.from({ length: 2000 }, (_, i) => String.fromCharCode(33 + ((i * i * 7 + i * 3) % 90))).join(''),
    'QlpoOTFBWSZTWQeLCpIAACyfgCIIAIAIIAKAIKAIADAA20RA0DQE1VDQyMFKpqYwkxKYKa2U6lMlMlMlMynKLCLCLpF5RfKLKL+i9KclPSnZTqU8KaKcKYlOSnpTRTcp8UyU5iU2UwU7KbKbKalPCn4p9KfIu6Lmi2LuSKcKEgDxYVJA',
  ],
];
/** 50,000,000 zero bytes. */
const BOMB = Buffer.from(
  'QlpoOTFBWSZTWQ4J4t8BX45AAMAAAAggADCATUZCoCWpCoCXMUFZJlNZk8TsPQAfaMEAwAAAEAAIIAAwzAmqaZUiDapSIPF3JFOFCQj9cpgw',
  'base64',
);

describe('decompressBzip2', () => {
  it.each(SAMPLES)('reads %s', (_, plain, compressed) => {
    expect(Buffer.from(decompressBzip2(Buffer.from(compressed, 'base64'), 100_000)).toString()).toBe(plain);
  });

  it('reads the empty stream', () => {
    expect(decompressBzip2(Buffer.from(EMPTY, 'base64'), 10)).toHaveLength(0);
  });

  it('stops a bomb at the limit, at once', () => {
    const start = performance.now();
    expect(() => decompressBzip2(BOMB, 1024 * 1024)).toThrow('more than 1048576 bytes come out');
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it('refuses every shortened and every changed stream', () => {
    const [, plain = '', compressed = ''] = SAMPLES[0] ?? [];
    const good = Buffer.from(compressed, 'base64');
    for (let length = 0; length < good.length; length++) {
      expect(() => decompressBzip2(good.subarray(0, length), 100_000)).toThrow();
    }
    for (let bit = 0; bit < good.length * 8; bit++) {
      const changed = Buffer.from(good);
      changed[bit >> 3]! ^= 0x80 >> (bit & 7);
      let read: string;
      try {
        read = Buffer.from(decompressBzip2(changed, 100_000)).toString();
      } catch {
        continue;
      }
      // Only a larger block size and the padding behind the last bit may change unnoticed.
      expect(read).toBe(plain);
    }
  });

  it('refuses bytes behind the stream', () => {
    expect(() => decompressBzip2(Buffer.concat([Buffer.from(EMPTY, 'base64'), Buffer.from('x')]), 10)).toThrow(
      'behind',
    );
  });
});
