import pLimit from 'p-limit';
import type { LimitFunction } from 'p-limit';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import type { OpenUploadRef } from '../../workflows/domain/steps.ts';
import { ByteThrottle } from './byte-throttle.ts';
import type { RegistryClient } from './client.ts';
import { copyBlob, isSmall } from './copy-blob.ts';
import type { BlobRoute } from './copy-blob.ts';
import { CopyCounter } from './copy-progress.ts';
import type { CopyCounts, CopyProgress } from './copy-progress.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError, onSide } from './error.ts';
import { foreignLayersOf, onceEach, readImageTree } from './image-tree.ts';
import type { ImageNode, ImageTree } from './image-tree.ts';
import { runLimited } from './run-limited.ts';
import { SentTails } from './sent-tail.ts';

/** What is copied, and how. */
export interface CopyOptions {
  /** The reference must carry a digest: tags move. */
  readonly source: { readonly client: RegistryClient; readonly reference: ImageReference };
  readonly target: { readonly client: RegistryClient; readonly repository: Repository };
  /** Asks for every manifest and blob although the image is said to be there: registries collect garbage. Default: false. */
  readonly thorough?: boolean;
  /** Set at the target when all is there; default: no tag is touched. */
  readonly tag?: string;
  /** Large blobs at once, and eight times as many of at most 1 MiB. Default: 4. */
  readonly concurrency?: number;
  /** Of blobs, for all of them together. Default: as many as there is room for. */
  readonly bytesPerSecond?: number;
  /** Blobs larger than four of these are sent in chunks, so that uploads can be resumed. In bytes; default: 64 MiB. */
  readonly chunkBytes?: number;
  /** Before an upload goes on that has brought nothing twice, in milliseconds; doubled each time. Default: 200. */
  readonly retryDelayMs?: number;
  /** Uploads that an earlier attempt left unfinished, as its progress named them; they are not trusted. */
  readonly untrustedUploads?: readonly OpenUploadRef[];
  /** Its reason is thrown, within a second. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CopyProgress) => void;
}

/** What a copy found and did. */
export interface CopyResult extends CopyCounts {
  readonly digest: Digest;
  /** Every manifest of the image, children before parents; its root alone where that was there and nothing was done. */
  readonly manifests: readonly Digest[];
  /** The target said that it has the image, so nothing else was asked. */
  readonly wasThere: boolean;
  /** Layers that are only referenced, as far as the image was read. */
  readonly foreignLayers: readonly Descriptor[];
}

const CONCURRENCY = 4;
const SMALL_AT_ONCE = 8;
const CHUNK_BYTES = 64 * 1024 * 1024;
const RETRY_DELAY_MS = 200;
const TAILS_BYTES = 32 * 1024 * 1024;
/** What may be sent for nothing before it is worth a request to learn how the registry answers. */
const LEARN_FROM_BYTES = 64 * 1024 * 1024;

/**
 * Makes an image whole at the target, byte for byte, by its digest: blobs first, then manifests, children before
 * parents. What is there already is not sent again, so a copy that broke off goes on where it stood. An image that is
 * said to be there costs one request, unless the copy is to be thorough.
 * @throws RegistryError with `side`; `image-unknown` of the source where that has lost something.
 */
export async function copyImage(options: CopyOptions): Promise<CopyResult> {
  const copy = new ImageCopy(options);
  const result = await copy.run();
  return result;
}

class ImageCopy {
  readonly #options: CopyOptions;
  readonly #digest: Digest;
  readonly #counter: CopyCounter;
  readonly #route: BlobRoute;
  readonly #limit: (blob: Descriptor) => LimitFunction;
  readonly #concurrency: number;
  readonly #call: { readonly signal?: AbortSignal };

  constructor(options: CopyOptions) {
    const { source, target, signal, bytesPerSecond, concurrency = CONCURRENCY } = options;
    const { chunkBytes = CHUNK_BYTES, retryDelayMs = RETRY_DELAY_MS } = options;
    const { digest, domain, path } = source.reference;
    if (digest === undefined) {
      const message = `copy ${formatReference(source.reference)}: expected a reference with a digest, because tags move`;
      throw new RegistryError('reference-invalid', message, { side: 'source' });
    }
    this.#options = options;
    this.#digest = digest;
    this.#counter = new CopyCounter(options.onProgress);
    this.#route = {
      source: { client: source.client, repository: { domain, path } },
      target,
      counter: this.#counter,
      chunkBytes,
      retryDelayMs,
      tails: new SentTails({ bytes: TAILS_BYTES, blobs: concurrency }),
      throttle: bytesPerSecond === undefined ? undefined : new ByteThrottle(bytesPerSecond),
      untrustedUploads: new Map(options.untrustedUploads?.map((one) => [one.digest, one.location])),
    };
    const [large, small] = [pLimit(concurrency), pLimit(concurrency * SMALL_AT_ONCE)];
    this.#limit = (blob) => (isSmall(blob) ? small : large);
    this.#concurrency = concurrency;
    this.#call = signal === undefined ? {} : { signal };
  }

