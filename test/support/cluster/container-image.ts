/** Container images without any daemon: folders become layers of an OCI layout. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  createReadStream,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../parts/index.mjs';

/** How containers of an image run. */
export interface ImageSettings {
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly user?: string;
  readonly workingFolder?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** A layer: an uncompressed tar file. */
export interface Layer {
  readonly file: string;
  readonly sha256: string;
}

/** Packs a folder as it would stand at the root of a container; all of it belongs to root. */
export async function packLayer(folder: string, file: string): Promise<Layer> {
  // The folder is the root of the container, and temporary folders are their maker's alone.
  chmodSync(folder, 0o755);
  const normal = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0'];
  execFileSync('tar', [...normal, '-C', folder, '-cf', file, '.'], { stdio: ['ignore', 'ignore', 'pipe'] });
  return { file, sha256: await sha256Of(file) };
}

/** The layer of a tar file that is there. */
export async function layerOf(file: string): Promise<Layer> {
  return { file, sha256: await sha256Of(file) };
}

/** Packs single files, each at its path in the container, into a layer of the cache's work folder. */
export async function packFiles(files: Readonly<Record<string, string>>, target: string): Promise<Layer> {
  const folder = mkdtempSync(path.join(cacheFolder('work'), 'layer-'));
  try {
    mkdirSync(path.join(folder, 'tmp'), { mode: 0o1777 });
    for (const [inContainer, file] of Object.entries(files)) {
      cpSync(file, path.join(folder, inContainer), { recursive: true, verbatimSymlinks: true });
    }
    return await packLayer(folder, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Writes an OCI layout whose only image has these layers, under the name `image`; an older one at the place goes. */
export function writeImageLayout(layout: string, layers: readonly Layer[], settings: ImageSettings): void {
  const made = `${layout}.new`;
  rmSync(made, { recursive: true, force: true });
  mkdirSync(path.join(made, 'blobs/sha256'), { recursive: true });
  const put = (bytes: string): { readonly digest: string; readonly size: number } => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(path.join(made, 'blobs/sha256', hex), bytes);
    return { digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) };
  };
  const packed = layers.map(({ file, sha256 }) => {
    shareFile(file, path.join(made, 'blobs/sha256', sha256));
    const mediaType = 'application/vnd.oci.image.layer.v1.tar';
    return { mediaType, digest: `sha256:${sha256}`, size: statSync(file).size };
  });
  const config = put(JSON.stringify(configOf(layers, settings)));
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const configType = 'application/vnd.oci.image.config.v1+json';
  const parts = { config: { mediaType: configType, ...config }, layers: packed };
  const manifest = put(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, ...parts }));
  const annotations = { 'org.opencontainers.image.ref.name': 'image' };
  const entry = { mediaType: manifestType, ...manifest, annotations };
  writeFileSync(path.join(made, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  writeFileSync(path.join(made, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  rmSync(layout, { recursive: true, force: true });
  renameSync(made, layout);
}

/** Layers are large, and never written again once they are there. */
function shareFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to);
  }
}

function configOf(layers: readonly Layer[], settings: ImageSettings): unknown {
  const { entrypoint, command, user, workingFolder, variables = {} } = settings;
  const search = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: {
      Env: [search, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)],
      ...(entrypoint && { Entrypoint: entrypoint }),
      ...(command && { Cmd: command }),
      ...(user !== undefined && { User: user }),
      ...(workingFolder !== undefined && { WorkingDir: workingFolder }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ sha256 }) => `sha256:${sha256}`) },
  };
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
