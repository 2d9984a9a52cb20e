import type { Making } from './blob-arrangements.ts';
import { COMPRESSIONS, compressedBody, joinMessage } from './openpgp/messages.ts';
import type { MessageParts } from './openpgp/messages.ts';
import { HEADER_FORMS, TAG, packet } from './openpgp/packets.ts';

/** Compressed in every way, whole or damaged. */
export function compressedBlob(parts: MessageParts, { random, steps }: Making): Buffer {
  const message = joinMessage(parts);
  const algorithm = random.pick([...Object.values(COMPRESSIONS), 4, 110]);
  const form = random.pick(HEADER_FORMS);
  const plain = compressedBody(algorithm, message);
  const [name, body] = random.pick<readonly [string, Buffer]>([
    ['plain', plain],
    ['plain', plain],
    ...[1, 2, 3, 4, 5, 8].map((count): readonly [string, Buffer] => [`cut by ${count}`, plain.subarray(0, -count)]),
    ['bytes behind', Buffer.concat([plain, random.bytes(1 + random.below(20))])],
    ['zeros behind', Buffer.concat([plain, Buffer.alloc(8)])],
    ['twice', compressedBody(algorithm, packet(TAG.compressed, plain, 'indeterminate'))],
    ['another algorithm named', Buffer.concat([Buffer.from([random.below(4)]), plain.subarray(1)])],
    ['nothing', plain.subarray(0, 1)],
    ['bytes behind the message inside', compressedBody(algorithm, Buffer.concat([message, Buffer.from('x')]))],
  ]);
  steps.push(`compression ${algorithm}, ${form}, ${name}`);
  const blob = packet(TAG.compressed, body, form);
  if (!random.oneIn(6)) return blob;
  steps.push('wrong length');
  const changed = Buffer.from(blob);
  changed[1]! ^= 1 << random.below(8);
  return changed;
}

/** Bytes changed, cut, put before and behind. */
export function spoiltBlob(parts: MessageParts, { random, steps }: Making): Buffer {
  const message = joinMessage(parts);
  const blob = random.oneIn(4) ? packet(TAG.compressed, compressedBody(1, message), 'indeterminate') : message;
  const at = random.below(blob.length);
  const changed = Buffer.from(blob);
  const bit = 1 << random.below(8);
  changed[at]! ^= bit;
  const [name, spoilt] = random.pick<readonly [string, Buffer]>([
    ...Array.from({ length: 10 }, (): readonly [string, Buffer] => [`bit ${bit} of byte ${at}`, changed]),
    [`cut at ${at}`, blob.subarray(0, at)],
    ['junk behind', Buffer.concat([blob, random.bytes(1 + random.below(4))])],
    ['line feed behind', Buffer.concat([blob, Buffer.from('\n')])],
    ['junk before', Buffer.concat([random.bytes(1), blob])],
    ['prefix', Buffer.concat([Buffer.from('\0simple-signing\n'), blob])],
    ['prefix twice', Buffer.concat([Buffer.from('\0simple-signing\n\0simple-signing\n'), blob])],
    ['unknown prefix', Buffer.concat([Buffer.from('\0other\n'), blob])],
    ['sigstore', Buffer.from('\0sigstore-json\n{}')],
    ['prefix without line', Buffer.from('\0simple-signing')],
    ['armour', Buffer.from(`-----BEGIN PGP MESSAGE-----\n\n${blob.toString('base64')}\n-----END PGP MESSAGE-----\n`)],
    [
      'armour behind a prefix',
      Buffer.from(
        `\0simple-signing\n-----BEGIN PGP MESSAGE-----\n\n${blob.toString('base64')}\n-----END PGP MESSAGE-----\n`,
      ),
    ],
    ['nothing', Buffer.alloc(0)],
  ]);
  steps.push(name);
  return spoilt;
}
