import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { Call } from './client.ts';
import type { CopyOptions } from './copy.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError, onSide } from './error.ts';
import { foreignLayersOf, onceEach, readImageTree } from './image-tree.ts';
import type { ImageNode } from './image-tree.ts';
import { runLimited } from './run-limited.ts';

/** What is to be planned; the source must carry a digest. */
export type PlanOptions = Pick<CopyOptions, 'source' | 'target' | 'concurrency' | 'signal'>;

/** What a copy would find and do now. */
export interface CopyPlan {
  readonly digest: Digest;
  /** Children before parents. */
  readonly manifests: readonly PlannedManifest[];
  /** Each once. */
  readonly blobs: readonly PlannedBlob[];
  /** Layers that stay outside of registries. */
  readonly foreignLayers: readonly Descriptor[];
  /** Of blobs that are missing and cannot be mounted. */
  readonly bytesToMove: number;
  /** Of all blobs. */
  readonly bytesTotal: number;
}

export interface PlannedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  /** `os/architecture[/variant]`, where an index says so. */
  readonly platform?: string;
  /** Whether the target has it. */
  readonly present: boolean;
}

export interface PlannedBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** `mountable`: the target has it in the source's repository; it may still refuse to take it over. */
  readonly state: 'present' | 'mountable' | 'missing';
}

const CONCURRENCY = 4;

/**
 * Looks what a copy would have to do: reads the manifests of the source, and asks the target for every manifest and
 * blob. Nothing is written.
 * @throws RegistryError with `side`.
 */
export async function planCopy(options: PlanOptions): Promise<CopyPlan> {
  const { source, target, concurrency = CONCURRENCY, signal } = options;
  const { digest, domain, path } = source.reference;
  if (digest === undefined) {
    const message = `plan a copy of ${formatReference(source.reference)}: expected a reference with a digest`;
    throw new RegistryError('reference-invalid', message, { side: 'source' });
  }
  const reading: Call = signal === undefined ? {} : { signal };
  const { manifests } = await onSide('source', readImageTree(source.client, { domain, path, digest }, reading));
  const blobs = blobsOf(manifests);
  const present = new Set<Digest>();
  const parts = [...manifests, ...blobs];
  await runLimited(parts, { concurrency, signal }, async (part, stop) => {
    const { client, repository } = target;
    const call = { signal: stop };
    const asked =
      'bytes' in part ? client.hasManifest(repository, part.digest, call) : client.blobExists(repository, part, call);
    if (await onSide('target', asked)) present.add(part.digest);
  });
  const isNeighbour = domain === target.repository.domain && path !== target.repository.path;
  const planned = blobs.map(({ digest: one, size }): PlannedBlob => {
    return { digest: one, size, state: present.has(one) ? 'present' : isNeighbour ? 'mountable' : 'missing' };
  });
  return {
    digest,
    manifests: manifests.map((node) => toPlanned(node, present)),
    blobs: planned,
    foreignLayers: foreignLayersOf(manifests),
    bytesToMove: sizeOf(planned.filter(({ state }) => state === 'missing')),
    bytesTotal: sizeOf(planned),
  };
}

function blobsOf(manifests: readonly ImageNode[]): readonly Descriptor[] {
  return onceEach(manifests.flatMap((node) => node.blobs));
}
function toPlanned({ digest, mediaType, bytes, platform }: ImageNode, present: ReadonlySet<Digest>): PlannedManifest {
  const named = platform === undefined ? {} : { platform };
  return { digest, mediaType, size: bytes.length, ...named, present: present.has(digest) };
}

function sizeOf(blobs: readonly PlannedBlob[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}
