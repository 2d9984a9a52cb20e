import { describe, expect, it } from 'vitest';
import { isDigest, parseDigest, quote, shortDigest, splitDigest } from '../../../workflows/domain/digest.ts';

const HEX = '0123456789abcdef'.repeat(4);

describe('digests', () => {
  it('are sha256, sha384 or sha512 with exactly their hex digits', () => {
    expect(isDigest(`sha256:${HEX}`)).toBe(true);
    expect(isDigest(`sha384:${HEX}${HEX.slice(32)}`)).toBe(true);
    expect(isDigest(`sha512:${HEX}${HEX}`)).toBe(true);
  });

  it.each([
    'sha256:../../etc/passwd',
    `sha256:${HEX.toUpperCase()}`,
    `sha256:${HEX.slice(1)}`,
    `sha256:${HEX}0`,
    `sha1:${HEX.slice(24)}`,
    `sha256:${HEX}\n`,
    `sha256:${HEX.slice(0, 63)}\0`,
    `sha256:%2f${HEX.slice(3)}`,
    `SHA256:${HEX}`,
    `sha256${HEX}`,
    '',
    ':',
    `toString:${HEX}`,
    `__proto__:${HEX}`,
    ` sha256:${HEX}`,
    `sha256:sha256:${HEX}`,
  ])('refuse %j', (text) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(/invalid digest/);
  });

  it('come apart', () => {
    const digest = parseDigest(`sha256:${HEX}`);
    expect(splitDigest(digest)).toEqual({ algorithm: 'sha256', hex: HEX });
    expect(shortDigest(digest)).toBe(HEX.slice(0, 12));
  });
});

describe('quote', () => {
  it('escapes control and bidirectional characters and cuts long text', () => {
    expect(quote('a\u202eb\u0007\u2028')).toBe('"a\\u202eb\\u0007\\u2028"');
    expect(quote('x'.repeat(500)).length).toBeLessThan(210);
  });
});
