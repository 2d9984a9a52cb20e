import { createHash, verify } from 'node:crypto';
import type { KeyMaterial } from './key-material.ts';
import type { SignaturePacket } from './signature-packet.ts';

/** The hashes whose signatures count; MD5, SHA-1 and RIPEMD-160 can be collided or are out of use. */
const HASHES: Readonly<Record<number, string>> = { 8: 'sha256', 9: 'sha384', 10: 'sha512' };
const KEY_ALGORITHMS: Readonly<Record<KeyMaterial['scheme'], readonly number[]>> = {
  rsa: [1, 3],
  ecdsa: [19],
  eddsa: [22],
};

/** The hash of a signature, or undefined for one that is too weak or unknown. */
export function hashOf(signature: SignaturePacket): string | undefined {
  return HASHES[signature.hashAlgorithm];
}

/**
 * Tells whether `signature` was made over exactly `content` with `material`. The hash is computed here, over the very
 * bytes that are parsed afterwards, so that no reader's idea of the message can differ from what was signed.
 */
export function isSignatureOver(content: Uint8Array, signature: SignaturePacket, material: KeyMaterial): boolean {
  const hash = hashOf(signature);
  const expectedIntegers = material.scheme === 'rsa' ? 1 : 2;
  if (hash === undefined || !KEY_ALGORITHMS[material.scheme].includes(signature.keyAlgorithm)) return false;
  if (signature.integers.length !== expectedIntegers) return false;
  const padded = signature.integers.map((integer) => leftPad(integer, material.integerSize));
  if (padded.some((integer) => integer === undefined)) return false;
  const raw = Buffer.concat(padded.filter((integer) => integer !== undefined));

  const hashed = Buffer.concat([content, signature.hashSuffix]);
  const digest = createHash(hash).update(hashed).digest();
  if (!digest.subarray(0, 2).equals(signature.hashStart)) return false;
  switch (material.scheme) {
    case 'rsa':
      return verify(hash, hashed, material.key, raw);
    case 'ecdsa':
      return verify(hash, hashed, { key: material.key, dsaEncoding: 'ieee-p1363' }, raw);
    case 'eddsa':
      // The legacy algorithm signs the digest of the data, not the data.
      return verify(null, digest, material.key, raw);
  }
}

function leftPad(integer: Uint8Array, size: number): Uint8Array | undefined {
  if (integer.length > size) return undefined;
  return Buffer.concat([Buffer.alloc(size - integer.length), integer]);
}
