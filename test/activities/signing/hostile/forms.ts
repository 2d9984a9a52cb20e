import { compressedBody, joinMessage, makeMessage } from '../../../differential/openpgp/messages.ts';
import { packet } from '../../../differential/openpgp/packets.ts';
import { PAYLOAD, signed } from './makings.ts';
import type { Makings, Messages } from './makings.ts';

const PREFIX = Buffer.from('\0simple-signing\n');

function whole({ good }: Makings): Buffer {
  return joinMessage(good);
}

function armoured(made: Makings): string {
  return `-----BEGIN PGP MESSAGE-----\n\n${whole(made).toString('base64')}\n-----END PGP MESSAGE-----\n`;
}

function clearText({ signer }: Makings): string {
  const signature = makeMessage(signer, PAYLOAD, { type: 1 }).signature.toString('base64');
  return [
    '-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n',
    `${PAYLOAD.toString()}\n-----BEGIN PGP SIGNATURE-----\n`,
    `${signature}\n-----END PGP SIGNATURE-----\n`,
  ].join('\n');
}

/** A good message in another form than the one that is stored. */
export const FORMS: Messages = {
  armour: (made) => Buffer.from(armoured(made)),
  'armour behind a prefix': (made) => Buffer.concat([PREFIX, Buffer.from(armoured(made))]),
  'clear text': (made) => Buffer.from(clearText(made)),
  'clear text behind a prefix': (made) => Buffer.concat([PREFIX, Buffer.from(clearText(made))]),
  'clear text with a form feed': (made) =>
    Buffer.concat([PREFIX, Buffer.from(clearText(made).replace('\n\n', '\n\f\n'))]),
  'a prefix twice': (made) => Buffer.concat([PREFIX, PREFIX, whole(made)]),
  'a prefix in capitals': (made) => Buffer.concat([Buffer.from('\0Simple-Signing\n'), whole(made)]),
  'a prefix with a carriage return': (made) => Buffer.concat([Buffer.from('\0simple-signing\r\n'), whole(made)]),
  'an empty prefix': (made) => Buffer.concat([Buffer.from('\0\n'), whole(made)]),
  'an empty message': () => PREFIX,
  'a line feed before': (made) => Buffer.concat([Buffer.from('\n'), whole(made)]),
  'a line feed behind': (made) => Buffer.concat([whole(made), Buffer.from('\n')]),
  'a zero behind': (made) => Buffer.concat([whole(made), Buffer.alloc(1)]),
  'bytes behind a compressed message': (made) =>
    Buffer.concat([packet(8, compressedBody(1, whole(made)), 'indeterminate'), Buffer.from('x')]),
  'a packet behind a compressed message': (made) =>
    Buffer.concat([packet(8, compressedBody(1, whole(made))), packet(60, Buffer.from('x'))]),
  'a signature without a length': (made) => signed(made, { signature: { header: 'indeterminate' } }),
  'a signature in parts': (made) => signed(made, { signature: { header: 'partial' } }),
  'a one-pass packet without a length': (made) => signed(made, { onePassHeader: 'indeterminate' }),
  'a literal without a length': (made) => signed(made, { literal: { header: 'indeterminate' } }),
  'an empty blob': () => Buffer.alloc(0),
  'a web page': () => Buffer.from('<!doctype html><title>404</title>'),
  JSON: () => PAYLOAD,
  'half a message': (made) => whole(made).subarray(0, whole(made).length / 2),
  'a message without its last byte': (made) => whole(made).subarray(0, -1),
};
