import { readEdges } from './edges/read-edges.ts';
import type { Random } from './random.ts';

const HEX = '0123456789abcdef';
export const SHA256 = `sha256:${HEX.repeat(4)}`;

/** Everything that a rule of the grammar or of normalization turns on. */
export const REFERENCE_EDGES = readEdges('references') as readonly string[];

const HOSTS = [
  'r.example.com',
  'R.Example.Com:5000',
  'localhost',
  'localhost:5',
  'docker.io',
  'index.docker.io',
  '10.0.0.1:443',
  'a-b.c',
  'a_b.c',
  'x',
  'h.',
  '.h',
  'a.b.c.d.e',
  'h:',
  'h:x',
  'ex--a.m',
  '*.example.com',
];
const COMPONENTS = [
  'a',
  'web',
  'a-b',
  'a--b',
  'a__b',
  'a___b',
  'a.b',
  'a..b',
  'A',
  '',
  '-a',
  'a-',
  '0',
  'a_b',
  'a.-b',
  '..',
  'b%2f',
  'ü',
  'library',
  'x'.repeat(60),
];
const TAGS = ['1', 'latest', 'V1.0_x-y', '-1', '', 't:u', 't t', 't'.repeat(128), 't'.repeat(129), '_', '.', 'ä'];
const DIGESTS = [
  SHA256,
  `sha512:${HEX.repeat(8)}`,
  `sha384:${HEX.repeat(6)}`,
  'sha256:0',
  SHA256.toUpperCase(),
  `sha1:${HEX.repeat(2)}`,
  '',
];
const NOISE = [
  'a',
  'b',
  'Z',
  '0',
  '.',
  '_',
  '-',
  '/',
  ':',
  '@',
  '.',
  '/',
  ':',
  'localhost',
  'docker.io',
  'sha256:',
  HEX,
  'é',
  ' ',
  '\n',
  '\0',
];

/** Mostly a reference, often damaged in one place, sometimes nothing but the characters that count. */
export function randomReference(random: Random): string {
  if (random.oneIn(5)) return Array.from({ length: random.below(12) }, () => random.pick(NOISE)).join('');
  const components = Array.from({ length: 1 + random.below(4) }, () =>
    random.pick(random.oneIn(3) ? COMPONENTS : COMPONENTS.slice(0, 4)),
  );
  const host = random.oneIn(3) ? '' : `${random.pick(random.oneIn(3) ? HOSTS : HOSTS.slice(0, 8))}/`;
  const tag = random.oneIn(2) ? '' : `:${random.pick(random.oneIn(3) ? TAGS : TAGS.slice(0, 3))}`;
  const digest = random.oneIn(3) ? `@${random.pick(random.oneIn(3) ? DIGESTS : DIGESTS.slice(0, 3))}` : '';
  const text = `${host}${components.join('/')}${tag}${digest}`;
  return random.oneIn(4) ? damaged(random, text) : text;
}

/** The text with one place changed. */
export function damaged(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const rest = random.oneIn(2) ? at : at + 1;
  const inserted = random.oneIn(3) ? '' : random.pick(NOISE);
  return `${text.slice(0, at)}${inserted}${text.slice(rest)}`;
}
