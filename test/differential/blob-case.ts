import { createHash } from 'node:crypto';
import { arrangedBlob } from './blob-arrangements.ts';
import type { Making } from './blob-arrangements.ts';
import { compressedBlob, spoiltBlob } from './blob-damages.ts';
import { unusualForm } from './message-forms.ts';
import { compressedBody, joinMessage, makeMessage } from './openpgp/messages.ts';
import type { MessageParts } from './openpgp/messages.ts';
import { TAG, packet } from './openpgp/packets.ts';
import type { Random } from './random.ts';
import type { Ring } from './rings.ts';

/** A stored signature, and the keys that it is verified against. */
export interface BlobCase {
  readonly ring: Ring;
  readonly blob: Buffer;
  /** How it was made. */
  readonly steps: readonly string[];
}

export const MANIFEST = Buffer.from('{"schemaVersion":2}');
export const REFERENCE = 'registry.example.com/acme/web:1';
export const PAYLOAD = Buffer.from(
  JSON.stringify({
    critical: {
      identity: { 'docker-reference': REFERENCE },
      image: { 'docker-manifest-digest': `sha256:${createHash('sha256').update(MANIFEST).digest('hex')}` },
      type: 'atomic container signature',
    },
    optional: { creator: 'differential', timestamp: 1_700_000_000 },
  }),
);

/** Half of the cases are about keys, half about messages; a tenth about both. */
export function makeBlobCase(random: Random, rings: readonly Ring[]): BlobCase {
  const aboutKeys = random.oneIn(2);
  const ring = random.pick(aboutKeys ? rings : rings.filter(({ plain }) => plain));
  const certificate = random.pick(ring.certificates);
  const signer = random.pick([certificate.primary, ...certificate.subkeys, ...certificate.subkeys]);
  const steps = [`ring ${ring.name}`, `by ${signer.kind}`];
  const unusual = aboutKeys ? random.oneIn(5) : !random.oneIn(8);
  const content = makeContent(random, steps);
  const form = unusual && random.oneIn(2) ? unusualForm(signer, random, steps) : {};
  const parts = makeMessage(signer, content, form);
  const makers = random.pick([plainBlob, plainBlob, arrangedBlob, compressedBlob, spoiltBlob]);
  const made = unusual ? makers(parts, { random, steps, signer }) : plainBlob(parts, { random, steps, signer });
  return { ring, blob: made, steps };
}

function makeContent(random: Random, steps: string[]): Buffer {
  if (!random.oneIn(10)) return PAYLOAD;
  const [name, content] = random.pick<readonly [string, Buffer]>([
    ['another digest', Buffer.from(PAYLOAD.toString().replace(/[0-9a-f]{64}/, 'a'.repeat(64)))],
    ['another reference', Buffer.from(PAYLOAD.toString().replace('web:1', 'web:2'))],
    ['no content', Buffer.alloc(0)],
    ['white space of 2000', Buffer.concat([PAYLOAD, Buffer.alloc(2000, ' ')])],
    ['line ends of Unix', Buffer.from(JSON.stringify(JSON.parse(PAYLOAD.toString()), undefined, 1))],
    [
      'line ends of DOS',
      Buffer.from(JSON.stringify(JSON.parse(PAYLOAD.toString()), undefined, 1).replaceAll('\n', '\r\n')),
    ],
    ['not JSON', Buffer.from('hello')],
  ]);
  steps.push(name);
  return content;
}

function plainBlob(parts: MessageParts, { random, steps }: Making): Buffer {
  const message = joinMessage(parts);
  if (!random.oneIn(4)) return message;
  const algorithm = random.pick([0, 1, 1, 2, 3]);
  steps.push(`compression ${algorithm}`);
  return packet(
    TAG.compressed,
    compressedBody(algorithm, message),
    random.pick(['indeterminate', 'new5', 'partial512'] as const),
  );
}
