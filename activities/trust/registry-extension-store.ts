import { quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference, formatRepository } from '../../workflows/domain/reference.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import { readSignatureClaimUntrusted } from '../signing/index.ts';
import { TrustError } from './error.ts';
import type { SignatureExtension } from './registry-extension.ts';

/** What a registry client that can add signatures offers. */
export interface WritableExtension extends SignatureExtension {
  readonly addSignature: (
    repository: Repository,
    signature: { readonly digest: Digest; readonly blob: Uint8Array },
    call?: { readonly signal?: AbortSignal },
  ) => Promise<'added' | 'present'>;
}

/** Signatures for a registry that keeps them itself. */
export interface RegistryPublication {
  readonly client: WritableExtension;
  /** The reference that each of them claims. */
  readonly reference: ImageReference;
  readonly signatures: readonly { readonly digest: Digest; readonly blob: Uint8Array }[];
  readonly signal?: AbortSignal;
}

/** What became of one signature. */
export interface PublishedSignature {
  readonly digest: Digest;
  /** False where the same bytes were there already. */
  readonly added: boolean;
}

/**
 * Puts signatures into a registry that keeps them itself, and reads each back. All are looked at before the first is
 * sent, because nothing can be deleted there: each is over the manifest it is for, claims the reference, and names its
 * creator. Repeating it adds nothing twice.
 * @throws TrustError `configuration-invalid` where the registry keeps none, `signature-invalid`, `not-served` where the
 * registry took one and does not list it; whatever the client throws, unchanged.
 */
export async function publishToRegistry(publication: RegistryPublication): Promise<readonly PublishedSignature[]> {
  const { client, reference, signatures, signal } = publication;
  const repository = { domain: reference.domain, path: reference.path };
  const call = signal === undefined ? {} : { signal };
  for (const signature of signatures) checkClaim(signature, reference);
  await requireExtension(client, repository, call);
  const published: PublishedSignature[] = [];
  for (const { digest, blob } of signatures) {
    const outcome = await client.addSignature(repository, { digest, blob }, call);
    const listed = await client.listSignatures(repository, digest, call);
    if (!listed.some((one) => Buffer.compare(one, blob) === 0)) {
      throw new TrustError(
        'not-served',
        `${formatRepository(repository)}@${digest}: the registry took a signature and does not list it; Pulp does that with bytes that were added under another manifest before`,
      );
    }
    published.push({ digest, added: outcome === 'added' });
  }
  return published;
}

/** @throws TrustError `configuration-invalid` where the registry keeps no signatures. */
export async function requireExtension(
  client: Pick<SignatureExtension, 'supportsSignatures'>,
  { domain, path }: Repository,
  call: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  if (await client.supportsSignatures({ domain, path }, call)) return;
  throw new TrustError(
    'configuration-invalid',
    `${domain} keeps no signatures (no X-Registry-Supports-Signatures: 1 at /v2/); readers look for them in a signature store`,
  );
}

/** Pulp accepts a signature over another manifest, and breaks over one without a creator. */
function checkClaim(
  { digest, blob }: RegistryPublication['signatures'][number],
  { domain, path, tag }: ImageReference,
): void {
  const subject = `signature for ${digest}`;
  const expectedReference = formatReference({ domain, path, ...(tag !== undefined && { tag }) });
  // The format name that a store's file may begin with means nothing to a registry.
  const untrusted = blob[0] === 0 ? undefined : readSignatureClaimUntrusted(blob);
  if (untrusted === undefined) throw invalid(`${subject}: these bytes are no container signature`);
  const { untrustedDigest, untrustedReference, untrustedCreator } = untrusted;
  if (untrustedDigest !== digest) throw invalid(`${subject}: it is over ${untrustedDigest}`);
  if (untrustedReference !== expectedReference) {
    throw invalid(`${subject}: it claims ${quote(untrustedReference)}, expected ${expectedReference}`);
  }
  if (untrustedCreator === undefined) {
    throw invalid(`${subject}: its payload has no optional.creator, which registries need`);
  }
}

function invalid(message: string): TrustError {
  return new TrustError('signature-invalid', message);
}
