/** What the hostile registry has to offer where it behaves: one small image, whose second layer is worth the raw data path. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

export interface Piece {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
}

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
/** The tag under which the index is found; every other one is the image. */
export const INDEX_TAG = 'index';
const BULK_BYTES = 1_300_000;

/** An archive without files, and one that says nothing in many bytes. */
const layers = [gzipSync(Buffer.alloc(1024)), gzipSync(Buffer.alloc(BULK_BYTES), { level: 0 })];
const layerPieces = layers.map((bytes) => piece(bytes, LAYER));
const diffIds = [1024, BULK_BYTES].map((size) => sha256(Buffer.alloc(size)));

/** Small enough for one answer. */
export const SMALL = layerPieces[0] as Piece;
/** Larger than a MiB. */
export const BULK = layerPieces[1] as Piece;
export const IMAGE_CONFIG = piece(
  JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } }),
  CONFIG,
);
export const MANIFEST = manifestOf([SMALL, BULK]);
/** Another image, for whoever expects the one above. */
export const OTHER_MANIFEST = manifestOf([SMALL]);
export const INDEX = piece(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [{ ...descriptorOf(MANIFEST), platform: { os: 'linux', architecture: 'amd64' } }],
  }),
  INDEX_TYPE,
);
export const PIECES: ReadonlyMap<string, Piece> = new Map(
  [SMALL, BULK, IMAGE_CONFIG, MANIFEST, OTHER_MANIFEST, INDEX].map((one) => [one.digest, one]),
);

export function piece(content: string | Buffer, mediaType: string): Piece {
  const bytes = Buffer.from(content);
  return { bytes, digest: sha256(bytes), mediaType };
}

export function descriptorOf({ bytes, digest, mediaType }: Piece): Record<string, unknown> {
  return { mediaType, digest, size: bytes.length };
}

/** A manifest over these layers, with whatever else it shall say. */
export function manifestOf(parts: readonly Piece[], more: Readonly<Record<string, unknown>> = {}): Piece {
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptorOf(IMAGE_CONFIG),
    layers: parts.map(descriptorOf),
    ...more,
  };
  return piece(JSON.stringify(manifest), MANIFEST_TYPE);
}

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
