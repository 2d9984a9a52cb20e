/**
 * Signing with RSA. openpgp.js makes a key out of its numbers anew for every signature, which costs half as much again as
 * the signature itself; here the key is made once. The message is the one that openpgp.js makes, byte by byte.
 */
import { createHash, createPrivateKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { enums } from 'openpgp';
import type { PrivateKey, SecretKeyPacket } from 'openpgp';
import { TAG } from './packets.ts';

/** An RSA key that is ready to sign. */
export interface RsaSigner {
  readonly key: KeyObject;
  /** Of the two numbers that RSA has in OpenPGP, the one that is in the key. */
  readonly algorithm: number;
  readonly fingerprint: Buffer;
}

type RsaNumbers = Readonly<Record<'n' | 'e' | 'd' | 'p' | 'q' | 'u', Uint8Array>>;

const VERSION = 4;
const CRITICAL = 0x80;
const SUBPACKET = { created: 2, issuerKeyId: 16, issuerFingerprint: 33 } as const;
const signWith = promisify(sign);

/** The signer of an unlocked key; undefined for one that is not RSA. */
export function rsaSignerOf(privateKey: PrivateKey, packet: SecretKeyPacket): RsaSigner | undefined {
  const { algorithm } = packet;
  if (algorithm !== enums.publicKey.rsaEncryptSign && algorithm !== enums.publicKey.rsaSign) return undefined;
  const numbers = { ...packet.publicParams, ...packet.privateParams } as RsaNumbers;
  return { key: keyOf(numbers), algorithm, fingerprint: Buffer.from(privateKey.getFingerprint(), 'hex') };
}

/** A signed message: one-pass, literal, signature with SHA-256, dated `seconds` after the beginning of 1970. */
export async function signByRsa(content: Uint8Array, signer: RsaSigner, seconds: number): Promise<Uint8Array> {
  const { key, algorithm, fingerprint } = signer;
  const { signature, literal, hash } = enums;
  const keyId = fingerprint.subarray(-8);
  const date = uint32(seconds);
  const hashed = Buffer.concat([
    subpacket([SUBPACKET.created | CRITICAL], date),
    subpacket([SUBPACKET.issuerKeyId], keyId),
    subpacket([SUBPACKET.issuerFingerprint, VERSION], fingerprint),
  ]);
  const head = Buffer.concat([
    Buffer.from([VERSION, signature.binary, algorithm, hash.sha256, 0, hashed.length]),
    hashed,
  ]);
  const signed = Buffer.concat([content, head, Buffer.from([VERSION, 0xff]), uint32(head.length)]);
  const digest = createHash('sha256').update(signed).digest();
  const number = mpi(await signWith('sha256', signed, key));
  const onePass = Buffer.concat([Buffer.from([3, signature.binary, hash.sha256, algorithm]), keyId, Buffer.from([1])]);
  return Buffer.concat([
    packet(TAG.onePassSignature, onePass),
    packet(TAG.literal, Buffer.concat([Buffer.from([literal.binary, 0]), date, content])),
    packet(TAG.signature, Buffer.concat([head, Buffer.from([0, 0]), digest.subarray(0, 2), number])),
  ]);
}

/** In OpenPGP `u` is the inverse of `p`, elsewhere that of `q`: the two primes change places. */
function keyOf({ n, e, d, p, q, u }: RsaNumbers): KeyObject {
  const remainder = (prime: Uint8Array): string => {
    const hex = (toBigInt(d) % (toBigInt(prime) - 1n)).toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
  };
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const primes = { p: text(q), q: text(p), dp: remainder(q), dq: remainder(p), qi: text(u) };
  return createPrivateKey({ format: 'jwk', key: { kty: 'RSA', n: text(n), e: text(e), d: text(d), ...primes } });
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function packet(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xc0 | tag]), length(body.length), body]);
}

/** All of ours are short. */
function subpacket(head: readonly number[], rest: Buffer): Buffer {
  return Buffer.concat([Buffer.from([head.length + rest.length, ...head]), rest]);
}

function length(bytes: number): Buffer {
  if (bytes < 192) return Buffer.from([bytes]);
  if (bytes < 8384) return Buffer.from([((bytes - 192) >> 8) + 192, (bytes - 192) & 0xff]);
  return Buffer.concat([Buffer.from([0xff]), uint32(bytes)]);
}

function mpi(bytes: Buffer): Buffer {
  const value = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
  const bits = value.length * 8 - (Math.clz32(value[0] ?? 0) - 24);
  return Buffer.concat([Buffer.from([bits >> 8, bits & 0xff]), value]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
