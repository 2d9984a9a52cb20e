import { createHash, createPrivateKey, sign } from 'node:crypto';
import { generateKey as generateOpenPgp, readPrivateKey } from 'openpgp';
import { generateKey, readKeyRing } from '../../../activities/signing/index.ts';
import type { GeneratedKey, KeyRing } from '../../../activities/signing/index.ts';

/** Packets made by hand, so that tests can build what no program would write. */
export function packet(tag: number, body: Uint8Array): Buffer {
  const length = Buffer.alloc(5);
  length[0] = 255;
  length.writeUInt32BE(body.length, 1);
  return Buffer.concat([Buffer.from([0xc0 | tag]), length, body]);
}

export function oldPacket(tag: number, body: Uint8Array, lengthType: 0 | 1 | 2 | 3 = 1): Buffer {
  const length = Buffer.alloc([1, 2, 4, 0][lengthType]!);
  if (lengthType !== 3) length.writeUIntBE(body.length, 0, length.length);
  return Buffer.concat([Buffer.from([0x80 | (tag << 2) | lengthType]), length, body]);
}

export function subpacket(type: number, body: Uint8Array, critical = false): Buffer {
  return Buffer.concat([Buffer.from([body.length + 1, type | (critical ? 0x80 : 0)]), body]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** What is unusual about a crafted message; all else is as `signDigest` makes it. */
export interface Crafted {
  readonly content?: Uint8Array;
  readonly signatureVersion?: 3 | 4;
  readonly type?: number;
  readonly hash?: readonly [id: number, name: string];
  readonly created?: Date;
  /** Instead of creation time and issuer fingerprint. */
  readonly hashed?: readonly Buffer[];
  readonly unhashed?: readonly Buffer[];
  readonly literalFormat?: string;
  readonly fileName?: string;
  /** Changes the one-pass packet's body. */
  readonly onePass?: (body: Buffer) => Buffer;
}

export interface CraftedMessage {
  readonly onePass: Buffer;
  readonly literal: Buffer;
  readonly signature: Buffer;
  readonly blob: Buffer;
}

/** A legacy Ed25519 key whose secret the test itself can sign with. */
export class Forger {
  readonly key: GeneratedKey;
  readonly keyRing: KeyRing;
  readonly fingerprint: Buffer;
  readonly #seed: Buffer;
  readonly #publicPoint: Buffer;

  private constructor(key: GeneratedKey, keyRing: KeyRing, secret: { seed: Uint8Array; Q: Uint8Array }) {
    this.key = key;
    this.keyRing = keyRing;
    this.fingerprint = Buffer.from(key.fingerprint, 'hex');
    this.#seed = Buffer.from(secret.seed);
    this.#publicPoint = Buffer.from(secret.Q).subarray(1);
  }

  static async create(date = new Date(Date.now() - 3_600_000)): Promise<Forger> {
    const key = await generateKey({ userId: { name: 'Forger', email: 'forger@example.com' }, type: 'ed25519', date });
    const keyRing = await readKeyRing([{ name: 'forger', bytes: Buffer.from(key.publicKey) }]);
    const { keyPacket } = await readPrivateKey({ armoredKey: key.privateKey });
    const secret = keyPacket as unknown as { privateParams: { seed: Uint8Array }; publicParams: { Q: Uint8Array } };
    return new Forger(key, keyRing, { seed: secret.privateParams.seed, Q: secret.publicParams.Q });
  }

  message(crafted: Crafted = {}): CraftedMessage {
    const content = Buffer.from(crafted.content ?? VALID_PAYLOAD);
    const [hashId, hashName] = crafted.hash ?? [8, 'sha256'];
    const type = crafted.type ?? 0;
    const keyId = this.fingerprint.subarray(-8);
    const plainOnePass = Buffer.from([3, type, hashId, 22, ...keyId, 1]);
    const name = Buffer.from(crafted.fileName ?? '');
    const literalHeader = Buffer.from([(crafted.literalFormat ?? 'b').charCodeAt(0), name.length, ...name, 0, 0, 0, 0]);
    const onePass = packet(4, crafted.onePass?.(plainOnePass) ?? plainOnePass);
    const literal = packet(11, Buffer.concat([literalHeader, content]));
    const body = this.#signatureBody(content, { ...crafted, hash: [hashId, hashName], type });
    const signature = packet(2, body);
    return { onePass, literal, signature, blob: Buffer.concat([onePass, literal, signature]) };
  }

  #signatureBody(content: Buffer, crafted: Crafted & { hash: readonly [number, string]; type: number }): Buffer {
    const [hashId, hashName] = crafted.hash;
    const seconds = uint32(Math.floor((crafted.created ?? new Date()).getTime() / 1000));
    const keyId = this.fingerprint.subarray(-8);
    if (crafted.signatureVersion === 3) {
      const hashed = Buffer.concat([Buffer.from([crafted.type]), seconds]);
      const { start, integers } = this.#sign(Buffer.concat([content, hashed]), hashName);
      return Buffer.concat([Buffer.from([3, 5]), hashed, keyId, Buffer.from([22, hashId]), start, integers]);
    }
    const fingerprint = subpacket(33, Buffer.concat([Buffer.from([4]), this.fingerprint]));
    const area = Buffer.concat(crafted.hashed ?? [subpacket(2, seconds, true), fingerprint]);
    const signed = Buffer.concat([
      Buffer.from([4, crafted.type, 22, hashId, area.length >> 8, area.length & 255]),
      area,
    ]);
    const trailer = Buffer.concat([Buffer.from([4, 255]), uint32(signed.length)]);
    const unhashed = Buffer.concat(crafted.unhashed ?? [subpacket(16, keyId)]);
    const { start, integers } = this.#sign(Buffer.concat([content, signed, trailer]), hashName);
    return Buffer.concat([signed, Buffer.from([0, unhashed.length]), unhashed, start, integers]);
  }

  #sign(data: Buffer, hashName: string): { start: Buffer; integers: Buffer } {
    const digest = createHash(hashName).update(data).digest();
    const jwk = {
      kty: 'OKP',
      crv: 'Ed25519',
      d: this.#seed.toString('base64url'),
      x: this.#publicPoint.toString('base64url'),
    };
    const raw = sign(null, digest, createPrivateKey({ key: jwk, format: 'jwk' }));
    return { start: digest.subarray(0, 2), integers: Buffer.concat([mpi(raw.subarray(0, 32)), mpi(raw.subarray(32))]) };
  }
}

function mpi(value: Buffer): Buffer {
  const first = value.findIndex((byte) => byte !== 0);
  const digits = value.subarray(first);
  const bits = digits.length * 8 - Math.clz32(digits[0]!) + 24;
  return Buffer.concat([Buffer.from([bits >> 8, bits & 255]), digits]);
}

export const VALID_PAYLOAD = Buffer.from(
  `{"critical":{"identity":{"docker-reference":"registry.example.com/acme/web:1"},"image":{"docker-manifest-digest":"sha256:${'a'.repeat(64)}"},"type":"atomic container signature"},"optional":{"creator":"test","timestamp":1700000000}}`,
);

/** A key pair as openpgp.js makes it, for kinds that `generateKey` refuses to make. */
export async function generateOther(
  options: Partial<Parameters<typeof generateOpenPgp>[0]>,
): Promise<{ privateKey: string; publicKey: string }> {
  return await generateOpenPgp({
    userIDs: [{ name: 'Other', email: 'other@example.com' }],
    subkeys: [],
    format: 'armored',
    config: { minRSABits: 1024 },
    ...options,
  } as Parameters<typeof generateOpenPgp>[0] & { format: 'armored' });
}
