import { anHourAgo } from './openpgp/certificates.ts';
import type { TestKey } from './openpgp/keys.ts';
import type { MessageForm } from './openpgp/messages.ts';
import { HEADER_FORMS, subpacket, uint32 } from './openpgp/packets.ts';
import { seconds } from './openpgp/signatures.ts';
import type { SignatureForm } from './openpgp/signatures.ts';
import type { Random } from './random.ts';

/** What may be unusual about a message, but for the order of its packets. */
export function unusualForm(signer: TestKey, random: Random, steps: string[]): MessageForm {
  const [name, form] = pickForm(signer, random);
  steps.push(name);
  if (!random.oneIn(4)) return form;
  const [second, more] = pickForm(signer, random);
  steps.push(second);
  return { ...form, ...more, signature: { ...form.signature, ...more.signature } };
}

type Named<Form> = readonly [name: string, form: Form];

function pickForm(signer: TestKey, random: Random): Named<MessageForm> {
  const ofMessage = Object.keys(MESSAGE_FORMS).length;
  const ofSignature = Object.keys(SIGNATURE_FORMS).length;
  if (random.below(ofMessage + ofSignature) < ofMessage) {
    const [name, make] = random.pick(Object.entries(MESSAGE_FORMS));
    const { number = 0, ...form } = make(random);
    return [`${name} ${number}`, form];
  }
  const [name, make] = random.pick(Object.entries(SIGNATURE_FORMS));
  const { number = 0, ...signature } = make(pieces(signer), random);
  return [`${name} ${number}`, { signature }];
}

/** What was drawn, to be told. */
interface Drawn {
  readonly number?: number | string;
}

const MESSAGE_FORMS: Readonly<Record<string, (random: Random) => MessageForm & Drawn>> = {
  'literal header': (random) => {
    const header = random.pick(HEADER_FORMS);
    return { number: header, literal: { header } };
  },
  'one-pass header': (random) => {
    const onePassHeader = random.pick(HEADER_FORMS);
    return { number: onePassHeader, onePassHeader };
  },
  'literal mode': (random) => {
    const mode = random.pick(['t', 'u', 'm', 'l', '1', '\0', 'x']);
    return { number: JSON.stringify(mode), literal: { mode } };
  },
  'literal mode and class text': () => ({ type: 1, literal: { mode: 't' } }),
  'a file name': () => ({ literal: { name: 'payload.json' } }),
  _CONSOLE: () => ({ literal: { name: '_CONSOLE' } }),
  'a long file name': () => ({ literal: { name: 'x'.repeat(255) } }),
  'a date in the literal': () => ({ literal: { date: 0xffffffff } }),
  class: (random) => {
    const type = random.pick([1, 1, 2, 0x10, 0x18, 0x1f, 0x20, 0x40, 0x50, 0xff]);
    return { number: type, type };
  },
  'one-pass byte': (random) => {
    const at = random.below(13);
    return { number: at, onePass: { [at]: random.below(256) } };
  },
  'another one announced': () => ({ onePass: { 12: 0 } }),
  'bytes behind the one-pass packet': () => ({ onePassTrailing: Buffer.from('xyz') }),
};

interface Pieces {
  readonly now: number;
  readonly created: Buffer;
  readonly fingerprint: Buffer;
  readonly issuer: Buffer;
  readonly signer: TestKey;
}

function pieces(signer: TestKey): Pieces {
  const now = seconds(new Date());
  return {
    now,
    created: subpacket(2, uint32(now)),
    fingerprint: subpacket(33, Buffer.concat([Buffer.from([4]), signer.fingerprint])),
    issuer: subpacket(16, signer.keyId),
    signer,
  };
}

const SOMEONE = Buffer.alloc(20, 7);
const NOTATION = Buffer.from('80000000000100017879', 'hex');
const critical = { critical: true };

