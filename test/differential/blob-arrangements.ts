import { compressedBody, joinMessage, makeMessage } from './openpgp/messages.ts';
import type { MessageParts } from './openpgp/messages.ts';
import { TAG, packet } from './openpgp/packets.ts';
import type { TestKey } from './openpgp/keys.ts';
import type { Random } from './random.ts';

export interface Making {
  readonly random: Random;
  readonly steps: string[];
  readonly signer: TestKey;
}

interface Pieces extends MessageParts {
  /** Of a message about something else. */
  readonly other: MessageParts;
  readonly signer: TestKey;
}

const EXTRAS: Readonly<Record<string, (pieces: Pieces) => Buffer>> = {
  marker: () => packet(TAG.marker, Buffer.from('PGP')),
  'bad marker': () => packet(TAG.marker, Buffer.from('PGQ')),
  trust: () => packet(TAG.trust, Buffer.from('x')),
  padding: () => packet(TAG.padding, Buffer.from('xxxx')),
  'unknown critical': () => packet(39, Buffer.from('x')),
  'unknown private': () => packet(60, Buffer.from('x')),
  'control packet of GnuPG': () => packet(63, Buffer.from('x')),
  'user id': () => packet(TAG.userId, Buffer.from('x')),
  'public key': ({ signer }) => packet(TAG.publicKey, signer.body),
  'one-pass': ({ onePass }) => onePass,
  literal: ({ literal }) => literal,
  'other literal': ({ other }) => other.literal,
  signature: ({ signature }) => signature,
  'other signature': ({ other }) => other.signature,
  'session key': () => packet(TAG.encryptedSessionKey, Buffer.alloc(20, 3)),
  encrypted: () => packet(TAG.encrypted, Buffer.alloc(40, 1)),
  'compressed literal': ({ literal }) => packet(TAG.compressed, compressedBody(1, literal)),
  message: (pieces) => joinMessage(pieces),
  tag0: () => packet(0, Buffer.from('x')),
  'packet of no bytes': () => packet(60, Buffer.alloc(0)),
};

const ORDERS: Readonly<Record<string, (pieces: Pieces) => readonly Buffer[]>> = {
  'signature before the literal': ({ literal, signature }) => [signature, literal],
  'no one-pass': ({ literal, signature }) => [literal, signature],
  'no signature': ({ onePass, literal }) => [onePass, literal],
  'no literal': ({ onePass, signature }) => [onePass, signature],
  'signature alone': ({ signature }) => [signature],
  'literal alone': ({ literal }) => [literal],
  nested: ({ onePass, literal, signature }) => [onePass, onePass, literal, signature, signature],
  'two signers': ({ onePass, literal, signature, other }) => [
    ...[other.onePass, onePass, literal, signature, other.signature],
  ],
  'two signatures, one one-pass': ({ onePass, literal, signature }) => [onePass, literal, signature, signature],
  'one-pass behind the literal': ({ onePass, literal, signature }) => [literal, onePass, signature],
  'two messages': (pieces) => [joinMessage(pieces), joinMessage(pieces)],
  'a message about another document behind': (pieces) => [joinMessage(pieces), joinMessage(pieces.other)],
  'compressed literal inside': ({ onePass, literal, signature }) => [
    onePass,
    packet(TAG.compressed, compressedBody(1, literal)),
    signature,
  ],
  'compressed literal and signature': ({ onePass, literal, signature }) => [
    onePass,
    packet(TAG.compressed, compressedBody(1, Buffer.concat([literal, signature]))),
  ],
};

/** Packets put in, left out, doubled or in another order. */
export function arrangedBlob(parts: MessageParts, { random, steps, signer }: Making): Buffer {
  const pieces: Pieces = { ...parts, other: makeMessage(signer, Buffer.from('{}')), signer };
  let packets: readonly Buffer[] = [parts.onePass, parts.literal, parts.signature];
  if (random.oneIn(2)) {
    const [name, order] = random.pick(Object.entries(ORDERS));
    steps.push(name);
    packets = order(pieces);
  } else {
    const [name, extra] = random.pick(Object.entries(EXTRAS));
    const at = random.below(4);
    steps.push(`${name} at ${at}`);
    packets = [...packets.slice(0, at), extra(pieces), ...packets.slice(at)];
  }
  const message = Buffer.concat(packets);
  if (!random.oneIn(3)) return message;
  steps.push('compressed');
  return packet(TAG.compressed, compressedBody(1, message), 'indeterminate');
}
