import type { RegistryClient } from '../../activities/oci/index.ts';
import { keyRingOfSigner, signDigest, verifySignature } from '../../activities/signing/index.ts';
import type { SignatureClaim, SigningKey } from '../../activities/signing/index.ts';
import { publishToRegistry, requireExtension } from '../../activities/trust/index.ts';
import type { PublishedSignature } from '../../activities/trust/index.ts';
import { formatReference } from '../../workflows/domain/reference.ts';

/** What is signed into the registry that holds it. */
export interface RegistrySigning {
  readonly key: SigningKey;
  /** All of one reference. */
  readonly claims: readonly SignatureClaim[];
  readonly client: RegistryClient;
  readonly signal: AbortSignal;
}

/**
 * Signs what has no valid signature of this key and claim yet, and reads back what was added.
 * @throws TrustError, RegistryError, SigningError.
 */
export async function addToRegistry(signing: RegistrySigning): Promise<readonly PublishedSignature[]> {
  const { key, claims, client, signal } = signing;
  const [first] = claims;
  if (first === undefined) return [];
  const { reference } = first;
  await requireExtension(client, reference, { signal });
  const wanted = await Promise.all(claims.map(async (claim) => ({ claim, there: await isThere(claim, signing) })));
  const missing = wanted.filter(({ there }) => !there).map(({ claim }) => claim);
  const signatures = await Promise.all(
    missing.map(async (claim) => ({ digest: claim.digest, blob: await signDigest(key, claim) })),
  );
  const published = await publishToRegistry({ client, reference, signatures, signal });
  const added = new Map(published.map((one) => [one.digest, one.added]));
  return claims.map(({ digest }) => ({ digest, added: added.get(digest) ?? false }));
}

/** Equal is a still valid signature of the same key over the same claim, never the same bytes. */
async function isThere(
  { digest, reference, time }: SignatureClaim,
  { key, client, signal }: RegistrySigning,
): Promise<boolean> {
  const keyRing = keyRingOfSigner(key);
  const wanted = formatReference(reference);
  for (const blob of await client.listSignatures(reference, digest, { signal })) {
    // Readers of a registry know no format name in front of the message.
    if (blob[0] === 0) continue;
    const verified = await verifySignature(blob, keyRing, { now: time }).catch(() => undefined);
    if (verified?.digest === digest && verified.dockerReference === wanted) return true;
  }
  return false;
}
