import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import type { RegistryClient } from './client.ts';
import { copyBlob } from './copy-blob.ts';
import type { BlobRoute } from './copy-blob.ts';
import { CopyCounter } from './copy-progress.ts';
import type { CopyProgress } from './copy-progress.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError, onSide } from './error.ts';
import { readImageTree } from './image-tree.ts';
import type { ImageNode, ImageTree } from './image-tree.ts';
import { runLimited } from './run-limited.ts';

/** What is copied, and how. */
export interface CopyOptions {
  /** The reference must carry a digest: tags move. */
  readonly source: { readonly client: RegistryClient; readonly reference: ImageReference };
  readonly target: { readonly client: RegistryClient; readonly repository: Repository };
  /** Looks for every blob although all manifests are there: registries collect garbage. Default: false. */
  readonly thorough?: boolean;
  /** Set at the target when all is there; default: no tag is touched. */
  readonly tag?: string;
  /** Blobs at once. Default: 4. */
  readonly concurrency?: number;
  /** Its reason is thrown, within a second. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CopyProgress) => void;
}

/** What a copy found and did. */
export interface CopyResult {
  readonly digest: Digest;
  /** Every manifest of the image, children before parents. */
  readonly manifests: readonly Digest[];
  readonly bytesCopied: number;
  /** Of all blobs, each once, however they came. */
  readonly bytesTotal: number;
  readonly blobsCopied: number;
  readonly blobsMounted: number;
  readonly blobsSkipped: number;
}

const CONCURRENCY = 4;

/**
 * Makes an image whole at the target, byte for byte, by its digest: blobs first, then manifests, children before
 * parents. What is there already is not sent again, so a copy that broke off goes on where it stood; the source is
 * not even asked where nothing is missing.
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
  readonly #limits: { readonly concurrency: number; readonly signal: AbortSignal | undefined };
  readonly #call: { readonly signal?: AbortSignal };

  constructor(options: CopyOptions) {
    const { source, target, signal, concurrency = CONCURRENCY } = options;
    const { digest, domain, path } = source.reference;
    if (digest === undefined) {
      const message = `copy ${formatReference(source.reference)}: expected a reference with a digest, because tags move`;
      throw new RegistryError('reference-invalid', message, { side: 'source' });
    }
    this.#options = options;
    this.#digest = digest;
    this.#counter = new CopyCounter(options.onProgress);
    this.#route = { source: { client: source.client, repository: { domain, path } }, target, counter: this.#counter };
    this.#limits = { concurrency, signal };
    this.#call = signal === undefined ? {} : { signal };
  }

  async run(): Promise<CopyResult> {
    const { tag, thorough = false } = this.#options;
    const there = await this.#targetTree();
    const tree = there ?? (await this.#sourceTree());
    const blobs = blobsOf(tree.manifests);
    this.#counter.expect(blobs);
    if (there === undefined || thorough) await this.#copyBlobs(blobs);
    else for (const blob of blobs) this.#counter.finished(blob, 'skipped');
    if (there === undefined) await this.#putManifests(tree);
    if (tag !== undefined) await this.#put(tree.root, tag);
    return { digest: this.#digest, manifests: tree.manifests.map(({ digest }) => digest), ...this.#counter.result() };
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

  async #copyBlobs(blobs: readonly Descriptor[], force = false): Promise<void> {
    // The largest first, so that none of them is left over at the end.
    const largestFirst = blobs.toSorted((one, other) => other.size - one.size);
    await runLimited(largestFirst, this.#limits, (blob, signal) => copyBlob(this.#route, blob, { signal, force }));
  }

  /** Images refer to blobs alone, so they go at once; indexes follow, children before parents. */
  async #putManifests({ manifests }: ImageTree): Promise<void> {
    const images = manifests.filter(({ kind }) => kind === 'image');
    await runLimited(images, this.#limits, (node, signal) => this.#putHealing(node, manifests, signal));
    for (const node of manifests) {
      if (node.kind === 'index') await this.#putHealing(node, manifests, this.#options.signal);
    }
  }

  /** A registry may say that it has a blob, and miss it when the manifest comes: then it is sent, once. */
  async #putHealing(node: ImageNode, manifests: readonly ImageNode[], signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#put(node, undefined, signal);
    } catch (error) {
      if (!isPartMissing(error)) throw error;
      for (const blob of node.blobs) await copyBlob(this.#route, blob, { force: true, ...(signal && { signal }) });
      for (const child of manifests)
        if (node.children.includes(child.digest)) await this.#put(child, undefined, signal);
      await this.#put(node, undefined, signal);
    }
  }

  async #put(node: ImageNode, tag?: string, signal = this.#options.signal): Promise<void> {
    const { client, repository } = this.#options.target;
    const { digest, mediaType, bytes } = node;
    const call = signal === undefined ? {} : { signal };
    await onSide('target', client.putManifest(repository, { digest, mediaType, bytes }, tag, call));
  }
}

/** Every blob once. */
function blobsOf(manifests: readonly ImageNode[]): readonly Descriptor[] {
  const blobs = new Map<Digest, Descriptor>();
  for (const node of manifests) for (const blob of node.blobs) blobs.set(blob.digest, blobs.get(blob.digest) ?? blob);
  return [...blobs.values()];
}

function isPartMissing(error: unknown): boolean {
  return (
    error instanceof RegistryError &&
    error.registryCodes.some((code) => code === 'MANIFEST_BLOB_UNKNOWN' || code === 'BLOB_UNKNOWN')
  );
}
