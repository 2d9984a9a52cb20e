import { compressedBody, joinMessage, makeMessage } from '../../../differential/openpgp/messages.ts';
import { packet } from '../../../differential/openpgp/packets.ts';
import { EVIL } from './makings.ts';
import type { Makings, Messages } from './makings.ts';

/** CVE-2025-47934 and its kin: what is shown is not what was signed. */
const ORDERS: Messages = {
  'a weak signature of an evil literal between': ({ signer, good }) => {
    const weak = makeMessage(signer, EVIL, { signature: { hash: 2 } });
    return Buffer.concat([good.onePass, joinMessage(weak), good.signature]);
  },
  'a compressed message twice': ({ good }) => {
    const compressed = packet(8, compressedBody(1, joinMessage(good)));
    return Buffer.concat([compressed, compressed]);
  },
  'another literal': ({ good, evil }) => Buffer.concat([good.onePass, evil.literal, good.signature]),
  'another literal before': ({ good, evil }) =>
    Buffer.concat([evil.literal, good.onePass, good.literal, good.signature]),
  'another literal inside, before': ({ good, evil }) =>
    Buffer.concat([good.onePass, evil.literal, good.literal, good.signature]),
  'another literal inside, behind': ({ good, evil }) =>
    Buffer.concat([good.onePass, good.literal, evil.literal, good.signature]),
  'another literal behind': ({ good, evil }) =>
    Buffer.concat([good.onePass, good.literal, good.signature, evil.literal]),
  'the same literal twice': ({ good }) => Buffer.concat([good.onePass, good.literal, good.literal, good.signature]),
  'no literal': ({ good }) => Buffer.concat([good.onePass, good.signature]),
  'no signature': ({ good }) => Buffer.concat([good.onePass, good.literal]),
  'no one-pass packet': ({ good }) => Buffer.concat([good.literal, good.signature]),
  'the literal alone': ({ good }) => Buffer.concat([good.literal]),
  'the signature alone': ({ good }) => Buffer.concat([good.signature]),
  'the one-pass packet alone': ({ good }) => Buffer.concat([good.onePass]),
  'signature first': ({ good }) => Buffer.concat([good.signature, good.literal]),
  'signature first, another literal': ({ good, evil }) => Buffer.concat([good.signature, evil.literal]),
  'signature first, and again': ({ good }) => Buffer.concat([good.signature, good.literal, good.signature]),
  'two one-pass packets': ({ good }) => Buffer.concat([good.onePass, good.onePass, good.literal, good.signature]),
  'two signatures': ({ good }) => Buffer.concat([good.onePass, good.literal, good.signature, good.signature]),
  'both twice': ({ good }) => Buffer.concat([good.onePass, good.onePass, good.literal, good.signature, good.signature]),
  'two signers': ({ good, evil }) =>
    Buffer.concat([evil.onePass, good.onePass, good.literal, good.signature, evil.signature]),
  'two signers, crossed': ({ good, evil }) =>
    Buffer.concat([evil.onePass, good.onePass, good.literal, evil.signature, good.signature]),
  'a foreign one-pass packet before': ({ good, evil }) =>
    Buffer.concat([evil.onePass, good.onePass, good.literal, good.signature]),
  'a foreign signature behind': ({ good, evil }) =>
    Buffer.concat([good.onePass, good.literal, good.signature, evil.signature]),
  'a foreign signature before': ({ good, evil }) =>
    Buffer.concat([good.onePass, good.literal, evil.signature, good.signature]),
  'two messages': ({ good }) => Buffer.concat([joinMessage(good), joinMessage(good)]),
  'a good message, then an evil one': ({ good, evil }) => Buffer.concat([joinMessage(good), joinMessage(evil)]),
  'an evil message, then a good one': ({ good, evil }) => Buffer.concat([joinMessage(evil), joinMessage(good)]),
  'a good message inside of an evil one': ({ good, evil }) =>
    Buffer.concat([evil.onePass, joinMessage(good), evil.signature]),
  'an evil message inside of a good one': ({ good, evil }) =>
    Buffer.concat([good.onePass, joinMessage(evil), good.signature]),
  'another order': ({ good }) => Buffer.concat([good.literal, good.onePass, good.signature]),
  backwards: ({ good }) => Buffer.concat([good.signature, good.literal, good.onePass]),
  'a compressed literal': ({ good }) =>
    Buffer.concat([good.onePass, packet(8, compressedBody(1, good.literal)), good.signature]),
  'a compressed evil literal': ({ good, evil }) =>
    Buffer.concat([good.onePass, packet(8, compressedBody(1, evil.literal)), good.signature]),
  'a compressed message behind': ({ good, evil }) =>
    Buffer.concat([joinMessage(good), packet(8, compressedBody(1, joinMessage(evil)))]),
  'a compressed message before': ({ good, evil }) =>
    Buffer.concat([packet(8, compressedBody(1, joinMessage(evil))), joinMessage(good)]),
};

const EXTRAS: Messages = {
  marker: () => packet(10, Buffer.from('PGP')),
  'damaged marker': () => packet(10, Buffer.from('PGQ')),
  trust: () => packet(12, Buffer.from('x')),
  padding: () => packet(21, Buffer.alloc(20)),
  'unknown packet': () => packet(39, Buffer.from('x')),
  'private packet': () => packet(60, Buffer.from('x')),
  'reserved packet': () => packet(0, Buffer.from('x')),
  'user id': () => packet(13, Buffer.from('x')),
  'public key': ({ stranger }) => packet(6, stranger.body),
  'session key': () => packet(1, Buffer.alloc(30, 3)),
  'encrypted packet': () => packet(18, Buffer.alloc(30, 1)),
  'empty literal': () => packet(11, Buffer.from('b\0\0\0\0\0')),
  byte: () => Buffer.from([0x41]),
};

/** One packet too many, at each place. */
function withExtra(name: string, extra: (makings: Makings) => Buffer): Messages {
  const places = [0, 1, 2, 3].map((at) => [
    `${name} at ${at}`,
    (makings: Makings): Buffer => {
      const { onePass, literal, signature } = makings.good;
      const packets = [onePass, literal, signature];
      return Buffer.concat([...packets.slice(0, at), extra(makings), ...packets.slice(at)]);
    },
  ]);
  return Object.fromEntries(places) as Messages;
}

/** Packets left out, doubled, exchanged, put in. */
export const CONFUSIONS: Messages = Object.assign(
  {},
  ORDERS,
  ...Object.entries(EXTRAS).map(([name, extra]) => withExtra(name, extra)),
) as Messages;
