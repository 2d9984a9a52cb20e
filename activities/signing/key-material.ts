import { createPublicKey } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';
import { readMpi, readNumber, slice } from './packets.ts';

/** A public key or subkey packet. */
export interface PublicPacket {
  readonly version: number;
  write(): Uint8Array;
}

/** The public half of a key of an algorithm that every GnuPG reader knows. */
export interface KeyMaterial {
  readonly scheme: 'rsa' | 'ecdsa' | 'eddsa';
  /** For people: `RSA 3072`, `ECDSA P-256`, `EdDSA Ed25519`. */
  readonly name: string;
  /** Length of each integer of a signature, in bytes. */
  readonly integerSize: number;
  readonly key: KeyObject;
}

const RSA_MINIMUM_BITS = 2048;
const RSA = new Set([1, 3]);
const ECDSA = 19;
const EDDSA_LEGACY = 22;
const ED25519_OID = '2b06010401da470f01';
const NIST_CURVES: Readonly<Record<string, { readonly curve: string; readonly size: number }>> = {
  '2a8648ce3d030107': { curve: 'P-256', size: 32 },
  '2b81040022': { curve: 'P-384', size: 48 },
  '2b81040023': { curve: 'P-521', size: 66 },
};
const REFUSED_NAMES: Readonly<Record<number, string>> = {
  2: 'RSA for encryption only',
  16: 'ElGamal',
  17: 'DSA',
  18: 'ECDH',
  27: 'Ed25519 of RFC 9580, which GnuPG up to 2.4 does not read',
  28: 'Ed448, which GnuPG up to 2.4 does not read',
};

/**
 * The key in a key packet, or why readers would refuse it: version 6, algorithms 27 and 28, DSA, short RSA, curves
 * beyond NIST's and Ed25519.
 */
export function keyMaterial(packet: PublicPacket): KeyMaterial | { readonly refused: string } {
  if (packet.version !== 4)
    return { refused: `a key of version ${packet.version}, which GnuPG up to 2.4 does not read` };
  const body = packet.write();
  const algorithm = readNumber(body, 5, 1);
  const parameters = body.subarray(6);
  if (RSA.has(algorithm)) return rsa(parameters);
  if (algorithm === ECDSA) return ecdsa(parameters);
  if (algorithm === EDDSA_LEGACY) return eddsa(parameters);
  return { refused: REFUSED_NAMES[algorithm] ?? `algorithm ${algorithm}` };
}

function rsa(parameters: Uint8Array): KeyMaterial | { readonly refused: string } {
  const modulus = readMpi(parameters, 0);
  const exponent = readMpi(parameters, modulus.end);
  const bits = modulus.value.length * 8 - Math.clz32(modulus.value[0] ?? 0) + 24;
  if (bits < RSA_MINIMUM_BITS) return { refused: `RSA of ${bits} bits; expected ${RSA_MINIMUM_BITS} or more` };
  const jwk = { kty: 'RSA', n: base64url(modulus.value), e: base64url(exponent.value) };
  return importJwk(jwk, { scheme: 'rsa', name: `RSA ${bits}`, integerSize: modulus.value.length });
}

function ecdsa(parameters: Uint8Array): KeyMaterial | { readonly refused: string } {
  const { oid, point } = readCurve(parameters);
  const known = NIST_CURVES[oid];
  if (known === undefined) return { refused: 'ECDSA on a curve other than P-256, P-384 and P-521' };
  const { curve, size } = known;
  if (point.length !== 1 + 2 * size || point[0] !== 4) return { refused: 'a damaged ECDSA key' };
  const jwk = {
    kty: 'EC',
    crv: curve,
    x: base64url(point.subarray(1, 1 + size)),
    y: base64url(point.subarray(1 + size)),
  };
  return importJwk(jwk, { scheme: 'ecdsa', name: `ECDSA ${curve}`, integerSize: size });
}

function eddsa(parameters: Uint8Array): KeyMaterial | { readonly refused: string } {
  const { oid, point } = readCurve(parameters);
  if (oid !== ED25519_OID) return { refused: 'EdDSA on a curve other than Ed25519' };
  if (point.length !== 33 || point[0] !== 0x40) return { refused: 'a damaged EdDSA key' };
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: base64url(point.subarray(1)) };
  return importJwk(jwk, { scheme: 'eddsa', name: 'EdDSA Ed25519', integerSize: 32 });
}

function importJwk(jwk: JsonWebKey, rest: Omit<KeyMaterial, 'key'>): KeyMaterial | { readonly refused: string } {
  try {
    return { ...rest, key: createPublicKey({ key: jwk, format: 'jwk' }) };
  } catch {
    return { refused: `a damaged ${rest.name} key` };
  }
}

function readCurve(parameters: Uint8Array): { readonly oid: string; readonly point: Uint8Array } {
  const size = readNumber(parameters, 0, 1);
  const oid = Buffer.from(slice(parameters, 1, size)).toString('hex');
  return { oid, point: readMpi(parameters, 1 + size).value };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
