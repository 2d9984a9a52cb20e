import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readMpi, readNumber, slice } from './packets.ts';

/** A public key or subkey packet. */
export interface PublicPacket {
  readonly version: number;
  write(): Uint8Array;
}

/** The public half of a key of an algorithm that every GnuPG reader knows. */
export interface KeyMaterial {
  readonly scheme: 'rsa' | 'dsa' | 'ecdsa' | 'eddsa';
  /** For people: `RSA 3072`, `ECDSA P-256`, `EdDSA Ed25519`. */
  readonly name: string;
  /** Length of each integer of a signature, in bytes. */
  readonly integerSize: number;
  readonly key: KeyObject;
  /** True for a key whose signatures prove nothing today, though it has to be read where it binds others. */
  readonly weak: boolean;
  /** True for a curve that GnuPG knows and others do not: good to verify with, not to sign with. */
  readonly rare: boolean;
}

/** Or why it cannot be used. */
export type KeyMaterialOrRefusal = KeyMaterial | { readonly refused: string };

const RSA_MINIMUM_BITS = 2048;
const RSA = new Set([1, 3]);
const DSA = 17;
const ECDSA = 19;
const EDDSA_LEGACY = 22;
const ED25519_OID = '2b06010401da470f01';
interface Curve {
  readonly name: string;
  readonly size: number;
  readonly rare?: true;
}
const CURVES: Readonly<Record<string, Curve>> = {
  '2a8648ce3d030107': { name: 'P-256', size: 32 },
  '2b81040022': { name: 'P-384', size: 48 },
  '2b81040023': { name: 'P-521', size: 66 },
  '2b8104000a': { name: 'secp256k1', size: 32, rare: true },
  '2b2403030208010107': { name: 'brainpoolP256r1', size: 32, rare: true },
  '2b240303020801010b': { name: 'brainpoolP384r1', size: 48, rare: true },
  '2b240303020801010d': { name: 'brainpoolP512r1', size: 64, rare: true },
};
/** The names of the algorithms in DER (RFC 3279, RFC 5480). */
const DSA_PUBLIC_KEY = Buffer.from('06072a8648ce380401', 'hex');
const EC_PUBLIC_KEY = Buffer.from('06072a8648ce3d0201', 'hex');
const REFUSED_NAMES: Readonly<Record<number, string>> = {
  2: 'RSA for encryption only',
  16: 'ElGamal',
  18: 'ECDH',
  27: 'Ed25519 of RFC 9580, which GnuPG up to 2.4 does not read',
  28: 'Ed448, which GnuPG up to 2.4 does not read',
};

/**
 * The key in a key packet, or why its signatures are refused: version 6, algorithms 27 and 28, DSA, short RSA, curves
 * that GnuPG does not know.
 */
export function keyMaterial(packet: PublicPacket): KeyMaterialOrRefusal {
  if (packet.version !== 4)
    return { refused: `a key of version ${packet.version}, which GnuPG up to 2.4 does not read` };
  const material = readKeyMaterial(packet.write());
  if ('refused' in material || !material.weak) return material;
  return {
    refused: `${material.name}, which is too weak; expected RSA of ${RSA_MINIMUM_BITS} bits or more, ECDSA or EdDSA`,
  };
}

/** The key in the body of a key packet of version 4, be it weak or not. */
export function readKeyMaterial(body: Uint8Array): KeyMaterialOrRefusal {
  const algorithm = readNumber(body, 5, 1);
  const parameters = body.subarray(6);
  if (RSA.has(algorithm)) return rsa(parameters);
  if (algorithm === DSA) return dsa(parameters);
  if (algorithm === ECDSA) return ecdsa(parameters);
  if (algorithm === EDDSA_LEGACY) return eddsa(parameters);
  return { refused: REFUSED_NAMES[algorithm] ?? `algorithm ${algorithm}` };
}

