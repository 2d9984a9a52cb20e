import { createHash } from 'node:crypto';
import { generateKey, loadSigningKey, signDigest } from '../../../activities/signing/index.ts';
import type { SigningKey } from '../../../activities/signing/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';

/** A key that signs short claims. */
export interface Signer {
  readonly key: SigningKey;
  readonly publicKey: Buffer;
  readonly privateKey: Buffer;
  readonly sign: (reference: string, digest: Digest, time?: Date) => Promise<Uint8Array>;
}

export async function makeSigner(options: { expiresInDays?: number; date?: Date } = {}): Promise<Signer> {
  const date = options.date ?? new Date(Date.now() - 86_400_000);
  const userId = { name: 'Signer', email: 'signer@example.com' };
  const made = await generateKey({ userId, type: 'ed25519', ...options, date });
  const key = await loadSigningKey({ armoredKey: made.privateKey, name: 'test key' });
  return {
    key,
    publicKey: Buffer.from(made.publicKey),
    privateKey: Buffer.from(made.privateKey),
    sign: (reference, digest, time = new Date()) =>
      signDigest(key, { reference: parseReference(reference), digest, time }),
  };
}

export function digestOf(bytes: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}
