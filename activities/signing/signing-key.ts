import { decryptKey, readPrivateKeys } from 'openpgp';
import type { PrivateKey } from 'openpgp';
import { quote } from '../../workflows/domain/digest.ts';
import { KeyFileError, readKeyBlocks } from './armor.ts';
import { certifiedUserIds, expiryOf, fingerprintOf, isRevoked } from './certificate.ts';
import { SigningError, keyUnusable } from './error.ts';
import { keyMaterial } from './key-material.ts';
import { keyRingOf } from './key-ring.ts';
import type { KeyRing } from './key-ring.ts';
import { KEY_CONFIG } from './openpgp-config.ts';
import { rsaSignerOf } from './rsa-signer.ts';
import type { RsaSigner } from './rsa-signer.ts';

/** An unlocked signing key. Its secret is in no property, in no JSON and in no inspection. */
export interface SigningKey {
  /** 40 upper-case hex digits. */
  readonly fingerprint: string;
  readonly userIds: readonly string[];
  /** For people, for example `RSA 3072`. */
  readonly algorithm: string;
  /** Absent for a key that never expires. */
  readonly expiresAt?: Date;
}

/** What a signing key is loaded from. */
export interface SigningKeySource {
  /** An armoured (or binary) private key, as `gpg --export-secret-keys` writes it. */
  readonly armoredKey: string | Uint8Array;
  readonly passphrase?: string;
  /** For messages: the file or secret. */
  readonly name: string;
}

const SIGN_DATA = 0x02;

/**
 * Reads and unlocks a private key, once for all its signatures. Only the primary key is kept: it is the one that every
 * reader accepts.
 * @throws SigningError `key-unusable`, naming `name` and what to do, never showing content.
 */
export async function loadSigningKey(source: SigningKeySource): Promise<SigningKey> {
  const locked = await readPrimaryKey(source);
  const material = keyMaterial(locked.toPublic().keyPacket);
  if ('refused' in material || material.rare) {
    const why = 'refused' in material ? material.refused : `${material.name}, which only GnuPG reads`;
    throw refusal(source, 'algorithm', `${why}; use RSA 3072 or 4096, or EdDSA Ed25519 of version 4`);
  }
  const expiry = await expiryOf(locked);
  if (expiry === undefined) throw refusal(source, 'no-self-signature', 'no valid self-signature is in it');
  const description = {
    fingerprint: fingerprintOf(locked),
    userIds: await certifiedUserIds(locked),
    algorithm: material.name,
    ...(expiry !== 'never' && { expiresAt: expiry }),
  };
  const privateKey = await unlock(locked, source);
  const rsa = readyRsa(privateKey, source);
  const keyRing = keyRingOf(locked.toPublic().write());
  return new LoadedSigningKey(description, { privateKey, keyRing, ...(rsa && { rsa }) });
}

/**
 * Checks that readers will accept the key's signatures now and until `mustLiveUntil`.
 * @throws SigningError `key-unusable`: `revoked`, `not-yet-valid`, `expired`, `expires-too-early`, `no-signing-right`.
 */
export async function checkSigningKey(
  key: SigningKey,
  { now, mustLiveUntil }: { readonly now: Date; readonly mustLiveUntil: Date },
): Promise<void> {
  const privateKey = privateKeyOf(key);
  const subject = `signing key ${key.fingerprint}`;
  if (await isRevoked(privateKey)) throw keyUnusable('revoked', `${subject} is revoked; sign with another key`);
  if (privateKey.getCreationTime() > now) {
    const created = privateKey.getCreationTime().toISOString();
    throw keyUnusable('not-yet-valid', `${subject} was made on ${created}, later than now; check the clocks`);
  }
  if (key.expiresAt !== undefined && key.expiresAt <= mustLiveUntil) {
    const date = key.expiresAt.toISOString();
    const consequence = `readers reject all its signatures after that; extend it or sign with another key`;
    if (key.expiresAt <= now) throw keyUnusable('expired', `${subject} expired on ${date}: ${consequence}`);
    const until = mustLiveUntil.toISOString();
    throw keyUnusable('expires-too-early', `${subject} expires on ${date}, expected after ${until}: ${consequence}`);
  }
  await checkSigningRight(privateKey, { subject, now });
}

/** The private key behind a signing key, for this room only. */
export function privateKeyOf(key: SigningKey): PrivateKey {
  return LoadedSigningKey.open(key).privateKey;
}

/** What an RSA key signs with; undefined for other keys. */
export function rsaSignerOfKey(key: SigningKey): RsaSigner | undefined {
  return LoadedSigningKey.open(key).rsa;
}