function rsa(parameters: Uint8Array): KeyMaterialOrRefusal {
  const modulus = readMpi(parameters, 0);
  const exponent = readMpi(parameters, modulus.end);
  const bits = modulus.value.length * 8 - Math.clz32(modulus.value[0] ?? 0) + 24;
  const jwk = { kty: 'RSA', n: base64url(modulus.value), e: base64url(exponent.value) };
  const weak = bits < RSA_MINIMUM_BITS;
  const rest = { scheme: 'rsa', name: `RSA ${bits}`, integerSize: modulus.value.length, weak, rare: false } as const;
  return importKey(() => createPublicKey({ key: jwk, format: 'jwk' }), rest);
}

/** Weak whatever its size: nothing but old keys has it, and readers other than GnuPG's refuse it. */
function dsa(parameters: Uint8Array): KeyMaterialOrRefusal {
  const p = readMpi(parameters, 0);
  const q = readMpi(parameters, p.end);
  const g = readMpi(parameters, q.end);
  const y = readMpi(parameters, g.end);
  const domain = derSequence([p, q, g].map(({ value }) => derInteger(value)));
  const bits = Buffer.concat([Buffer.alloc(1), derInteger(y.value)]);
  const key = derSequence([derSequence([DSA_PUBLIC_KEY, domain]), der(0x03, bits)]);
  const rest = { scheme: 'dsa', name: 'DSA', integerSize: q.value.length, weak: true, rare: false } as const;
  return importKey(() => createPublicKey({ key, format: 'der', type: 'spki' }), rest);
}

function ecdsa(parameters: Uint8Array): KeyMaterialOrRefusal {
  const { oid, point } = readCurve(parameters);
  const known = Object.hasOwn(CURVES, oid) ? CURVES[oid] : undefined;
  if (known === undefined) return { refused: 'ECDSA on a curve that GnuPG does not know' };
  const { name, size, rare = false } = known;
  if (point.length !== 1 + 2 * size || point[0] !== 4) return { refused: 'a damaged ECDSA key' };
  const algorithm = derSequence([EC_PUBLIC_KEY, der(0x06, Buffer.from(oid, 'hex'))]);
  const key = derSequence([algorithm, der(0x03, Buffer.concat([Buffer.alloc(1), point]))]);
  const rest = { scheme: 'ecdsa', name: `ECDSA ${name}`, integerSize: size, weak: false, rare } as const;
  return importKey(() => createPublicKey({ key, format: 'der', type: 'spki' }), rest);
}

function eddsa(parameters: Uint8Array): KeyMaterialOrRefusal {
  const { oid, point } = readCurve(parameters);
  if (oid !== ED25519_OID) return { refused: 'EdDSA on a curve other than Ed25519' };
  if (point.length !== 33 || point[0] !== 0x40) return { refused: 'a damaged EdDSA key' };
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(point.subarray(1)) };
  const rest = { scheme: 'eddsa', name: 'EdDSA Ed25519', integerSize: 32, weak: false, rare: false } as const;
  return importKey(() => createPublicKey({ key: jwk, format: 'jwk' }), rest);
}

function importKey(create: () => KeyObject, rest: Omit<KeyMaterial, 'key'>): KeyMaterialOrRefusal {
  try {
    return { ...rest, key: create() };
  } catch {
    return { refused: `a damaged ${rest.name} key` };
  }
}

function readCurve(parameters: Uint8Array): { readonly oid: string; readonly point: Uint8Array } {
  const size = readNumber(parameters, 0, 1);
  const oid = Buffer.from(slice(parameters, 1, size)).toString('hex');
  return { oid, point: readMpi(parameters, 1 + size).value };
}

function derSequence(elements: readonly Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(elements));
}

/** A zero byte in front keeps a number whose first bit is set from being a negative one. */
function derInteger(value: Uint8Array): Buffer {
  return der(0x02, Buffer.concat([Buffer.alloc((value[0] ?? 0x80) < 0x80 ? 0 : 1), value]));
}

/** One element of DER. */
function der(tag: number, content: Uint8Array): Buffer {
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
