import type { Digest } from '../../workflows/domain/digest.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';

/** What a registry client that knows the signature extension offers. */
export interface SignatureExtension {
  readonly supportsSignatures: (repository: Repository, call?: { readonly signal?: AbortSignal }) => Promise<boolean>;
  readonly listSignatures: (
    repository: Repository,
    digest: Digest,
    call?: { readonly signal?: AbortSignal },
  ) => Promise<readonly Uint8Array[]>;
}

/** Reads the signatures of one manifest, in the form that stores hold. */
export type ReadSignatures = (digest: Digest, signal?: AbortSignal) => Promise<readonly Uint8Array[]>;

/** The name that stored signatures may carry in front (containers/image `internal/signature`). */
const SIMPLE_SIGNING = Buffer.from('\0simple-signing\n');

/** Whose signatures are read. */
export interface SignedImage {
  readonly client: Partial<SignatureExtension>;
  readonly reference: ImageReference;
  /** The index, where the image is one: no reader asks for its signatures, so a registry may not know it. */
  readonly index?: Digest | undefined;
}

/**
 * How readers get an image's signatures where its registry keeps them itself: from there and nowhere else. Undefined
 * where the registry does not, and the signature store counts.
 */
export async function readerOfExtension(
  { client, reference: { domain, path }, index }: SignedImage,
  signal?: AbortSignal,
): Promise<ReadSignatures | undefined> {
  const repository = { domain, path };
  const call = withSignal(signal);
  if (client.listSignatures === undefined || (await client.supportsSignatures?.(repository, call)) !== true) {
    return undefined;
  }
  const list = client.listSignatures;
  return async (digest, ownSignal) => {
    try {
      return (await list(repository, digest, withSignal(ownSignal))).map(asStored);
    } catch (error) {
      if (digest === index && (error as { code?: unknown }).code === 'image-unknown') return [];
      throw error;
    }
  };
}

/**
 * Readers ask a blob of a store for its first byte, and refuse the whole set for one they do not know; of a registry
 * they take every blob for a simple-signing message. Said in front, it is that here too: an armoured, cleartext or
 * empty one is refused by itself and spoils no other.
 */
function asStored(untrustedBlob: Uint8Array): Uint8Array {
  return Buffer.concat([SIMPLE_SIGNING, untrustedBlob]);
}

function withSignal(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
