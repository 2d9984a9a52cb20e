import { anHourAgo } from '../../../differential/openpgp/certificates.ts';
import type { MessageForm } from '../../../differential/openpgp/messages.ts';
import { joinMessage, makeMessage } from '../../../differential/openpgp/messages.ts';
import { subpacket, uint32 } from '../../../differential/openpgp/packets.ts';
import { PAYLOAD, signed } from './makings.ts';
import type { Makings, Messages } from './makings.ts';

const critical = { critical: true };
const NOTATION = Buffer.from('\0\0\0\0\0\x01\0\x01xy', 'latin1');
const hashed = (...subpackets: Buffer[]): MessageForm => ({ signature: { hashed: subpackets } });

const FORMS: Readonly<Record<string, MessageForm | ((makings: Makings) => MessageForm)>> = {
  'a one-pass packet of version 6': { onePass: { 0: 6 } },
  'a one-pass packet of another hash': { onePass: { 2: 10 } },
  'dated before its key': { signature: { created: anHourAgo(1000) } },
  expired: { signature: { created: anHourAgo(2), hashed: [subpacket(3, uint32(60))] } },
  'expired in 32 bits': hashed(subpacket(3, uint32(0xffff_fff0))),
  'without a time': { signature: { onlyHashed: [] } },
  'without an issuer': { signature: { onlyHashed: [subpacket(2, uint32(1_900_000_000))], unhashed: [] } },
  'with a critical notation': hashed(subpacket(20, NOTATION, critical)),
  "with the signer's user id as critical": hashed(subpacket(28, Buffer.from('a@b'), critical)),
  'with an unknown critical subpacket': hashed(subpacket(101, Buffer.from('x'), critical)),
  'with an unknown critical subpacket that is not signed': ({ signer }) => ({
    signature: { unhashed: [subpacket(16, signer.keyId), subpacket(101, Buffer.from('x'), critical)] },
  }),
  'with a subpacket that leads out': hashed(Buffer.from([255, 0, 0, 0, 255, 1])),
  'with a subpacket of no bytes': hashed(Buffer.alloc(1)),
  'of an algorithm that cannot sign': { signature: { algorithm: 16 } },
  'of ElGamal': { signature: { algorithm: 20 } },
  'of an unknown algorithm': { signature: { algorithm: 99 } },
};
const CLASSES = [2, 0x10, 0x13, 0x18, 0x19, 0x1f, 0x20, 0x28, 0x30, 0x40, 0x50, 0xff];
const HASHES = { MD5: 1, 'SHA-1': 2, 'RIPEMD-160': 3, 'SHA3-256': 12, 'SHA3-512': 14, 'hash 0': 0, 'hash 99': 99 };

/** Good over what they cover, but not good. */
export const SIGNATURES: Messages = Object.fromEntries([
  ...Object.entries(FORMS).map(([name, form]) => [
    `a signature ${name}`,
    (made: Makings) => signed(made, typeof form === 'function' ? form(made) : form),
  ]),
  ...CLASSES.map((type) => [`a signature of class ${type}`, (made: Makings) => signed(made, { type })]),
  ...([5, 6] as const).map((version) => [
    `a signature of version ${version}`,
    (made: Makings) => signed(made, { signature: { version } }),
  ]),
  ...Object.entries(HASHES).flatMap(([name, hash]) => [
    [name, (made: Makings) => signed(made, { signature: { hash } })],
    [`${name} in version 3`, (made: Makings) => signed(made, { signature: { hash, version: 3 } })],
  ]),
]) as Messages;

const optional = (text: string): string => PAYLOAD.toString().replace('"optional":{}', `"optional":{${text}}`);
const replaced = (from: string, to: string): string => PAYLOAD.toString().replace(from, to);
const CONTENTS: Readonly<Record<string, () => string>> = {
  'an empty payload': () => '',
  'a payload of another type': () => replaced('atomic', 'Atomic'),
  'a payload with a member twice': () => replaced('"type"', '"type":"x","type"'),
  'a payload with a member twice, once escaped': () => replaced('"image"', '"imag\\u0065":{},"image"'),
  'a payload with an unknown critical member': () => replaced('"type"', '"x":1,"type"'),
  'a payload with a byte order mark': () => `\ufeff${PAYLOAD.toString()}`,
  'a payload with something behind': () => `${PAYLOAD.toString()}{}`,
  'a payload with a digest in capitals': () => replaced('aaaa', 'AAAA'),
  'a payload with numbers as text': () => optional('"timestamp":"1"'),
  'a payload with a number that no double holds': () => optional('"x":1e400'),
  'a payload nested without end': () => optional(`"x":${'['.repeat(900_000)}`),
  'a payload of very many values': () => optional(`"x":[${'0,'.repeat(450_000)}0]`),
  'a payload of very many members': () => optional(`${'"x":0,'.repeat(150_000)}"y":0`),
};

/** Well signed, and no container signature. */
export const PAYLOADS: Messages = Object.fromEntries(
  Object.entries(CONTENTS).map(([name, content]) => [
    name,
    ({ signer }: Makings) => joinMessage(makeMessage(signer, Buffer.from(content()))),
  ]),
);
