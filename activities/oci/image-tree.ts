import pLimit from 'p-limit';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference, formatRepository } from '../../workflows/domain/reference.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import type { Call, RegistryClient } from './client.ts';
import type { ChildDescriptor, Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import { readManifest } from './manifest.ts';
import type { Manifest, ManifestContent } from './manifest.ts';
import { kindOf } from './media-types.ts';
import type { ManifestKind } from './media-types.ts';

/** One manifest of an image. */
export interface ImageNode extends Manifest {
  readonly kind: ManifestKind;
  /** `os/architecture[/variant]`, where the index says so. */
  readonly platform?: string;
  /** Config and layers that the registry must hold; empty for an index. */
  readonly blobs: readonly Descriptor[];
  /** Layers that are only referenced: they are at URLs outside any registry, where we never go. */
  readonly foreignLayers: readonly Descriptor[];
  /** Manifests of an index, in its order; empty for an image. */
  readonly children: readonly Digest[];
  /** 0 for the manifest that was asked for. */
  readonly depth: number;
}

/** Everything that an image consists of. */
export interface ImageTree {
  readonly root: ImageNode;
  /** Every manifest once, children before parents, so the root comes last. */
  readonly manifests: readonly ImageNode[];
}

/** Indexes in indexes are legal and rare; deeper than this is nobody's image. */
const MAX_DEPTH = 4;
const MAX_MANIFESTS = 1000;
const CONCURRENCY = 8;

/**
 * Reads an image's manifests, each verified against the digest and size that its parent names.
 * @throws RegistryError `image-unknown` where one is missing, `manifest-unsupported`, `content-mismatch`.
 */
export async function readImageTree(
  client: RegistryClient,
  reference: ImageReference,
  call: Call = {},
): Promise<ImageTree> {
  const root = toNode(await client.fetchManifest(reference, call), { reference, depth: 0 });
  const reader = new TreeReader(client, reference, call);
  const nodes = await reader.readBelow(root);
  return { root: root.node, manifests: childrenFirst(root.node.digest, nodes) };
}

interface ReadNode {
  readonly node: ImageNode;
  readonly children: readonly ChildDescriptor[];
}

class TreeReader {
  readonly #client: RegistryClient;
  readonly #repository: Repository;
  readonly #call: Call;

  constructor(client: RegistryClient, { domain, path }: Repository, call: Call) {
    this.#client = client;
    this.#repository = { domain, path };
    this.#call = call;
  }

  /** Level by level, so that a manifest in several indexes is fetched once. */
  async readBelow(root: ReadNode): Promise<ReadonlyMap<Digest, ImageNode>> {
    const nodes = new Map([[root.node.digest, root.node]]);
    const limit = pLimit(CONCURRENCY);
    let level: readonly ReadNode[] = [root];
    for (let depth = 1; level.length > 0; depth++) {
      const wanted = new Map<Digest, ChildDescriptor>();
      for (const { children } of level) {
        for (const child of children) this.#want(child, { nodes, wanted });
      }
      if (wanted.size > 0 && depth > MAX_DEPTH) throw this.#tooLarge(`${MAX_DEPTH} indexes in each other`);
      if (nodes.size + wanted.size > MAX_MANIFESTS) throw this.#tooLarge(`${MAX_MANIFESTS} manifests`);
      level = await limit.map(wanted.values(), (child) => this.#read(child, depth));
      for (const { node } of level) nodes.set(node.digest, node);
    }
    return nodes;
  }

  /** A manifest that is named twice must be named alike. */
  #want(
    child: ChildDescriptor,
    { nodes, wanted }: { nodes: Map<Digest, ImageNode>; wanted: Map<Digest, ChildDescriptor> },
  ): void {
    const known = nodes.get(child.digest);
    if (known === undefined) wanted.set(child.digest, wanted.get(child.digest) ?? child);
    else checkAgainst(child, known, this.#subject(child));
  }

  async #read(child: ChildDescriptor, depth: number): Promise<ReadNode> {
    const { digest, platform } = child;
    const subject = this.#subject(child);
    if (kindOf(child.mediaType) === undefined) {
      const message = `${subject} is refused: an index may hold images and indexes, received ${JSON.stringify(child.mediaType.slice(0, 200))}`;
      throw new RegistryError('manifest-unsupported', message);
    }
    const reference = { ...this.#repository, digest };
    const manifest = await this.#client.fetchManifest(reference, this.#call);
    checkAgainst(child, manifest, subject);
    return toNode(manifest, { reference, depth, platform });
  }

  #subject({ digest }: ChildDescriptor): string {
    return `manifest ${formatRepository(this.#repository)}@${digest}`;
  }

  #tooLarge(limit: string): RegistryError {
    return new RegistryError('manifest-unsupported', `image ${formatRepository(this.#repository)}: more than ${limit}`);
  }
}

function toNode(
  { digest, mediaType, bytes }: Manifest,
  { reference, depth, platform }: { reference: ImageReference; depth: number; platform?: string | undefined },
): ReadNode {
  const content: ManifestContent = readManifest(bytes, mediaType, `manifest ${formatReference(reference)}`);
  const { kind, blobs, foreignLayers } = content;
  const children = content.children.map((child) => child.digest);
  const named = kind === 'image' && platform !== undefined ? { platform } : {};
  return {
    node: { digest, mediaType, bytes, kind, blobs, foreignLayers, children, depth, ...named },
    children: content.children,
  };
}

function checkAgainst(child: ChildDescriptor, { bytes, mediaType }: Manifest, subject: string): void {
  if (bytes.length !== child.size) {
    const message = `${subject}: its index says ${child.size} bytes, received ${bytes.length}`;
    throw new RegistryError('content-mismatch', message);
  }
  if (mediaType !== child.mediaType) {
    const message = `${subject} is refused: its index says ${child.mediaType}, received ${mediaType}`;
    throw new RegistryError('manifest-unsupported', message);
  }
}

function childrenFirst(root: Digest, nodes: ReadonlyMap<Digest, ImageNode>): readonly ImageNode[] {
  const ordered = new Map<Digest, ImageNode>();
  const visit = (digest: Digest): void => {
    const node = nodes.get(digest);
    if (node === undefined || ordered.has(digest)) return;
    for (const child of node.children) visit(child);
    ordered.set(digest, node);
  };
  visit(root);
  return [...ordered.values()];
}

/** The layers of an image that are only referenced, each once. */
export function foreignLayersOf(manifests: readonly ImageNode[]): readonly Descriptor[] {
  return onceEach(manifests.flatMap((node) => node.foreignLayers));
}

/** The descriptors without repetitions. */
export function onceEach(blobs: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}
