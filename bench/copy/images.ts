/** Images that are copied, pushed to a source registry once. */
import { createCipheriv, createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { request } from 'undici';
import { parseDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { pushSampleImage } from '../../test/support/registry-push.ts';
import { buildSampleImage, sha256 } from '../../test/support/sample-image.ts';
import type { SampleImage } from '../../test/support/sample-image.ts';

/** What an image is made of. */
export interface ImageShape {
  /** One is an image without an index. */
  readonly platforms: number;
  readonly layers: number;
  readonly layerBytes: number;
}

/** An image that lies in a registry. */
export interface PushedImage {
  /** What its tag stands for. */
  readonly digest: Digest;
  /** Sizes of configurations and layers, each blob once. */
  readonly blobs: ReadonlyMap<Digest, number>;
}

interface Layer {
  readonly digest: Digest;
  readonly diffId: Digest;
  readonly size: number;
}

const BLOCK = 1024 * 1024;
/** Larger layers are made while they are sent. */
const IN_MEMORY_LIMIT = 8 * BLOCK;
const ARCHITECTURES = ['amd64', 'arm64', 'ppc64le', 's390x', 'riscv64', 'mips64le'];
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Pushes an image, under the tag `1`, whose bytes follow from its shape and its repository. */
export async function pushImage(host: string, repository: string, shape: ImageShape): Promise<PushedImage> {
  const { platforms, layers, layerBytes } = shape;
  if (layerBytes > IN_MEMORY_LIMIT && platforms === 1) return await pushLargeImage(host, repository, shape);
  const names = ARCHITECTURES.slice(0, platforms).map((architecture) => `linux/${architecture}`);
  const single = platforms === 1;
  const image = await buildSampleImage({ platforms: names, layers, layerBytes, single, seed: repository });
  await pushSampleImage(host, repository, '1', image);
  return { digest: image.digest, blobs: new Map([...image.blobs].map(([digest, { length }]) => [digest, length])) };
}

async function pushLargeImage(host: string, repository: string, shape: ImageShape): Promise<PushedImage> {
  const layers: Layer[] = [];
  for (let number = 0; number < shape.layers; number += 1)
    layers.push(await pushLayer(host, repository, { seed: `${repository} ${number}`, bytes: shape.layerBytes }));
  const config = Buffer.from(
    JSON.stringify({
      ...{ architecture: 'amd64', os: 'linux', config: {} },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  const document = {
    ...{ schemaVersion: 2, mediaType: MANIFEST },
    config: { mediaType: CONFIG, size: config.length, digest: sha256(config) },
    layers: layers.map(({ digest, size }) => ({ mediaType: LAYER, size, digest })),
  };
  const bytes = Buffer.from(JSON.stringify(document));
  const manifest = { bytes, digest: sha256(bytes), mediaType: MANIFEST };
  const rest: SampleImage = {
    ...{ index: manifest, digest: manifest.digest, manifests: [manifest], everyManifest: [manifest] },
    blobs: new Map([[sha256(config), config]]),
  };
  await pushSampleImage(host, repository, '1', rest);
  const blobs = new Map<Digest, number>(layers.map(({ digest, size }) => [digest, size]));
  return { digest: manifest.digest, blobs: blobs.set(sha256(config), config.length) };
}

/** What tar and gzip add to a large file at most: headers, padding, and the frames of blocks that are stored. */
function framesOf(bytes: number): number {
  return bytes < 1024 * 1024 ? 0 : 64 * 1024 + Math.ceil(bytes / 4096);
}

/** A gzipped tar archive of one file that does not compress, never as a whole in memory; a large one of at most `bytes`. */
async function pushLayer(
  host: string,
  repository: string,
  { seed, bytes }: { readonly seed: string; readonly bytes: number },
): Promise<Layer> {
  const base = `http://${host}`;
  const opened = await answerOf(`${base}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const [plain, zipped] = [createHash('sha256'), createHash('sha256')];
  const counted = { bytes: 0 };
  const archive = pack();
  const size = bytes - framesOf(bytes);
  const file = archive.entry({ name: 'data.bin', size, mtime: new Date(0), mode: 0o644 });
  const filled = pipeline(Readable.from(incompressible(seed, size)), file).then(() => archive.finalize());
  const body = hashing(zipped, counted);
  const zipping = pipeline(archive, hashing(plain), createGzip({ level: 0 }), body);
  const headers = { 'content-type': 'application/octet-stream' };
  const sent = answerOf(new URL(opened, base).href, { method: 'PATCH', headers, body });
  const [location] = await Promise.all([sent, zipping, filled]);
  const closing = new URL(location, base);
  const digest = digestOf(zipped);
  closing.searchParams.set('digest', digest);
  await answerOf(closing.href, { method: 'PUT' });
  return { digest, diffId: digestOf(plain), size: counted.bytes };
}

function hashing(hash: Hash, counted = { bytes: 0 }): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      counted.bytes += chunk.length;
      hash.update(chunk);
      done(undefined, chunk);
    },
  });
}

function digestOf(hash: Hash): Digest {
  return parseDigest(`sha256:${hash.digest('hex')}`);
}

function* incompressible(seed: string, bytes: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), Buffer.alloc(16));
  const zeros = Buffer.alloc(BLOCK);
  for (let left = bytes; left > 0; left -= BLOCK) yield cipher.update(zeros.subarray(0, Math.min(left, BLOCK)));
}

/** The Location of an answer that accepts. */
async function answerOf(url: string, options: NonNullable<Parameters<typeof request>[1]>): Promise<string> {
  const { statusCode, headers, body } = await request(url, options);
  const said = await body.text();
  if (statusCode < 200 || statusCode > 299) throw new Error(`${options.method ?? 'GET'} ${url}: ${statusCode} ${said}`);
  return [headers['location']].flat()[0] ?? '';
}
