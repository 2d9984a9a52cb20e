/** Artifacts as signing and scanning tools attach them to images, and the lists of them that clients keep. */
import type { Digest } from '../../workflows/domain/digest.ts';
import { sha256 } from './sample-image.ts';
import type { SampleImage, SampleManifest } from './sample-image.ts';

export interface SampleArtifactOptions {
  /** What it is attached to; default: nothing, as cosign's tags have it. */
  readonly subject?: SampleManifest;
  /** Default: none, so that the config's type stands for it. */
  readonly artifactType?: string;
  readonly configType?: string;
  readonly layerType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Its content; other content, other digest. */
  readonly content?: string;
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** Builds an artifact of one layer, to be pushed like an image. */
export function buildSampleArtifact(options: SampleArtifactOptions = {}): SampleImage {
  const { subject, artifactType, annotations, content = 'artifact' } = options;
  const { configType = 'application/vnd.oci.empty.v1+json', layerType = 'application/spdx+json' } = options;
  const blobs = new Map<Digest, Buffer>();
  const describe = (bytes: Buffer, mediaType: string): object => {
    blobs.set(sha256(bytes), bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  };
  return toImage(MANIFEST, blobs, {
    ...(artifactType !== undefined && { artifactType }),
    config: describe(Buffer.from('{}'), configType),
    layers: [describe(Buffer.from(content), layerType)],
    ...(subject !== undefined && { subject: descriptorOf(subject) }),
    ...(annotations !== undefined && { annotations }),
  });
}

/** Builds a list of referrers, to be put under a tag. */
export function buildReferrersList(
  entries: readonly (SampleManifest & { readonly artifactType?: string })[],
): SampleManifest {
  const manifests = entries.map(({ artifactType, ...one }) => ({ ...descriptorOf(one), artifactType }));
  return toImage(INDEX, new Map(), { manifests }).index;
}

function descriptorOf({ mediaType, digest, bytes }: SampleManifest): object {
  return { mediaType, digest, size: bytes.length };
}

function toImage(mediaType: string, blobs: Map<Digest, Buffer>, document: object): SampleImage {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
  const index: SampleManifest = { bytes, digest: sha256(bytes), mediaType };
  return { index, digest: index.digest, manifests: [index], everyManifest: [index], blobs };
}
