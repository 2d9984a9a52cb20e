/** Texts that are nearly digests: the same ones at every call. */
import { numbers } from './numbers.ts';

const HEX = Array.from('0123456789abcdef');
const NASTY = [
  '../',
  '..%2f',
  '%2e%2e/',
  '\0',
  '%00',
  '/',
  '\\',
  '?x=',
  '#',
  '@',
  ':',
  ' ',
  '\n',
  '\r\nx: y',
  'A',
  'F',
  'g',
  'ａ',
  '٣',
  '\u202e',
  '"',
  '//',
  '*',
  '$(x)',
];
const ALGORITHMS = [
  'sha256',
  'sha384',
  'sha512',
  'SHA256',
  'Sha256',
  'sha-256',
  'sha1',
  'md5',
  'blake3',
  'sha256+b64',
  '',
  ' sha256',
  'sha256 ',
  '../sha256',
  'sha256%3a',
  'file',
  'https',
  '__proto__',
  'constructor',
];
const LENGTHS = [0, 1, 32, 40, 63, 64, 65, 95, 96, 97, 127, 128, 129, 4096];
const GOOD = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

/** `count` of them. */
export function malformedDigests(count: number): readonly string[] {
  const next = numbers(20240603);
  const pick = <T>(from: readonly T[]): T => from[next() % from.length] as T;
  const made: string[] = [
    '',
    ':',
    'sha256',
    'sha256:',
    `sha256:sha256:${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(64)}\n`,
  ];
  while (made.length < count) {
    const hex = Array.from({ length: pick(LENGTHS) }, () => pick(HEX)).join('');
    const at = next() % (hex.length + 1);
    const spoiled = next() % 4 === 0 ? hex : hex.slice(0, at) + pick(NASTY) + hex.slice(next() % 2 === 0 ? at : at + 1);
    const text = `${pick(ALGORITHMS)}${pick([':', ':', ':', ':', '=', '', '::', '%3A'])}${spoiled}`;
    if (!GOOD.test(text)) made.push(text);
  }
  return made;
}
