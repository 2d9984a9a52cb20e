/** Real container images in memory: gzipped tar layers, configurations, manifests and an index over them. */
import { createCipheriv, createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { parseDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';

export interface SampleImageOptions {
  /** `os/architecture` or `os/architecture/variant`; default linux/amd64 and linux/arm64. */
  readonly platforms?: readonly string[];
  /** Layers of each platform, at least 1; default 2. */
  readonly layers?: number;
  /** About the size of each compressed layer (its content does not compress); default 64 KiB. */
  readonly layerBytes?: number;
  /** Default `oci`. */
  readonly mediaTypes?: 'oci' | 'docker';
  /** The index holds the first platform's manifest and a second index with the others. Needs two platforms. */
  readonly nested?: boolean;
  /** No index: the image is the manifest of its one platform. */
  readonly single?: boolean;
  /** Same seed and options, same bytes (under one version of Node); default `sample`. */
  readonly seed?: string;
}

/** An image manifest or an index. */
export interface SampleManifest {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Of an image manifest; an index has none. */
  readonly platform?: string;
}

export interface SampleImage {
  /** What a tag points to: the outermost index, or the manifest of a `single` image. */
  readonly index: SampleManifest;
  /** Of `index`. */
  readonly digest: Digest;
  /** The image manifests, in the order of the platforms. */
  readonly manifests: readonly SampleManifest[];
  /** Every manifest and index, children before parents, `index` last. */
  readonly everyManifest: readonly SampleManifest[];
  /** Configurations and layers. With several layers the last one is shared by all platforms. */
  readonly blobs: ReadonlyMap<Digest, Buffer>;
}

interface MediaTypes {
  readonly index: string;
  readonly manifest: string;
  readonly config: string;
  readonly layer: string;
}

interface Layer {
  readonly blob: Buffer;
  /** Of the tar archive before compression. */
  readonly diffId: Digest;
}

type Options = Required<SampleImageOptions>;

const DEFAULTS: Options = {
  platforms: ['linux/amd64', 'linux/arm64'],
  layers: 2,
  layerBytes: 64 * 1024,
  mediaTypes: 'oci',
  nested: false,
  single: false,
  seed: 'sample',
};

const MEDIA_TYPES: Readonly<Record<'oci' | 'docker', MediaTypes>> = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
};

const CREATED = new Date('2024-01-01T00:00:00Z');

/** Builds an image as a builder would have pushed it. */
export async function buildSampleImage(given: SampleImageOptions = {}): Promise<SampleImage> {
  const options = { ...DEFAULTS, ...given };
  checkOptions(options);
  const blobs = new Map<Digest, Buffer>();
  const manifests: SampleManifest[] = [];
  for (const platform of options.platforms) manifests.push(await buildManifest(platform, options, blobs));
  const indexes = options.single ? [] : buildIndexes(manifests, options);
  const everyManifest = [...manifests, ...indexes];
  const index = everyManifest.at(-1)!;
  return { index, digest: index.digest, manifests, everyManifest, blobs };
}

/** The sha256 digest of some bytes. */
export function sha256(bytes: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}

function checkOptions({ platforms, single, nested, layers }: Options): void {
  const fault =
    (single && platforms.length !== 1 && 'a single image has exactly one platform') ||
    (single && nested && 'a single image has no index to nest') ||
    (nested && platforms.length < 2 && 'a nested image needs two platforms') ||
    (platforms.length === 0 && 'an image needs a platform') ||
    (layers < 1 && 'an image needs a layer');
  if (fault) throw new Error(`build a sample image: ${fault}`);
}

async function buildManifest(platform: string, options: Options, blobs: Map<Digest, Buffer>): Promise<SampleManifest> {
  const types = MEDIA_TYPES[options.mediaTypes];
  const layers: Layer[] = [];
  for (let number = 0; number < options.layers; number += 1) layers.push(await buildLayer(platform, number, options));
  const describe = (blob: Buffer, mediaType: string): Record<string, unknown> => {
    const digest = sha256(blob);
    blobs.set(digest, blob);
    return { mediaType, size: blob.length, digest };
  };
  const config = describe(buildConfig(platform, layers, options), types.config);
  const descriptors = layers.map(({ blob }) => describe(blob, types.layer));
  const document = { schemaVersion: 2, mediaType: types.manifest, config, layers: descriptors };
  return { ...toManifest(document), platform };
}

async function buildLayer(platform: string, number: number, options: Options): Promise<Layer> {
  const isLast = number === options.layers - 1;
  const isShared = isLast && number > 0;
  const { seed } = options;
  const archive = pack();
  const addFolder = (name: string) => archive.entry({ name, type: 'directory', mtime: CREATED, mode: 0o755 });
  const addFile = (name: string, content: string | Buffer) =>
    archive.entry({ name, mtime: CREATED, mode: 0o644 }, content);
  if (number === 0) {
    addFolder('etc/');
    addFile('etc/os-release', `ID=sample\nNAME="Sample"\nVARIANT="${platform}"\nBUILD_ID="${seed}"\n`);
  }
  if (isLast) {
    addFolder('app/');
    addFile('app/hello.txt', `hello from ${seed}\n`);
  }
  addFolder('data/');
  addFile(
    `data/${number}.bin`,
    incompressible(`${seed} ${isShared ? 'shared' : platform} ${number}`, options.layerBytes),
  );
  archive.finalize();
  const tar = await buffer(archive);
  return { blob: gzipSync(tar, { level: 1 }), diffId: sha256(tar) };
}

/** Bytes that look random and follow from the seed, cheap enough for large layers. */
function incompressible(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

function buildConfig(platform: string, layers: readonly Layer[], { seed }: Options): Buffer {
  const created = CREATED.toISOString();
  const document = {
    created,
    ...splitPlatform(platform),
    config: { Env: ['PATH=/usr/bin:/bin'], Cmd: ['cat', '/app/hello.txt'], Labels: { seed } },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: [
      ...layers.map((_, number) => ({ created, created_by: `layer ${number}` })),
      { created, created_by: 'CMD ["cat", "/app/hello.txt"]', empty_layer: true },
    ],
  };
  return Buffer.from(JSON.stringify(document));
}

/** The inner index where there is one, then the outer one. */
function buildIndexes(manifests: readonly SampleManifest[], { nested, mediaTypes }: Options): SampleManifest[] {
  const mediaType = MEDIA_TYPES[mediaTypes].index;
  const over = (children: readonly SampleManifest[]): SampleManifest =>
    toManifest({ schemaVersion: 2, mediaType, manifests: children.map(describeManifest) });
  if (!nested) return [over(manifests)];
  const inner = over(manifests.slice(1));
  return [inner, over([...manifests.slice(0, 1), inner])];
}

function describeManifest({ mediaType, bytes, digest, platform }: SampleManifest): Record<string, unknown> {
  const described = { mediaType, size: bytes.length, digest };
  return platform === undefined ? described : { ...described, platform: splitPlatform(platform) };
}

function toManifest(document: { readonly mediaType: string } & Record<string, unknown>): SampleManifest {
  // Indented, as builders do it: whoever re-serialises it changes the digest.
  const bytes = Buffer.from(JSON.stringify(document, null, 3));
  return { bytes, digest: sha256(bytes), mediaType: document.mediaType };
}

function splitPlatform(platform: string): { os: string; architecture: string; variant?: string } {
  const [os = '', architecture = '', variant] = platform.split('/');
  return { os, architecture, ...(variant !== undefined && { variant }) };
}
