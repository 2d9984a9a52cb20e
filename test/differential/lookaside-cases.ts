import { createHash } from 'node:crypto';
import { parseDigest } from '../../workflows/domain/digest.ts';
import { readEdges } from './edges/read-edges.ts';
import type { Random } from './random.ts';

/** What the signature server answers; `size` bytes more than are written here. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly size?: number;
}
/** A store, what is asked of it, and what it answers. */
export interface LookasideCase {
  readonly base: string;
  readonly reference: string;
  /** By host, path and query of the request; what is not here is 404. */
  readonly answers: Readonly<Record<string, Answer>>;
}
interface Words {
  readonly bases: readonly string[];
  readonly bodies: readonly string[];
  readonly statuses: readonly number[];
}

export const MANIFEST =
  '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}';
export const DIGEST = parseDigest(`sha256:${createHash('sha256').update(MANIFEST).digest('hex')}`);
const DIRECTORY = `@${DIGEST.replace(':', '=')}`;
/** The first byte is that of a signature; the rest is looked at by nobody here. */
const BLOB = Buffer.from([0x90, 1, 2, 3]).toString('base64');

const signatureAt = (place: string, number: number, query = ''): string =>
  `${place}/acme/web${DIRECTORY}/signature-${number}${query}`;
const blobs = (place: string, count: number, query = ''): Record<string, Answer> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [signatureAt(place, index + 1, query), { status: 200, body: BLOB }]),
  );
const IMAGE = 'r.example.com/acme/web:1';
const at = (base: string, answers: Record<string, Answer> = {}): LookasideCase => ({ base, reference: IMAGE, answers });
const second = (answer: Answer): LookasideCase =>
  at('http://s.test', { ...blobs('s.test', 3), [signatureAt('s.test', 2)]: answer });
const { bases: BASES, bodies: BODIES, statuses: STATUSES } = readEdges('lookaside') as Words;

/** What a rule of reading turns on. */
export const LOOKASIDE_EDGES: readonly LookasideCase[] = [
  ...BASES.map((base) => at(base)),
  ...[0, 1, 2, 126, 127, 128, 129].map((count) => at('http://s.test', blobs('s.test', count))),
  ...STATUSES.map((status) => second({ status })),
  ...BODIES.map((body) => second({ status: 200, body })),
  ...['text/html', 'application/json', ''].map((type) =>
    second({ status: 200, body: BLOB, headers: { 'Content-Type': type } }),
  ),
  ...['gzip', 'identity', 'br', 'x'].map((encoding) =>
    second({ status: 200, body: BLOB, headers: { 'Content-Encoding': encoding } }),
  ),
  ...[4 << 20, (4 << 20) - 4, (4 << 20) - 3, 5 << 20].map((size) => second({ status: 200, body: BLOB, size })),
  ...[301, 302, 303, 307, 308].map((status) => second({ status, headers: { Location: `http://s.test/${DIRECTORY}` } })),
  ...[301, 302, 303, 307, 308]
    .map((status) => ({ ...second({ status, headers: { Location: 'http://t.test/x' } }) }))
    .map((made) => ({ ...made, answers: { ...made.answers, 't.test/x': { status: 200, body: BLOB } } })),
  ...[302, 307]
    .map((status) => ({ ...second({ status, headers: { Location: '/y%2Fz?a=%2F' } }) }))
    .map((made) => ({ ...made, answers: { ...made.answers, 's.test/y%2Fz?a=%2F': { status: 200, body: BLOB } } })),
  ...[
    '',
    'x',
    '?x',
    '//t.test/x',
    'ftp://t.test/x',
    'file:///etc/passwd',
    'http://',
    'http://t.test/x#f',
    '#f',
    'http://u:p@t.test/x',
  ].map((location) => second({ status: 302, headers: { Location: location } })),
  second({ status: 302 }),
  {
    ...at('http://u:p@s.test', {
      [signatureAt('s.test', 1)]: { status: 302, headers: { Location: 'http://s.test/x' } },
    }),
  },
  {
    ...at('http://u:p@s.test', {
      [signatureAt('s.test', 1)]: { status: 302, headers: { Location: 'http://t.test/x' } },
    }),
  },
  at(
    'http://s.test',
    Object.fromEntries([
      [signatureAt('s.test', 1), { status: 302, headers: { Location: 'http://s.test/0' } }],
      ...Array.from({ length: 12 }, (_, index): [string, Answer] => [
        `s.test/${index}`,
        { status: 302, headers: { Location: `http://s.test/${index + 1}` } },
      ]),
    ]),
  ),
  ...[8, 9, 10, 11].map((hops) =>
    at(
      'http://s.test',
      Object.fromEntries([
        [signatureAt('s.test', 1), { status: 302, headers: { Location: 'http://s.test/0' } }],
        ...Array.from({ length: hops - 1 }, (_, index): [string, Answer] => [
          `s.test/${index}`,
          { status: 302, headers: { Location: `http://s.test/${index + 1}` } },
        ]),
        [`s.test/${hops - 1}`, { status: 200, body: BLOB }],
      ]),
    ),
  ),
  { base: 'http://s.test', reference: 'busybox', answers: {} },
  { base: 'http://s.test', reference: 'r.example.com:5000/a/b/c/d:1', answers: {} },
  { base: 'http://s.test', reference: `r.example.com/acme/web@${DIGEST}`, answers: blobs('s.test', 2) },
];

/** A store that mostly answers, or a base of odd parts. */
export function randomLookaside(random: Random): LookasideCase {
  if (random.oneIn(3)) {
    const place = random.pick(['s.test', 's.test/a', 's.test:81/x']);
    const query = random.pick(['', '', '?t=1']);
    const answers: Record<string, Answer> = { ...blobs(place, random.below(6), query) };
    const number = 1 + random.below(6);
    answers[signatureAt(place, number, query)] = {
      status: random.pick([200, 200, 404, ...STATUSES]),
      body: random.pick(BODIES),
    };
    return at(`http://${random.pick(['', 'me:secret@'])}${place}${query}`, answers);
  }
  const parts = [
    'a',
    '%20',
    '%2F',
    '%',
    '/',
    '//',
    '..',
    '?',
    '#',
    '@',
    ':',
    'ü',
    ' ',
    '[',
    '!',
    '+',
    '&',
    '=',
    '%41',
    '\\',
    '"',
  ];
  const tail = Array.from({ length: random.below(5) }, () => random.pick(parts)).join('');
  return at(
    `${random.pick(['http://s.test', 'http://s.test/', 'http://u:p@s.test/', 'http://s.test:8/', 'http:', 'file:///nonexistent-judge'])}${tail}`,
  );
}