/** The public half, as a ring that verifies what the key signs. */
export function keyRingOfSigner(key: SigningKey): KeyRing {
  return LoadedSigningKey.open(key).keyRing;
}

interface Opened {
  readonly privateKey: PrivateKey;
  readonly keyRing: KeyRing;
  readonly rsa?: RsaSigner;
}

class LoadedSigningKey implements SigningKey {
  readonly fingerprint: string;
  readonly userIds: readonly string[];
  readonly algorithm: string;
  declare readonly expiresAt?: Date;
  readonly #opened: Opened;

  constructor(description: SigningKey, opened: Opened) {
    this.fingerprint = description.fingerprint;
    this.userIds = description.userIds;
    this.algorithm = description.algorithm;
    if (description.expiresAt !== undefined) this.expiresAt = description.expiresAt;
    this.#opened = opened;
  }

  static open(key: SigningKey): Opened {
    if (!(#opened in key)) throw new TypeError('this signing key was not made by loadSigningKey');
    return key.#opened;
  }
}

async function checkSigningRight(
  key: PrivateKey,
  { subject, now }: { readonly subject: string; readonly now: Date },
): Promise<void> {
  try {
    const { selfCertification } = await key.getPrimaryUser(now, undefined, KEY_CONFIG);
    const { keyFlags } = selfCertification;
    if (keyFlags !== null && ((keyFlags[0] ?? 0) & SIGN_DATA) === 0) {
      throw keyUnusable(
        'no-signing-right',
        `the primary key of ${subject} may not sign, and older readers refuse its subkeys; use a primary key that may`,
      );
    }
  } catch (cause) {
    if (cause instanceof SigningError) throw cause;
    throw keyUnusable('no-self-signature', `${subject} has no self-signature that is valid now`, cause);
  }
}

async function readPrimaryKey(source: SigningKeySource): Promise<PrivateKey> {
  const { armoredKey } = source;
  const bytes = typeof armoredKey === 'string' ? Buffer.from(armoredKey) : armoredKey;
  try {
    const blocks = readKeyBlocks(bytes);
    const privateBlocks = blocks.filter((block) => block.type === 'private');
    if (privateBlocks.length === 0) throw refusal(source, 'not-private', 'only a public key is in it');
    const read = privateBlocks.map(({ packets }) => readPrivateKeys({ binaryKeys: packets, config: KEY_CONFIG }));
    const keys = (await Promise.all(read)).flat();
    const [key] = keys;
    if (key === undefined || keys.length > 1) {
      throw refusal(source, 'several-keys', `${keys.length} private keys are in it; expected one`);
    }
    // What openpgp.js would choose to sign with; and unlocking them costs time, or fails for stubs of smart cards.
    key.subkeys = [];
    return key;
  } catch (cause) {
    if (cause instanceof SigningError) throw cause;
    const why = cause instanceof KeyFileError ? cause.message : 'it is damaged or of an unknown form';
    throw refusal(source, 'unreadable', why, cause);
  }
}

async function unlock(key: PrivateKey, source: SigningKeySource): Promise<PrivateKey> {
  // By its types a private key's primary packet is a public one or a secret one.
  const packet = key.keyPacket;
  if (!('isMissingSecretKeyMaterial' in packet)) throw refusal(source, 'not-private', 'only a public key is in it');
  if (packet.isMissingSecretKeyMaterial()) {
    throw refusal(source, 'secret-missing', 'the secret of its primary key is not in it; export the primary key');
  }
  if (packet.isDecrypted()) return key;
  if (source.passphrase === undefined || source.passphrase === '') {
    throw refusal(source, 'passphrase-missing', 'it is locked and no passphrase is given');
  }
  try {
    return await decryptKey({ privateKey: key, passphrase: source.passphrase, config: KEY_CONFIG });
  } catch (cause) {
    throw refusal(source, 'passphrase-wrong', 'the passphrase does not unlock it', cause);
  }
}

function readyRsa(key: PrivateKey, source: SigningKeySource): RsaSigner | undefined {
  const { keyPacket } = key;
  try {
    return 'privateParams' in keyPacket ? rsaSignerOf(key, keyPacket) : undefined;
  } catch (cause) {
    throw refusal(source, 'unreadable', 'its numbers are no RSA key', cause);
  }
}

function refusal(
  { name }: SigningKeySource,
  reason: Parameters<typeof keyUnusable>[0],
  why: string,
  cause?: unknown,
): SigningError {
  return keyUnusable(reason, `cannot sign with ${quote(name)}: ${why}; expected one OpenPGP private key`, cause);
}
