import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mpi, uint32 } from './packets.ts';

/** Keys that never change, so that a case of a seed is the same in every run. They guard nothing. */
const STORED = JSON.parse(readFileSync(new URL('keys.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, string>
>;
const CURVE_OIDS: Readonly<Record<string, string>> = {
  p256: '2a8648ce3d030107',
  p256b: '2a8648ce3d030107',
  p384: '2b81040022',
  p521: '2b81040023',
  secp256k1: '2b8104000a',
  brainpool256: '2b2403030208010107',
  brainpool384: '2b240303020801010b',
  brainpool512: '2b240303020801010d',
};
const ED25519_LEGACY_OID = '2b06010401da470f01';
const HASHES: Readonly<Record<number, string>> = {
  1: 'md5',
  2: 'sha1',
  3: 'ripemd160',
  8: 'sha256',
  9: 'sha384',
  10: 'sha512',
  11: 'sha224',
  12: 'sha3-256',
  14: 'sha3-512',
};

/** What is unusual about how a key is written down. */
export interface KeyForm {
  /** 4, unless given. */
  readonly version?: 4 | 6;
  /** The number of the algorithm: 22 for `ed25519`, unless given. */
  readonly algorithm?: number;
}

/** A key that can sign at the level of packets. */
export class TestKey {
  readonly kind: string;
  readonly created: Date;
  readonly algorithm: number;
  readonly version: 4 | 6;
  readonly body: Buffer;
  readonly fingerprint: Buffer;
  readonly #secret: KeyObject;

  constructor(kind: string, created: Date, { version = 4, algorithm }: KeyForm = {}) {
    const stored = STORED[kind];
    if (stored === undefined) throw new Error(`no test key is called ${kind}`);
    this.kind = kind;
    this.created = created;
    this.version = version;
    this.#secret = createPrivateKey({ key: Buffer.from(stored, 'base64'), format: 'der', type: 'pkcs8' });
    this.algorithm = algorithm ?? defaultAlgorithm(kind);
    const material = this.#publicMaterial();
    const head = [uint32(created.getTime() / 1000), Buffer.from([this.algorithm])];
    const size = version === 6 ? [uint32(material.length)] : [];
    this.body = Buffer.concat([Buffer.from([version]), ...head, ...size, material]);
    this.fingerprint = createHash(version === 6 ? 'sha256' : 'sha1')
      .update(this.hashed())
      .digest();
  }

  get keyId(): Buffer {
    return this.version === 6 ? this.fingerprint.subarray(0, 8) : this.fingerprint.subarray(-8);
  }

  /** As signatures cover a key. */
  hashed(): Buffer {
    if (this.version === 6) return Buffer.concat([Buffer.from([0x9b]), uint32(this.body.length), this.body]);
    const header = Buffer.from([0x99, this.body.length >> 8, this.body.length & 255]);
    return Buffer.concat([header, this.body]);
  }

  /** The first two bytes of the hash and the signature's integers (or bytes, for the newer algorithm). */
  sign(data: Uint8Array, hashId: number): { readonly start: Buffer; readonly signature: Buffer } {
    // An unknown hash cannot be computed; what stands there then is as good as anything.
    const hash = HASHES[hashId] ?? 'sha256';
    const digest = createHash(hash).update(data).digest();
    return { start: digest.subarray(0, 2), signature: this.#signDigest(data, digest, hash) };
  }

  #signDigest(data: Uint8Array, digest: Buffer, hash: string): Buffer {
    if (this.kind.startsWith('rsa')) return mpi(sign(hash, data, this.#secret));
    const raw = this.kind.startsWith('ed')
      ? sign(null, digest, this.#secret)
      : sign(hash, data, { key: this.#secret, dsaEncoding: 'ieee-p1363' });
    if (this.algorithm === 27) return raw;
    const half = raw.length / 2;
    return Buffer.concat([mpi(raw.subarray(0, half)), mpi(raw.subarray(half))]);
  }

  #publicMaterial(): Buffer {
    const jwk = /^(rsa|ed)/.test(this.kind) ? createPublicKey(this.#secret).export({ format: 'jwk' }) : {};
    const field = (name: 'n' | 'e' | 'x' | 'y'): Buffer => Buffer.from(jwk[name] ?? '', 'base64url');
    if (this.kind.startsWith('rsa')) return Buffer.concat([mpi(field('n')), mpi(field('e'))]);
    if (this.kind.startsWith('dsa')) return dsaMaterial(createPublicKey(this.#secret));
    if (this.kind.startsWith('ed')) {
      if (this.algorithm === 27) return field('x');
      return Buffer.concat([oid(ED25519_LEGACY_OID), mpi(Buffer.concat([Buffer.from([0x40]), field('x')]))]);
    }
    const curve = CURVE_OIDS[this.kind] ?? '';
    const point = createPublicKey(this.#secret).export({ format: 'der', type: 'spki' });
    const size = { p384: 97, p521: 133, brainpool384: 97, brainpool512: 129 }[this.kind] ?? 65;
    return Buffer.concat([oid(curve), mpi(point.subarray(-size))]);
  }
}

function defaultAlgorithm(kind: string): number {
  if (kind.startsWith('rsa')) return 1;
  if (kind.startsWith('dsa')) return 17;
  return kind.startsWith('ed') ? 22 : 19;
}

function oid(hex: string): Buffer {
  return Buffer.concat([Buffer.from([hex.length / 2]), Buffer.from(hex, 'hex')]);
}

/** p, q, g and y are the four integers of the DER form, in this order. */
function dsaMaterial(key: KeyObject): Buffer {
  const integers: Buffer[] = [];
  const walk = (bytes: Buffer): void => {
    let position = 0;
    while (position < bytes.length) {
      const tag = bytes[position] ?? 0;
      let size = bytes[position + 1] ?? 0;
      let start = position + 2;
      if (size > 0x80) {
        const count = size & 0x7f;
        size = bytes.readUIntBE(start, count);
        start += count;
      }
      const content = bytes.subarray(start, start + size);
      if (tag === 0x02) integers.push(content);
      else if (tag === 0x30) walk(content);
      else if (tag === 0x03) walk(content.subarray(1));
      position = start + size;
    }
  };
  walk(key.export({ format: 'der', type: 'spki' }));
  return Buffer.concat(integers.map((integer) => mpi(integer)));
}
