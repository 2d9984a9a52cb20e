/** Names of repositories, made of what is allowed and of what is not: the same ones at every call. */
import { numbers } from './numbers.ts';

const GOOD = ['a', 'web', 'x0', 'a-b', 'a--b', 'a.b', 'a_b', 'a__b', '0'];
const NASTY = [
  '..',
  '.',
  '',
  '%2e%2e',
  '..%2f',
  '%2f',
  '\\',
  '\0',
  '@',
  ':',
  '?',
  '#',
  ' ',
  'A',
  'a..b',
  'a___b',
  '-a',
  'a-',
  '.a',
  '~',
  'ä',
  '%',
  '\r\n',
  '@sha256=0',
  'signature-1',
];

/** `count` of them, about a tenth of which are good. */
export function hostilePaths(count: number): readonly string[] {
  const next = numbers(19_700_101);
  const pick = <T>(from: readonly T[]): T => from[next() % from.length] as T;
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + (next() % 4) }, () => (next() % 2 === 0 ? pick(GOOD) : pick(NASTY))).join('/'),
  );
}
