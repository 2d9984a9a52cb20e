import { describe, expect, it } from 'vitest';
import { jsonText, printable, printableLines, printableShort } from '../../cli/output/escape.ts';
import { formatBytes, formatMoment, formatSpan } from '../../cli/output/measures.ts';
import { createStyle } from '../../cli/output/style.ts';
import { alignRows } from '../../cli/output/table.ts';
import { NOW } from './fake-terminal.ts';

describe('printable', () => {
  it.each([
    ['plain text, grün, 日本', 'plain text, grün, 日本'],
    ['\u001b[31mred', '\\u{1b}[31mred'],
    ['a\nb\rc\td', 'a\\nb\\rc\\td'],
    ['\u009b31m', '\\u{9b}31m'],
    ['\u202eevil\u2066', '\\u{202e}evil\\u{2066}'],
    ['zero\u200bwidth\ufeff', 'zero\\u{200b}width\\u{feff}'],
    ['line\u2028separator', 'line\\u{2028}separator'],
    ['tag\u{e0041}', 'tag\\u{e0041}'],
    ['half\ud800', 'half\\u{d800}'],
  ])('writes %j as %s', (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  it('cuts by characters, and keeps line feeds where lines are wanted', () => {
    expect(printableShort('😀😀😀', 2)).toBe('😀…');
    expect(printableLines('a\n\u0007b')).toBe('a\n\\u{7}b');
  });
});

describe('jsonText', () => {
  it('escapes what a terminal would obey, so that parsing gives it back', () => {
    const value = { text: '\u202e\u009b\u2028\u{e0041}ok' };
    const text = jsonText(value, 2);
    expect(text).toMatch(/^[\n\u0020-\u007e]*$/);
    expect(JSON.parse(text)).toEqual(value);
  });
});

describe('measures', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_999, '1.0 MB'],
    [123_456_789, '123 MB'],
    [1.5e12, '1.5 TB'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it.each([
    [0, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [125_000, '2 min 5 s'],
    [3_600_000 * 5, '5 h'],
    [86_400_000 * 3 + 3_600_000 * 4, '3 d 4 h'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatSpan(ms)).toBe(text);
  });

  it('writes a moment with its distance', () => {
    expect(formatMoment(NOW - 5_000, NOW)).toBe('2026-11-21 07:59:55Z (5 s ago)');
    expect(formatMoment(NOW + 60_000, NOW)).toBe('2026-11-21 08:01:00Z (in 1 min)');
    expect(formatMoment('nonsense', NOW)).toBe('unknown');
  });
});

describe('createStyle', () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [true, { TERM: 'dumb' }, false],
  ])('with a terminal %s and %j is coloured: %s', (isTTY, env, coloured) => {
    const style = createStyle({ write: () => undefined, isTTY }, env);
    expect(style.bad('x') !== 'x').toBe(coloured);
  });
});

describe('alignRows', () => {
  it('pads all but the last column', () => {
    expect(
      alignRows([
        ['a', 'bb', 'c'],
        ['aaa', 'b', ''],
      ]),
    ).toEqual(['a    bb  c', 'aaa  b']);
  });
});
