/** Images whose layers are made while they are sent: nothing of them is ever held, however large they are. */
import { createHash, randomFillSync } from 'node:crypto';
import type { Hash } from 'node:crypto';

/** A blob or manifest: its bytes where they are few, else so many of `BLOCK`, over and over. */
export interface Content {
  readonly size: number;
  readonly bytes?: Buffer;
}

/** An image, and everything it consists of by digest. */
export interface EndlessImage {
  readonly digest: string;
  readonly contents: ReadonlyMap<string, Content>;
}

/** What layers consist of. It begins like gzip, so that no client compresses it. */
export const BLOCK = randomFillSync(Buffer.allocUnsafe(1024 * 1024));
BLOCK.set([0x1f, 0x8b, 0x08]);

export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/**
 * Makes an image of layers of these sizes. Layers of one size are one layer.
 * @param number tells images of the same layers apart.
 */
export function makeEndlessImage(sizes: readonly number[], number: number): EndlessImage {
  const contents = new Map<string, Content>();
  const layers = sizes.map((size) => {
    const digest = digestOfLength(size);
    contents.set(digest, { size });
    return { mediaType: LAYER, digest, size };
  });
  const add = (bytes: Buffer): string => {
    contents.set(sha256(bytes), { size: bytes.length, bytes });
    return sha256(bytes);
  };
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs, number }));
  const described = { mediaType: CONFIG, digest: add(config), size: config.length };
  const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: described, layers };
  return { digest: add(Buffer.from(JSON.stringify(manifest))), contents };
}

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

const digests = new Map<number, string>();
let longest: { readonly hash: Hash; length: number } = { hash: createHash('sha256'), length: 0 };

/** Of that many bytes of the block, over and over. Ascending lengths cost one pass. */
function digestOfLength(size: number): string {
  const known = digests.get(size);
  if (known !== undefined) return known;
  if (longest.length > size - (size % BLOCK.length)) longest = { hash: createHash('sha256'), length: 0 };
  for (; longest.length + BLOCK.length <= size; longest.length += BLOCK.length) longest.hash.update(BLOCK);
  const rest = BLOCK.subarray(0, size - longest.length);
  const digest = `sha256:${longest.hash.copy().update(rest).digest('hex')}`;
  digests.set(size, digest);
  return digest;
}
