import { createHash, verify } from 'node:crypto';
import type { KeyMaterial } from './key-material.ts';
import type { SignaturePacket } from './signature-packet.ts';

/**
 * The hashes by which keys are bound, as GnuPG counts them; MD5 never counts. In the signatures of images the two of 160
 * bits do not count either: collisions of SHA-1 were made, those of RIPEMD-160 cost no more.
 */
const HASHES: Readonly<Record<number, { readonly name: string; readonly size: number; readonly weak: boolean }>> = {
  2: { name: 'sha1', size: 20, weak: true },
  3: { name: 'ripemd160', size: 20, weak: true },
  8: { name: 'sha256', size: 32, weak: false },
  9: { name: 'sha384', size: 48, weak: false },
  10: { name: 'sha512', size: 64, weak: false },
  11: { name: 'sha224', size: 28, weak: false },
};
/** The largest hash there is, which has to do for keys that are larger still. */
const LARGEST_HASH = 64;

/** True for a hash that is good enough for the signature of an image. */
export function isStrongHash({ hashAlgorithm }: SignaturePacket): boolean {
  return HASHES[hashAlgorithm]?.weak === false;
}

/**
 * Tells whether `signature` was made over exactly `content` with `material`. The hash is computed here, over the very
 * bytes that are parsed afterwards, so that no reader's idea of the message can differ from what was signed.
 */
export function isSignatureOver(content: Uint8Array, signature: SignaturePacket, material: KeyMaterial): boolean {
  const hash = HASHES[signature.hashAlgorithm];
  if (hash === undefined) return false;
  const unknown = signature.hashed.unknownCritical() ?? signature.unhashed.unknownCritical();
  if (unknown !== undefined) return false;
  const wanted = material.scheme === 'rsa' ? 1 : 2;
  const integers = signature.integers.slice(0, wanted).map((integer) => leftPad(integer, material.integerSize));
  const padded = integers.filter((integer) => integer !== undefined);
  if (padded.length < wanted) return false;
  const raw = Buffer.concat(padded);

  const hashed = Buffer.concat([content, signature.hashSuffix]);
  switch (material.scheme) {
    case 'rsa':
      return verify(hash.name, hashed, material.key, raw);
    case 'dsa':
    case 'ecdsa':
      // A shorter hash than the key's would waste its strength; GnuPG refuses it.
      if (hash.size < Math.min(material.integerSize, LARGEST_HASH)) return false;
      return verify(hash.name, hashed, { key: material.key, dsaEncoding: 'ieee-p1363' }, raw);
    case 'eddsa':
      // The legacy algorithm signs the digest of the data, not the data.
      return verify(null, createHash(hash.name).update(hashed).digest(), material.key, raw);
  }
}

function leftPad(integer: Uint8Array, size: number): Uint8Array | undefined {
  if (integer.length > size) return undefined;
  return Buffer.concat([Buffer.alloc(size - integer.length), integer]);
}
