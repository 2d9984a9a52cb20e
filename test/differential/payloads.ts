import { SigningError, parsePayload } from '../../activities/signing/index.ts';
import type { Payload } from '../../activities/signing/index.ts';
import { spoil, spoilBytes } from './spoil-json.ts';
import type { Node } from './spoil-json.ts';
import { writeNode } from './spoil-json.ts';
import type { Random } from './random.ts';
import type { Subject, Verdict } from './subject.ts';

interface PayloadCase {
  readonly bytes: Buffer;
  readonly steps: readonly string[];
}

const REFERENCES = [
  'registry.example.com/acme/web:1',
  'docker.io/library/busybox:latest',
  'busybox',
  '',
  'registry.example.com:5000/a/b@sha256:' + 'c'.repeat(64),
  'UPPER/case',
  'anything at all \u2028 < > & "',
];
const DIGESTS = [
  `sha256:${'a'.repeat(64)}`,
  `sha384:${'b'.repeat(96)}`,
  `sha512:${'c'.repeat(128)}`,
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(64)}\n`,
  `sha256:${'a'.repeat(65)}`,
  `SHA256:${'a'.repeat(64)}`,
  `md5:${'a'.repeat(32)}`,
  `sha1:${'a'.repeat(40)}`,
  `sha512:${'a'.repeat(64)}`,
  `sha256+b64:${'a'.repeat(64)}`,
  `blake3:${'a'.repeat(64)}`,
  '',
  'sha256:',
  ':',
];
const TIMESTAMPS = [
  ...['0', '-0', '1', '-1', '1.0', '1e9', '1E+9', '1e-1', '0.5', '10e-1', '1e300', '1e400', '-1e400', '1e-400'],
  ...['9007199254740993', '9223372036854775807', '9223372036854775808', '-9223372036854775808', '18446744073709551616'],
  ...['-9223372036854777856', '9223372036854774784', '00', '01', '+1', '.5', '1.', '1e', '0x1', 'NaN', 'Infinity'],
  ...['null', 'true', '"1"', '[]', '{}', '1700000000', '1700000000.000000001', '4.9406564584124654e-324'],
];
const CREATORS = ['"x"', '""', 'null', '1', '[]', '"\\ud800"', '"\\u0000"', '"caf\u00e9"', 'true', '{"a":1,"a":2}'];

/** The strict parser of the signed content. */
export const payloads: Subject<PayloadCase> = {
  name: 'payloads',
  weight: 3,
  generate(random) {
    const steps: string[] = [];
    let node = basis(random);
    for (let rounds = random.pick([0, 1, 1, 1, 2, 3]); rounds > 0; rounds--) node = spoil(node, random, steps);
    let bytes = writeNode(node, random);
    if (random.oneIn(4)) bytes = spoilBytes(bytes, random, steps);
    return { bytes, steps };
  },
  ours: async ({ bytes }) => await Promise.resolve(judgePayload(bytes)),
  question: ({ bytes }) => ({ kind: 'payload-parse', payload: bytes.toString('base64') }),
  compare(ours, judges) {
    const { digest, dockerReference, creator, timestamp } = ours as Payload;
    const mine = {
      digest,
      reference: dockerReference,
      creator: creator ?? null,
      timestamp: timestamp === undefined ? null : String(BigInt(timestamp)),
    };
    const theirs = judges as typeof mine;
    const sorted = (value: typeof mine) => JSON.stringify(value, Object.keys(mine));
    return sorted(mine) === sorted(theirs) ? undefined : `ours ${sorted(mine)}, the judge's ${sorted(theirs)}`;
  },
  describe: ({ bytes, steps }) => `[${steps.join(', ')}] ${JSON.stringify(bytes.toString('latin1').slice(0, 400))}`,
};

function judgePayload(bytes: Uint8Array): Verdict {
  try {
    return { accepted: true, result: parsePayload(bytes) };
  } catch (error) {
    if (error instanceof SigningError) return { accepted: false, reason: error.reason, message: error.message };
    throw error;
  }
}

function basis(random: Random): Node {
  const usual = <Item>(items: readonly Item[]): Item => (random.oneIn(4) ? random.pick(items) : (items[0] as Item));
  const text = (value: string): Node => ({ kind: 'raw', text: JSON.stringify(value) });
  const critical: Node = {
    kind: 'object',
    members: [
      ['identity', { kind: 'object', members: [['docker-reference', text(usual(REFERENCES))]] }],
      ['image', { kind: 'object', members: [['docker-manifest-digest', text(usual(DIGESTS))]] }],
      ['type', text('atomic container signature')],
    ],
  };
  const optional: [string, Node][] = [];
  if (!random.oneIn(5)) optional.push(['creator', { kind: 'raw', text: usual(CREATORS) }]);
  if (!random.oneIn(5)) {
    optional.push(['timestamp', { kind: 'raw', text: random.oneIn(3) ? random.pick(TIMESTAMPS) : '1700000000' }]);
  }
  return {
    kind: 'object',
    members: [
      ['critical', critical],
      ['optional', { kind: 'object', members: optional }],
    ],
  };
}
