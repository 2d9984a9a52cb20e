import { generateKey as generate, readKey } from 'openpgp';
import { fingerprintOf } from './certificate.ts';
import { KEY_CONFIG } from './openpgp-config.ts';

/** How a key is made. */
export interface KeyOptions {
  readonly userId: { readonly name: string; readonly email: string };
  /** RSA is read by every reader; `ed25519` (the legacy algorithm 22) not by `oc`. */
  readonly type: 'rsa3072' | 'rsa4096' | 'ed25519';
  readonly passphrase?: string;
  /** Never, unless given. */
  readonly expiresInDays?: number;
  /** Now, unless given. */
  readonly date?: Date;
}

/** A new key, armoured. */
export interface GeneratedKey {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly fingerprint: string;
}

const ALGORITHMS = {
  rsa3072: { type: 'rsa', rsaBits: 3072 },
  rsa4096: { type: 'rsa', rsaBits: 4096 },
  ed25519: { type: 'ecc', curve: 'ed25519Legacy' },
} as const;
const SECONDS_PER_DAY = 86_400;

/**
 * Makes a key of the form that all readers accept: version 4, its primary key certifies and signs, no subkey
 * (openpgp.js and GnuPG would sign with that, and older readers refuse it).
 */
export async function generateKey(options: KeyOptions): Promise<GeneratedKey> {
  const { privateKey, publicKey } = await generate({
    ...ALGORITHMS[options.type],
    userIDs: options.userId,
    subkeys: [],
    format: 'armored',
    config: KEY_CONFIG,
    ...(options.passphrase !== undefined && options.passphrase !== '' && { passphrase: options.passphrase }),
    ...(options.expiresInDays !== undefined && { keyExpirationTime: options.expiresInDays * SECONDS_PER_DAY }),
    ...(options.date !== undefined && { date: options.date }),
  });
  return { privateKey, publicKey, fingerprint: fingerprintOf(await readKey({ armoredKey: publicKey })) };
}