const SIGNATURE_FORMS: Readonly<Record<string, (pieces: Pieces, random: Random) => SignatureForm & Drawn>> = {
  hash: (_, random) => {
    const hash = random.pick([1, 2, 3, 8, 9, 10, 11, 12, 14, 99]);
    return { number: hash, hash };
  },
  'another hash': (_, random) => {
    const hash = random.pick([2, 3, 9, 10, 11]);
    return { number: hash, hash };
  },
  'signature version': (_, random) => {
    const version = random.pick([2, 3, 3, 5, 6] as const);
    return { number: version, version };
  },
  'created before the key': () => ({ created: anHourAgo(1000) }),
  'created with the key': ({ signer }) => ({ created: signer.created }),
  'created tomorrow': () => ({ created: anHourAgo(-24) }),
  expired: ({ now, fingerprint }) => ({
    onlyHashed: [subpacket(2, uint32(now - 100)), subpacket(3, uint32(50)), fingerprint],
  }),
  'will expire': () => ({ hashed: [subpacket(3, uint32(86_400))] }),
  'expires beyond 32 bits': () => ({ hashed: [subpacket(3, uint32(0xffff_fff0))] }),
  'expires after no time': () => ({ hashed: [subpacket(3, uint32(0))] }),
  'expires twice, first never': () => ({ hashed: [subpacket(3, uint32(0)), subpacket(3, uint32(1))] }),
  'expires twice, first at once': ({ now, fingerprint }) => ({
    onlyHashed: [subpacket(2, uint32(now - 9)), subpacket(3, uint32(1)), subpacket(3, uint32(0)), fingerprint],
  }),
  'expiry not signed': ({ issuer }) => ({ unhashed: [issuer, subpacket(3, uint32(1))] }),
  'short expiry': () => ({ hashed: [subpacket(3, Buffer.from([0, 1]))] }),
  'no creation time': ({ fingerprint }) => ({ onlyHashed: [fingerprint] }),
  'creation time not signed': ({ created, issuer, fingerprint }) => ({
    onlyHashed: [fingerprint],
    unhashed: [created, issuer],
  }),
  'two creation times': ({ created, fingerprint }) => ({
    onlyHashed: [created, subpacket(2, uint32(1)), fingerprint],
  }),
  'two creation times, the other way': ({ created, fingerprint }) => ({
    onlyHashed: [subpacket(2, uint32(1)), created, fingerprint],
  }),
  'no issuer': ({ created }) => ({ onlyHashed: [created], unhashed: [] }),
  'issuer by fingerprint only': () => ({ unhashed: [] }),
  'issuer by id only': ({ created }) => ({ onlyHashed: [created] }),
  'issuer by id, signed': ({ created, issuer }) => ({ onlyHashed: [created, issuer], unhashed: [] }),
  'fingerprint not signed': ({ created, fingerprint }) => ({ onlyHashed: [created], unhashed: [fingerprint] }),
  'fingerprint of another': ({ created }) => ({
    onlyHashed: [created, subpacket(33, Buffer.concat([Buffer.from([4]), SOMEONE]))],
  }),
  'fingerprint of version 6': ({ created }) => ({
    onlyHashed: [created, subpacket(33, Buffer.concat([Buffer.from([6]), Buffer.alloc(32, 1)]))],
  }),
  'long fingerprint': ({ created, signer }) => ({
    onlyHashed: [created, subpacket(33, Buffer.concat([Buffer.from([4]), signer.fingerprint, Buffer.from('x')]))],
  }),
  'id of another': () => ({ unhashed: [subpacket(16, SOMEONE.subarray(0, 8))] }),
  'id of another only': ({ created }) => ({
    onlyHashed: [created],
    unhashed: [subpacket(16, SOMEONE.subarray(0, 8))],
  }),
  'two ids, first another': ({ created, issuer }) => ({
    onlyHashed: [created, subpacket(16, SOMEONE.subarray(0, 8)), issuer],
  }),
  'long id': ({ created, signer }) => ({
    onlyHashed: [created],
    unhashed: [subpacket(16, Buffer.concat([signer.keyId, Buffer.from('x')]))],
  }),
  subpacket: (_, random) => {
    const type = random.below(128);
    return { number: type, hashed: [subpacket(type, random.bytes(random.below(30)))] };
  },
  'critical subpacket': (_, random) => {
    const type = random.below(64);
    return { number: type, hashed: [subpacket(type, random.bytes(random.below(40)), critical)] };
  },
  'critical subpacket of 30 bytes': (_, random) => {
    const type = random.below(40);
    return { number: type, hashed: [subpacket(type, random.bytes(30), critical)] };
  },
  'critical subpacket, not signed': ({ issuer }, random) => {
    const type = random.below(64);
    return { number: type, unhashed: [issuer, subpacket(type, random.bytes(30), critical)] };
  },
  'critical creation time and issuer': ({ now, signer }) => ({
    onlyHashed: [
      subpacket(2, uint32(now), critical),
      subpacket(33, Buffer.concat([Buffer.from([4]), signer.fingerprint]), critical),
    ],
  }),
  "critical signer's user id": () => ({ hashed: [subpacket(28, Buffer.from('x@example.com'), critical)] }),
  "signer's user id": () => ({ hashed: [subpacket(28, Buffer.from('x@example.com'))] }),
  notation: () => ({ hashed: [subpacket(20, NOTATION)] }),
  'critical notation': () => ({ hashed: [subpacket(20, NOTATION, critical)] }),
  'critical notation, not signed': ({ issuer }) => ({ unhashed: [issuer, subpacket(20, NOTATION, critical)] }),
  'critical embedded key': ({ signer }) => ({
    hashed: [subpacket(38, Buffer.concat([Buffer.alloc(1), signer.body]), critical)],
  }),
  'long subpacket length': ({ now, fingerprint }) => ({
    onlyHashed: [subpacket(2, uint32(now), { long: true }), fingerprint],
  }),
  'subpacket length out of the area': () => ({ hashed: [Buffer.from([200, 1, 2])] }),
  'subpacket of 3000 bytes': () => ({ hashed: [subpacket(100, Buffer.alloc(3000))] }),
  'subpackets of 9000 bytes': () => ({ hashed: [subpacket(100, Buffer.alloc(8900))] }),
  'subpackets of 12000 bytes': () => ({ hashed: [subpacket(100, Buffer.alloc(12_000))] }),
  'wrong start of the hash': () => ({ wrongHashStart: true }),
  'bytes behind the integers': () => ({ trailing: Buffer.from('xyz') }),
  'signature header': (_, random) => {
    const header = random.pick(HEADER_FORMS);
    return { number: header, header };
  },
  algorithm: (_, random) => {
    const algorithm = random.pick([1, 2, 3, 16, 17, 18, 19, 20, 22, 27, 99]);
    return { number: algorithm, algorithm };
  },
};
