import { readKeys } from 'openpgp';
import type { Config, Key, PrivateKey, SignaturePacket, Subkey } from 'openpgp';
import { quote } from '../../workflows/domain/digest.ts';
import { KeyFileError, readKeyBlocks } from './armor.ts';
import { fingerprintOf, isRevoked } from './certificate.ts';
import { keyUnusable } from './error.ts';
import { keyMaterial } from './key-material.ts';
import type { KeyFile } from './key-ring.ts';
import { newestBinding, newestKeyStatement } from './newest-signature.ts';
import { ANY_TIME, REVOCATION_CONFIG } from './openpgp-config.ts';

/** What is known of a primary key or subkey, good or bad. */
export interface KeyPart {
  /** Upper-case hex: 40 digits, of version 6 64. */
  readonly fingerprint: string;
  readonly version: number;
  /** The number of the algorithm (RFC 4880 section 9.1, RFC 9580). */
  readonly algorithmId: number;
  /** For people: `RSA 3072`, `EdDSA Ed25519`. */
  readonly algorithm: string;
  readonly bits?: number;
  /** Why countersign neither signs with it nor accepts its signatures, by its kind alone. */
  readonly refusal?: string;
  readonly created: Date;
  /** Absent for one that never expires. */
  readonly expiresAt?: Date;
  readonly revoked: boolean;
  /** Whether its flags let it sign; keys without flags may, if their algorithm can. */
  readonly maySign: boolean;
  /** Absent where no valid signature of the key itself says anything about this part. */
  readonly selfSignature?: { readonly hash: string; readonly created: Date };
}

/** A certificate of a key file, described as it is and not judged. */
export interface KeyDescription extends KeyPart {
  readonly userIds: readonly string[];
  /** Whether the file holds the secret as well, and whether a passphrase protects it. */
  readonly secret: 'none' | 'locked' | 'open' | 'missing';
  readonly subkeys: readonly KeyPart[];
  /** Which armoured block of the file it stands in, from 0; some readers read the first alone. */
  readonly block: number;
}

/** Whatever can be read is described, however weak it is. */
const READ_ALL: Config = {
  ...REVOCATION_CONFIG,
  minRSABits: 0,
  rejectPublicKeyAlgorithms: new Set(),
  rejectCurves: new Set(),
};
const SIGN_DATA = 0x02;
const SIGNING_ALGORITHMS = new Set([1, 3, 17, 19, 22, 27, 28]);
const HASH_NAMES: Readonly<Record<number, string>> = {
  1: 'MD5',
  2: 'SHA-1',
  3: 'RIPEMD-160',
  8: 'SHA-256',
  9: 'SHA-384',
  10: 'SHA-512',
  11: 'SHA-224',
  12: 'SHA3-256',
  14: 'SHA3-512',
};
const ALGORITHM_NAMES: Readonly<Record<number, string>> = {
  1: 'RSA',
  2: 'RSA for encryption',
  3: 'RSA for signing',
  16: 'ElGamal',
  17: 'DSA',
  18: 'ECDH',
  19: 'ECDSA',
  22: 'EdDSA',
  25: 'X25519',
  26: 'X448',
  27: 'Ed25519 (RFC 9580)',
  28: 'Ed448 (RFC 9580)',
};

/**
 * Describes every certificate of a key file, public or private, however weak, old or new it is.
 * @throws SigningError `key-unusable` for a file that holds no key.
 */
export async function describeKeyFile({ name, bytes }: KeyFile): Promise<readonly KeyDescription[]> {
  try {
    const blocks = readKeyBlocks(bytes);
    const read = blocks.map(async ({ packets }, block) => {
      const keys = await readKeys({ binaryKeys: packets, config: READ_ALL });
      return await Promise.all(keys.map((key) => describe(key, block)));
    });
    return (await Promise.all(read)).flat();
  } catch (cause) {
    const why = cause instanceof KeyFileError ? cause.message : 'it is damaged or of an unknown form';
    throw keyUnusable('unreadable', `cannot read keys from ${quote(name)}: ${why}; expected OpenPGP keys`, cause);
  }
}

async function describe(key: Key, block: number): Promise<KeyDescription> {
  const certification = await newestKeyStatement(key, READ_ALL);
  const expiry = certification && (await key.getExpirationTime(undefined, READ_ALL));
  const users = key.users.map(async (user) => {
    const valid = await user.verify(ANY_TIME, READ_ALL).catch(() => undefined);
    return valid === undefined || user.userID === null ? [] : [user.userID.userID];
  });
  return {
    ...describePart(key, { certification, expiry }),
    revoked: await isRevoked(key),
    userIds: (await Promise.all(users)).flat(),
    secret: key.isPrivate() ? secretOf(key) : 'none',
    subkeys: await Promise.all(key.subkeys.map(describeSubkey)),
    block,
  };
}

async function describeSubkey(subkey: Subkey): Promise<KeyPart> {
  const certification = await newestBinding(subkey, READ_ALL);
  const expiry = certification && (await subkey.getExpirationTime(ANY_TIME, READ_ALL));
  const revoked = certification !== undefined && (await isSubkeyRevoked(subkey, certification));
  return { ...describePart(subkey, { certification, expiry }), revoked };
}

/** The types demand a key to check with; without one it is the primary key. */
async function isSubkeyRevoked(subkey: Subkey, binding: SignaturePacket): Promise<boolean> {
  const primary = subkey.mainKey.keyPacket;
  return await subkey.isRevoked(binding, primary, ANY_TIME, READ_ALL);
}

interface Statement {
  readonly certification: SignaturePacket | undefined;
  readonly expiry: unknown;
}

function describePart(key: Key | Subkey, { certification, expiry }: Statement): Omit<KeyPart, 'revoked'> {
  const { version, algorithm } = key.keyPacket;
  const { bits } = key.getAlgorithmInfo();
  const material = keyMaterial(key.keyPacket);
  const flags = certification?.keyFlags?.[0];
  const canSign = SIGNING_ALGORITHMS.has(algorithm);
  return {
    fingerprint: fingerprintOf(key),
    version,
    algorithmId: algorithm,
    algorithm: algorithmName(key),
    created: key.getCreationTime(),
    maySign: certification !== undefined && canSign && (flags === undefined || (flags & SIGN_DATA) !== 0),
    ...(bits !== undefined && { bits }),
    ...('refused' in material && { refusal: material.refused }),
    ...(expiry instanceof Date && { expiresAt: expiry }),
    ...(certification !== undefined && {
      selfSignature: {
        hash: HASH_NAMES[certification.hashAlgorithm ?? 0] ?? `hash ${certification.hashAlgorithm ?? 0}`,
        created: certification.created ?? key.getCreationTime(),
      },
    }),
  };
}

function algorithmName(key: Key | Subkey): string {
  const material = keyMaterial(key.keyPacket);
  if (!('refused' in material)) return material.name;
  const { bits, curve } = key.getAlgorithmInfo();
  const id = key.keyPacket.algorithm;
  const name = ALGORITHM_NAMES[id] ?? `algorithm ${id}`;
  return [name, bits ?? curve].filter((part) => part !== undefined).join(' ');
}

function secretOf(key: PrivateKey): KeyDescription['secret'] {
  const packet = key.keyPacket;
  if (!('isMissingSecretKeyMaterial' in packet)) return 'none';
  if (packet.isMissingSecretKeyMaterial()) return 'missing';
  return packet.isDecrypted() ? 'open' : 'locked';
}
