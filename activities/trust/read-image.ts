import pLimit from 'p-limit';
import type { LimitFunction } from 'p-limit';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { TrustError } from './error.ts';
import type { ImageToJudge } from './image-to-judge.ts';
import { readManifest, verifyManifestDigest } from './manifest.ts';
import { readLookaside } from './read-lookaside.ts';
import { readerOfExtension } from './registry-extension.ts';
import type { ReadSignatures } from './registry-extension.ts';
import { pullReference } from './scopes.ts';

/** One manifest of an image, with the signatures that readers find for it. */
export interface ReadManifest {
  readonly digest: Digest;
  readonly kind: 'image' | 'index';
  /** For example `linux/arm64/v8`, where an index says so. */
  readonly platform?: string;
  readonly untrustedSignatures: readonly Uint8Array[];
}

/** An image, as far as a decision about it needs it. */
export interface ReadImage {
  /** As readers complete it. */
  readonly reference: ImageReference;
  readonly root: Digest;
  readonly isIndex: boolean;
  /** The images in the order of the index, then the index itself. */
  readonly manifests: readonly ReadManifest[];
  /** Where the registry keeps signatures itself: the signature store was not asked. */
  readonly signaturesIn?: 'registry';
}

const CONCURRENCY = 4;
/** An index in an index is legal and rare; deeper is nobody's image. */
const MAX_DEPTH = 3;
const MAX_MANIFESTS = 200;

/**
 * Reads manifests and signatures of an image: of every platform, and of the index, for which no reader asks.
 * @throws TrustError when they cannot be read; whatever the client throws, unchanged.
 */
export async function readImage(input: ImageToJudge): Promise<ReadImage> {
  const reference = pullReference(input.reference);
  const { digest, bytes } = await input.client.fetchManifest(
    input.digest === undefined ? reference : byDigest(reference, input.digest),
    call(input),
  );
  const root = input.digest ?? digest;
  verifyManifestDigest(bytes, root);
  const isIndex = readManifest(bytes, root).kind === 'index';
  const fromRegistry = await registryReader(input, isIndex ? root : undefined);
  const reader = new Reader({ ...input, reference }, fromRegistry);
  const images = await reader.images({ digest: root, bytes, depth: 0 });
  if (images.length === 0) {
    throw new TrustError('manifest-unsupported', `index ${root} of ${formatReference(reference)} names no manifest`);
  }
  const index = isIndex ? [await reader.index(root)] : [];
  return {
    reference,
    root,
    isIndex,
    manifests: [...images, ...index],
    ...(fromRegistry && { signaturesIn: 'registry' }),
  };
}

async function registryReader(input: ImageToJudge, index: Digest | undefined): Promise<ReadSignatures | undefined> {
  const { client, reference, readSignatures, signal } = input;
  if (readSignatures !== undefined) return undefined;
  return await readerOfExtension({ client, reference, index }, signal);
}

interface Found {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly depth: number;
  readonly platform?: string;
}

class Reader {
  readonly #input: ImageToJudge;
  readonly #fromRegistry: ReadSignatures | undefined;
  readonly #limit: LimitFunction = pLimit(CONCURRENCY);
  #fetched = 0;

  constructor(input: ImageToJudge, fromRegistry: ReadSignatures | undefined) {
    this.#input = input;
    this.#fromRegistry = fromRegistry;
  }

  /** All images at or below a manifest, in the order of the index. */
  async images({ digest, bytes, depth, platform }: Found): Promise<ReadManifest[]> {
    const manifest = readManifest(bytes, digest);
    if (manifest.kind === 'image') {
      const untrustedSignatures = await this.#limit(() => this.#signatures(digest));
      return [{ digest, kind: 'image', untrustedSignatures, ...(platform !== undefined && { platform }) }];
    }
    if (depth === MAX_DEPTH) throw new TrustError('manifest-unsupported', `index ${digest} lies too deep in others`);
    const below = manifest.entries.map(async (entry) => {
      const found = await this.#limit(() => this.#fetch(entry.digest));
      const named = entry.platform ?? platform;
      return await this.images({ ...found, depth: depth + 1, ...(named !== undefined && { platform: named }) });
    });
    return (await Promise.all(below)).flat();
  }

  async index(digest: Digest): Promise<ReadManifest> {
    return { digest, kind: 'index', untrustedSignatures: await this.#signatures(digest) };
  }

  async #fetch(digest: Digest): Promise<{ readonly digest: Digest; readonly bytes: Uint8Array }> {
    if (++this.#fetched > MAX_MANIFESTS) {
      throw new TrustError('manifest-unsupported', `more than ${MAX_MANIFESTS} manifests belong to the image`);
    }
    const { bytes } = await this.#input.client.fetchManifest(
      byDigest(this.#input.reference, digest),
      call(this.#input),
    );
    verifyManifestDigest(bytes, digest);
    return { digest, bytes };
  }

  async #signatures(digest: Digest): Promise<readonly Uint8Array[]> {
    const { lookasideBase, reference, signal, dispatcher, ca, readSignatures } = this.#input;
    const read = this.#fromRegistry ?? readSignatures;
    if (read !== undefined) return await read(digest, signal);
    const base = typeof lookasideBase === 'string' ? lookasideBase : lookasideBase(reference);
    if (base === undefined) return [];
    return await readLookaside(base, reference.path, digest, {
      ...(signal !== undefined && { signal }),
      ...(dispatcher !== undefined && { dispatcher }),
      ...(ca !== undefined && { ca }),
    });
  }
}

function byDigest({ domain, path }: ImageReference, digest: Digest): ImageReference {
  return { domain, path, digest };
}

function call({ signal }: ImageToJudge): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
