import { anHourAgo } from '../../../differential/openpgp/certificates.ts';
import { joinMessage } from '../../../differential/openpgp/messages.ts';
import { packet, subpacket } from '../../../differential/openpgp/packets.ts';
import { MiB, PAYLOAD, repeat, signed, withIntegers } from './makings.ts';
import type { Messages } from './makings.ts';

const SUBPACKETS = Array.from({ length: 4900 }, () => subpacket(100, Buffer.alloc(0)));
const NOTATIONS = Array.from({ length: 1200 }, () => subpacket(20, Buffer.alloc(8)));
/** A part of one byte. */
const PART = Buffer.from([0xe0, 0x62]);

/** Much of everything. */
export const FLOODS: Messages = {
  'a million empty packets': () => repeat(packet(4, Buffer.alloc(0), 'new1'), 4 * MiB),
  'two million parts of one byte': () =>
    Buffer.concat([Buffer.from([0xc8]), repeat(PART, 4 * MiB - 8), Buffer.from([0])]),
  'two million parts in a literal': ({ good: { onePass, signature } }) =>
    Buffer.concat([onePass, Buffer.from([0xcb]), repeat(PART, 4 * MiB - 400), Buffer.from([0]), signature]),
  'one-pass packets without end': ({ good: { onePass } }) => repeat(onePass, 4 * MiB),
  'signatures without end': ({ good: { onePass, literal, signature } }) =>
    Buffer.concat([onePass, literal, repeat(signature, 3 * MiB)]),
  'literals without end': ({ good: { onePass, literal } }) => Buffer.concat([onePass, repeat(literal, 3 * MiB)]),
  'messages without end': ({ good: { onePass, literal, signature } }) =>
    repeat(joinMessage({ onePass, literal, signature }), 3 * MiB),
  'one-pass packets nested 1000 deep': ({ good: { onePass, literal, signature } }) =>
    Buffer.concat([repeat(onePass, onePass.length * 1000), literal, repeat(signature, signature.length * 1000)]),
  'one-pass packets nested 3 deep': ({ good: { onePass, literal, signature } }) =>
    Buffer.concat([onePass, onePass, onePass, literal, signature, signature, signature]),
  'a literal of 4 MiB': ({ good: { onePass, signature } }) =>
    Buffer.concat([onePass, packet(11, Buffer.alloc(4 * MiB - 500)), signature]),
  'a literal that claims 4 GiB': ({ good: { onePass, signature } }) =>
    Buffer.concat([onePass, Buffer.from([0xcb, 0xff, 0xff, 0xff, 0xff, 0xff]), PAYLOAD, signature]),
  'a signature that claims 4 GiB': ({ good: { onePass, literal } }) =>
    Buffer.concat([onePass, literal, Buffer.from([0xc2, 0xff, 0xff, 0xff, 0xff, 0xff]), Buffer.alloc(100)]),
  'a signature of 4 MiB': ({ good: { onePass, literal } }) =>
    Buffer.concat([
      onePass,
      literal,
      packet(2, Buffer.concat([Buffer.from([4, 0, 22, 8]), Buffer.alloc(4 * MiB - 600)])),
    ]),
  'a signature of zeros': ({ good: { onePass, literal } }) =>
    Buffer.concat([onePass, literal, packet(2, Buffer.alloc(100))]),
  'subpackets without end': (made) => signed(made, { signature: { hashed: SUBPACKETS, created: anHourAgo(100) } }),
  'notations without end': (made) =>
    signed(made, { signature: { hashed: [...NOTATIONS, subpacket(20, Buffer.from('xxxxxxxx'), { critical: true })] } }),
  'subpackets of more than 10,000 bytes': (made) =>
    signed(made, { signature: { hashed: [subpacket(100, Buffer.alloc(12_000))] } }),
  'an integer of 65,535 bits': (made) =>
    withIntegers(made, Buffer.concat([Buffer.from([0xff, 0xff]), Buffer.alloc(8192, 0xff), Buffer.from([0, 1, 1])])),
  'integers of no bits': (made) => withIntegers(made, Buffer.alloc(4)),
  'integers of one': (made) => withIntegers(made, Buffer.from([0, 1, 1, 0, 1, 1])),
  'integers of all ones': (made) =>
    withIntegers(
      made,
      Buffer.concat([Buffer.from([1, 0]), Buffer.alloc(32, 255), Buffer.from([1, 0]), Buffer.alloc(32, 255)]),
    ),
  'one integer': (made) => withIntegers(made, Buffer.from([0, 1, 1])),
  'no integers': (made) => withIntegers(made, Buffer.alloc(0)),
  'more than 4 MiB': () => Buffer.alloc(4 * MiB + 1, 0xc4),
  '4 MiB of zeros behind a prefix': () =>
    Buffer.concat([Buffer.from('\0simple-signing\n'), Buffer.alloc(4 * MiB - 20)]),
  '4 MiB of ones': () => Buffer.alloc(4 * MiB, 0xff),
  '4 MiB of one-pass headers': () => Buffer.alloc(4 * MiB, 0xc4),
  '4 MiB of compressed headers': () => Buffer.alloc(4 * MiB, 0xa3),
  '4 MiB of signature headers': () => Buffer.alloc(4 * MiB, 0x88),
  'a format name of 4 MiB': () => Buffer.concat([Buffer.from([0]), Buffer.alloc(4 * MiB - 8, 'a'), Buffer.from('\n')]),
  'a format name without end': () => Buffer.concat([Buffer.from([0]), Buffer.alloc(4 * MiB - 8, 'a')]),
  'a sigstore signature nested without end': () =>
    Buffer.concat([Buffer.from('\0sigstore-json\n'), Buffer.alloc(4 * MiB - 40, '[')]),
};
