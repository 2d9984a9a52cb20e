import type { TestKey } from './keys.ts';
import { packet, subpacket, uint16, uint32 } from './packets.ts';
import type { HeaderForm } from './packets.ts';

/** How a signature is made; what is left out is as programs write it. */
export interface SignatureForm {
  readonly version?: 2 | 3 | 4 | 5 | 6;
  readonly hash?: number;
  readonly created?: Date;
  /** Behind creation time and issuer's fingerprint. */
  readonly hashed?: readonly Buffer[];
  /** Instead of creation time and issuer's fingerprint. */
  readonly onlyHashed?: readonly Buffer[];
  /** Instead of the issuer's id. */
  readonly unhashed?: readonly Buffer[];
  /** Written instead of the key's own algorithm. */
  readonly algorithm?: number;
  readonly wrongHashStart?: boolean;
  /** Behind the integers. */
  readonly trailing?: Buffer;
  readonly header?: HeaderForm;
}

/** The body of a signature packet of class `type` by `signer` over `data`. */
export function signatureBody(signer: TestKey, type: number, data: Uint8Array, form: SignatureForm = {}): Buffer {
  const { version = 4 } = form;
  const body = version < 4 ? oldBody(signer, type, data, form) : newBody(signer, type, data, form);
  return Buffer.concat([body, form.trailing ?? Buffer.alloc(0)]);
}

export function signaturePacket(signer: TestKey, type: number, data: Uint8Array, form: SignatureForm = {}): Buffer {
  return packet(2, signatureBody(signer, type, data, form), form.header);
}

export function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function oldBody(signer: TestKey, type: number, data: Uint8Array, form: SignatureForm): Buffer {
  const { version = 3, hash = 8, created = new Date(), algorithm = signer.algorithm } = form;
  const hashed = Buffer.concat([Buffer.from([type]), uint32(seconds(created))]);
  const { start, signature } = signer.sign(Buffer.concat([data, hashed]), hash);
  const head = [Buffer.from([version, 5]), hashed, signer.keyId, Buffer.from([algorithm, hash])];
  return Buffer.concat([...head, mark(start, form), signature]);
}

function newBody(signer: TestKey, type: number, data: Uint8Array, form: SignatureForm): Buffer {
  const { version = 4, hash = 8, created = new Date(), algorithm = signer.algorithm } = form;
  const usual = [
    subpacket(2, uint32(seconds(created))),
    subpacket(33, Buffer.concat([Buffer.from([signer.version]), signer.fingerprint])),
  ];
  const area = Buffer.concat(form.onlyHashed ?? [...usual, ...(form.hashed ?? [])]);
  const unhashed = Buffer.concat(form.unhashed ?? [subpacket(16, signer.keyId)]);
  const size = version === 6 ? uint32 : uint16;
  const signed = Buffer.concat([Buffer.from([version, type, algorithm, hash]), size(area.length), area]);
  const trailer = Buffer.concat([Buffer.from([version, 255]), uint32(signed.length)]);
  const salt = version === 6 ? Buffer.alloc(16, 7) : Buffer.alloc(0);
  const { start, signature } = signer.sign(Buffer.concat([salt, data, signed, trailer]), hash);
  const salted = version === 6 ? [Buffer.from([salt.length]), salt] : [];
  return Buffer.concat([signed, size(unhashed.length), unhashed, mark(start, form), ...salted, signature]);
}

function mark(start: Buffer, { wrongHashStart = false }: SignatureForm): Buffer {
  return wrongHashStart ? Buffer.from(start.map((byte) => byte ^ 0xff)) : start;
}
