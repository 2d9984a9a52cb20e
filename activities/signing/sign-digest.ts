import { createMessage, sign } from 'openpgp';
import type { PrivateKey } from 'openpgp';
import type { Digest } from '../../workflows/domain/digest.ts';
import { quote } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { keyUnusable, signatureInvalid } from './error.ts';
import { KEY_CONFIG } from './openpgp-config.ts';
import { writePayload } from './payload.ts';
import { signByRsa } from './rsa-signer.ts';
import { keyRingOfSigner, privateKeyOf, rsaSignerOfKey } from './signing-key.ts';
import type { SigningKey } from './signing-key.ts';
import { verifySignature } from './verify-signature.ts';

/** What a signature is to say. */
export interface SignatureClaim {
  /** Of the manifest; sha256, the only algorithm that readers compute. */
  readonly digest: Digest;
  /** The image's identity, with a tag or a digest. */
  readonly reference: ImageReference;
  /** When the signature is made, to the second. */
  readonly time: Date;
}

/** Written into every signature; its version changes with the package's. */
export const CREATOR = 'countersign 0.1.0';

/**
 * Makes a container signature: payload embedded, binary, one-pass, by the primary key. The same key, claim and time
 * give the same bytes for RSA and EdDSA (ECDSA draws a random number each time).
 * @throws SigningError `signature-invalid` (`claim`) or `key-unusable` (`signing-failed`).
 */
export async function signDigest(key: SigningKey, claim: SignatureClaim): Promise<Uint8Array> {
  checkClaim(claim);
  const seconds = Math.floor(claim.time.getTime() / 1000);
  const time = new Date(seconds * 1000);
  const dockerReference = formatReference(claim.reference);
  const payload = writePayload({ digest: claim.digest, dockerReference, creator: CREATOR, timestamp: seconds });
  try {
    const rsa = rsaSignerOfKey(key);
    const signed = await (rsa ? signByRsa(payload, rsa, seconds) : signByLibrary(payload, privateKeyOf(key), time));
    // A fault while signing may produce a wrong signature, for RSA one that gives the private key away.
    await verifySignature(signed, keyRingOfSigner(key), { now: time });
    return signed;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown reason';
    throw keyUnusable('signing-failed', `cannot sign with key ${key.fingerprint}: ${why}`, cause);
  }
}

async function signByLibrary(content: Uint8Array, privateKey: PrivateKey, time: Date): Promise<Uint8Array> {
  const signed: unknown = await sign({
    message: await createMessage({ binary: content, date: time }),
    signingKeys: privateKey,
    signingKeyIDs: privateKey.getKeyID(),
    format: 'binary',
    date: time,
    config: KEY_CONFIG,
  });
  if (!(signed instanceof Uint8Array)) throw new TypeError('openpgp.js returned no bytes');
  return signed;
}

function checkClaim({ digest, reference }: SignatureClaim): void {
  if (!digest.startsWith('sha256:')) {
    throw signatureInvalid('claim', `cannot sign ${quote(digest)}: readers compute sha256 digests only`);
  }
  if (reference.tag === undefined && reference.digest === undefined) {
    const received = quote(formatReference(reference));
    throw signatureInvalid('claim', `cannot sign for ${received}: a signature claims a tag or a digest`);
  }
}
