import { SigningError, classifyBlob } from '../../activities/signing/index.ts';
import { spoil, spoilBytes, writeNode } from './spoil-json.ts';
import type { Node } from './spoil-json.ts';
import type { Random } from './random.ts';
import type { Subject, Verdict } from './subject.ts';

interface StoredCase {
  readonly bytes: Buffer;
  readonly steps: readonly string[];
}

/** What a stored signature is by its first bytes: OpenPGP, sigstore, or what spoils the whole set. */
export const stored: Subject<StoredCase> = {
  name: 'stored',
  generate(random) {
    const steps: string[] = [];
    return { bytes: random.oneIn(2) ? someBytes(random, steps) : sigstore(random, steps), steps };
  },
  async ours({ bytes }): Promise<Verdict> {
    try {
      const blob = classifyBlob(bytes);
      const message = blob.kind === 'simple-signing' ? Buffer.from(blob.message).toString('base64') : '';
      return await Promise.resolve({ accepted: true, result: `${blob.kind} ${message}` });
    } catch (error) {
      if (error instanceof SigningError) return { accepted: false, reason: error.reason, message: error.message };
      throw error;
    }
  },
  question: ({ bytes }) => ({ kind: 'classify-blob', blob: bytes.toString('base64') }),
  compare(ours, judges) {
    const { kind, message = '' } = judges as { kind: string; message?: string };
    return ours === `${kind} ${message}` ? undefined : `ours ${String(ours)}, the judge's ${kind} ${message}`;
  },
  describe: ({ bytes, steps }) => `[${steps.join(', ')}] ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`,
};

function someBytes(random: Random, steps: string[]): Buffer {
  const name = random.pick([
    'simple-signing',
    'sigstore-json',
    'Simple-Signing',
    '',
    'x',
    'simple-signing ',
    'caf\u00e9',
    '\u007f',
    '\u001f',
  ]);
  const [step, bytes] = random.pick<readonly [string, Buffer]>([
    ['one first byte', Buffer.concat([Buffer.from([random.below(256)]), random.bytes(random.below(20))])],
    ['one byte', random.bytes(1)],
    ['nothing', Buffer.alloc(0)],
    ['prefix', Buffer.concat([Buffer.from(`\0${name}\n`), random.bytes(random.below(20))])],
    ['prefix without end', Buffer.from(`\0${name}`)],
    ['prefix of text', Buffer.from(`\0${name}\n{}`)],
    ['a long prefix', Buffer.from(`\0${'x'.repeat(random.below(200))}\n`)],
  ]);
  steps.push(step);
  return bytes;
}

const PAYLOADS = [
  '"aGVsbG8="',
  '""',
  '"aGVsbG8"',
  '"aGVs\\nbG8="',
  '"****"',
  '[104,101]',
  '[256]',
  '[null]',
  '[-1]',
  '[1.5]',
  '{}',
  '5',
  'null',
  '"aGVsbG9="',
  '"aGVs bG8="',
  '"-_=="',
];
const ANNOTATIONS = ['{"a":"b"}', '{}', 'null', '{"a":1}', '{"a":null}', '[]', '"x"', '{"a":"b","a":"c"}', '{"a":{}}'];

function sigstore(random: Random, steps: string[]): Buffer {
  const raw = (choices: readonly string[]): Node => ({ kind: 'raw', text: random.pick(choices) });
  const members: [string, Node][] = [
    [
      random.pick(['mimeType', 'mimeType', 'MIMETYPE', 'mimetype', 'x']),
      raw(['"application/x"', '""', 'null', '5', '{}']),
    ],
    [random.pick(['payload', 'payload', 'Payload', 'pay']), raw(PAYLOADS)],
    [random.pick(['annotations', 'annotations', 'annotation\u017f', 'Annotations']), raw(ANNOTATIONS)],
  ];
  let node: Node = { kind: 'object', members: random.oneIn(2) ? members : random.some(members) };
  if (random.oneIn(3)) node = spoil(node, random, steps);
  let bytes = writeNode(node, random);
  if (random.oneIn(5)) bytes = spoilBytes(bytes, random, steps);
  steps.push('sigstore');
  return Buffer.concat([Buffer.from('\0sigstore-json\n'), random.oneIn(20) ? Buffer.from('null') : bytes]);
}
