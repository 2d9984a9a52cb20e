import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../../activities/oci/challenge.ts';

const parse = (header: string | readonly string[] | undefined): unknown =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe('parseChallenges', () => {
  it.each([
    ['nothing', undefined, []],
    ['a scheme alone', 'Negotiate', [['negotiate', {}]]],
    [
      'a token and quoted strings',
      'Basic realm="a, b", charset=UTF-8',
      [['basic', { realm: 'a, b', charset: 'UTF-8' }]],
    ],
    ['names in any case', 'BEARER Realm="r",SERVICE="s"', [['bearer', { realm: 'r', service: 's' }]]],
    ['escapes', String.raw`Bearer realm="a\"b\\c"`, [['bearer', { realm: String.raw`a"b\c` }]]],
    ['space around the equals sign', 'Bearer realm = "r" , service= "s"', [['bearer', { realm: 'r', service: 's' }]]],
    [
      'several in a line',
      'Basic realm="b", Bearer realm="r",scope="repository:a:pull,push"',
      [
        ['basic', { realm: 'b' }],
        ['bearer', { realm: 'r', scope: 'repository:a:pull,push' }],
      ],
    ],
    [
      'several lines',
      ['Negotiate', 'Bearer realm="r"'],
      [
        ['negotiate', {}],
        ['bearer', { realm: 'r' }],
      ],
    ],
    [
      'a token68 before another scheme',
      'Negotiate abc+/==, Basic realm="b"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'b' }],
      ],
    ],
    ['the first of two equal names', 'Bearer realm="one",realm="two"', [['bearer', { realm: 'one' }]]],
    ['an open quote', 'Bearer realm="never', [['bearer', {}]]],
    ['garbage', '=;"', []],
  ])('reads %s', (_, header, expected) => {
    expect(parse(header)).toEqual(expected);
  });

  it('reads any line in no time', () => {
    const begun = performance.now();
    for (const part of ['\\"', '"', 'a=', ', ', 'a ', '= ']) parse(`Bearer a="${part.repeat(3900)}`);
    parse(`Bearer ${'a'.repeat(100_000)}`);
    expect(performance.now() - begun).toBeLessThan(500);
  });
});
