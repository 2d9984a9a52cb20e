import { makeCertificate } from '../../../differential/openpgp/certificates.ts';
import type { TestKey } from '../../../differential/openpgp/keys.ts';
import { joinMessage, makeMessage } from '../../../differential/openpgp/messages.ts';
import type { MessageForm, MessageParts } from '../../../differential/openpgp/messages.ts';
import { packet } from '../../../differential/openpgp/packets.ts';

/** What hostile messages are made of. */
export interface Makings {
  /** Of a key that is trusted. */
  readonly signer: TestKey;
  readonly keyFile: Buffer;
  /** Of a key that is not. */
  readonly stranger: TestKey;
  readonly good: MessageParts;
  /** Says something else; signed by the stranger. */
  readonly evil: MessageParts;
}

/** Messages by name. */
export type Messages = Readonly<Record<string, (makings: Makings) => Buffer>>;

export const PAYLOAD = Buffer.from(
  `{"critical":{"identity":{"docker-reference":"registry.example.com/acme/web:1"},"image":{"docker-manifest-digest":"sha256:${'a'.repeat(64)}"},"type":"atomic container signature"},"optional":{}}`,
);
export const EVIL = Buffer.from(PAYLOAD.toString().replace('acme/web', 'evil/web'));
export const MiB = 1024 * 1024;

export function makeMakings(): Makings {
  const trusted = makeCertificate({ kind: 'ed25519' });
  const stranger = makeCertificate({ kind: 'ed25519b' }).primary;
  const signer = trusted.primary;
  const [good, evil] = [makeMessage(signer, PAYLOAD), makeMessage(stranger, EVIL)];
  return { signer, keyFile: trusted.bytes, stranger, good, evil };
}

/** A message by the trusted key, unusual in one respect. */
export function signed({ signer }: Makings, form: MessageForm): Buffer {
  return joinMessage(makeMessage(signer, PAYLOAD, form));
}

/** A message whose signature has other integers. */
export function withIntegers({ good: { onePass, literal, signature } }: Makings, integers: Uint8Array): Buffer {
  const body = signature.subarray(6);
  const unhashed = 6 + body.readUInt16BE(4);
  const end = unhashed + 2 + body.readUInt16BE(unhashed) + 2;
  return Buffer.concat([onePass, literal, packet(2, Buffer.concat([body.subarray(0, end), integers]))]);
}

/** As much of `piece` as fits into `size`. */
export function repeat(piece: Buffer, size: number): Buffer {
  return Buffer.alloc(Math.floor(size / piece.length) * piece.length, piece);
}