  async run(): Promise<CopyResult> {
    const { thorough = false } = this.#options;
    if (!thorough && (await this.#isThere())) return this.#result();
    const there = thorough ? await this.#targetTree() : undefined;
    const tree = there ?? (await this.#sourceTree());
    const blobs = onceEach(tree.manifests.flatMap((node) => node.blobs));
    this.#counter.expect(blobs);
    await this.#copyBlobs(blobs);
    if (there === undefined) await this.#putManifests(tree);
    else await this.#setTag(tree.root);
    return this.#result(tree);
  }

  /** Asks by the tag, which is one request where nothing is left to do, then by the digest. */
  async #isThere(): Promise<boolean> {
    const { tag, target, source } = this.#options;
    const { client, repository } = target;
    const named =
      tag === undefined
        ? undefined
        : await onSide('target', client.untrustedDigest({ ...repository, tag }, this.#call));
    if (named === this.#digest) return true;
    if (!(await onSide('target', client.hasManifest(repository, this.#digest, this.#call)))) return false;
    if (tag === undefined) return true;
    const manifest = await onSide('source', source.client.fetchManifest(source.reference, this.#call));
    await onSide('target', client.putManifest(repository, manifest, tag, this.#call));
    return true;
  }

  /** The image as it stands at the target; undefined where a manifest is missing. */
  async #targetTree(): Promise<ImageTree | undefined> {
    const { client, repository } = this.#options.target;
    const { domain, path } = repository;
    try {
      return await onSide('target', readImageTree(client, { domain, path, digest: this.#digest }, this.#call));
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'image-unknown') return undefined;
      throw error;
    }
  }

  async #sourceTree(): Promise<ImageTree> {
    const { client, reference } = this.#options.source;
    return await onSide('source', readImageTree(client, reference, this.#call));
  }

  async #copyBlobs(blobs: readonly Descriptor[]): Promise<void> {
    const { thorough, untrustedUploads = [], signal } = this.#options;
    const mode = thorough === true || untrustedUploads.length > 0 ? 'look' : undefined;
    // The largest first, so that none of them is left over at the end.
    const largestFirst = blobs.toSorted((one, other) => other.size - one.size);
    await runLimited(largestFirst, { concurrency: this.#limit, signal }, async (blob, stop) => {
      await copyBlob(this.#route, blob, { mode, signal: stop });
      if (this.#counter.bytesLeft > LEARN_FROM_BYTES) await this.#learn(blob, stop);
    });
  }

  async #learn(blob: Descriptor, signal: AbortSignal): Promise<void> {
    const { client, repository } = this.#options.target;
    await onSide('target', client.learnMountHabit({ repository, blob }, { signal }));
  }

  /** Images refer to blobs alone, so they go at once; indexes follow, children before parents, the root with its tag. */
  async #putManifests({ root, manifests }: ImageTree): Promise<void> {
    const { signal, tag } = this.#options;
    const below = manifests.filter((node) => node !== root);
    const images = below.filter(({ kind }) => kind === 'image');
    const concurrency = this.#concurrency * SMALL_AT_ONCE;
    await runLimited(images, { concurrency, signal }, (node, stop) =>
      this.#putHealing(node, manifests, { signal: stop }),
    );
    for (const node of below) {
      if (node.kind === 'index') await this.#putHealing(node, manifests, { signal });
    }
    await this.#putHealing(root, manifests, { tag, signal });
  }

  async #setTag(root: ImageNode): Promise<void> {
    if (this.#options.tag !== undefined) await this.#put(root, this.#options);
  }

  /** A registry may say that it has a blob, and miss it when the manifest comes: then it is sent, once. */
  async #putHealing(node: ImageNode, manifests: readonly ImageNode[], how: PutCall): Promise<void> {
    try {
      await this.#put(node, how);
    } catch (error) {
      if (!isPartMissing(error)) throw error;
      const { signal } = how;
      for (const blob of node.blobs) await copyBlob(this.#route, blob, { mode: 'send', ...(signal && { signal }) });
      for (const child of manifests) if (node.children.includes(child.digest)) await this.#put(child, { signal });
      await this.#put(node, how);
    }
  }

  async #put({ digest, mediaType, bytes }: ImageNode, { tag, signal }: PutCall): Promise<void> {
    const { client, repository } = this.#options.target;
    const call = signal === undefined ? {} : { signal };
    await onSide('target', client.putManifest(repository, { digest, mediaType, bytes }, tag, call));
  }

  #result(tree?: ImageTree): CopyResult {
    return {
      digest: this.#digest,
      manifests: tree?.manifests.map(({ digest }) => digest) ?? [this.#digest],
      wasThere: tree === undefined,
      foreignLayers: foreignLayersOf(tree?.manifests ?? []),
      ...this.#counter.result(),
    };
  }
}

interface PutCall {
  readonly tag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

function isPartMissing(error: unknown): boolean {
  return (
    error instanceof RegistryError &&
    error.registryCodes.some((code) => code === 'MANIFEST_BLOB_UNKNOWN' || code === 'BLOB_UNKNOWN')
  );
}
