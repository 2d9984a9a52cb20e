import { deflateRawSync, deflateSync } from 'node:zlib';
import { compressBzip2 } from './bzip2.ts';
import type { TestKey } from './keys.ts';
import { TAG, packet, uint32 } from './packets.ts';
import type { HeaderForm } from './packets.ts';
import { signaturePacket } from './signatures.ts';
import type { SignatureForm } from './signatures.ts';

/** How a signed message is made; what is left out is as programs write it. */
export interface MessageForm {
  readonly signature?: SignatureForm;
  /** 0x00 unless given. */
  readonly type?: number;
  readonly literal?: {
    readonly mode?: string;
    readonly name?: string;
    readonly date?: number;
    readonly header?: HeaderForm;
  };
  /** Bytes of the one-pass packet's body that are changed. */
  readonly onePass?: Readonly<Record<number, number>>;
  readonly onePassTrailing?: Buffer;
  readonly onePassHeader?: HeaderForm;
}

export interface MessageParts {
  readonly onePass: Buffer;
  readonly literal: Buffer;
  readonly signature: Buffer;
}

/** The three packets of a message that `signer` signed. */
export function makeMessage(signer: TestKey, content: Uint8Array, form: MessageForm = {}): MessageParts {
  const { type = 0, signature = {} } = form;
  const onePass = Buffer.from([
    3,
    type,
    signature.hash ?? 8,
    signature.algorithm ?? signer.algorithm,
    ...signer.keyId,
    1,
  ]);
  for (const [index, value] of Object.entries(form.onePass ?? {})) onePass[Number(index)] = value;
  const { mode = 'b', name = '', date = 0, header } = form.literal ?? {};
  const fileName = Buffer.from(name);
  const head = Buffer.concat([Buffer.from(mode, 'latin1'), Buffer.from([fileName.length]), fileName, uint32(date)]);
  return {
    onePass: packet(TAG.onePass, Buffer.concat([onePass, form.onePassTrailing ?? Buffer.alloc(0)]), form.onePassHeader),
    literal: packet(TAG.literal, Buffer.concat([head, content]), header),
    signature: signaturePacket(signer, type, content, signature),
  };
}

export function joinMessage({ onePass, literal, signature }: MessageParts): Buffer {
  return Buffer.concat([onePass, literal, signature]);
}

export const COMPRESSIONS = { none: 0, zip: 1, zlib: 2, bzip2: 3 } as const;

/** The body of a compressed packet. */
export function compressedBody(algorithm: number, data: Uint8Array): Buffer {
  const packed =
    algorithm === 1
      ? deflateRawSync(data)
      : algorithm === 2
        ? deflateSync(data)
        : algorithm === 3
          ? compressBzip2(data)
          : data;
  return Buffer.concat([Buffer.from([algorithm]), packed]);
}
