import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** A registry on loopback that holds the manifests of one two-platform image under `acme/web:1`, and nothing else. */
export interface ManifestRegistry {
  readonly host: string;
  readonly index: Digest;
  readonly platforms: readonly Digest[];
  readonly close: () => Promise<void>;
}

/** Starts one on a free port. */
export async function startManifestRegistry(): Promise<ManifestRegistry> {
  const stored = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  const put = (type: string, content: object): Digest => {
    const bytes = Buffer.from(JSON.stringify(content));
    const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    stored.set(digest, { type, bytes });
    return digest;
  };
  const platforms = ['amd64', 'arm64'].map((architecture) => put(MANIFEST, imageFor(architecture)));
  const manifests = platforms.map((digest, at) => ({
    mediaType: MANIFEST,
    digest,
    size: stored.get(digest)?.bytes.length,
    platform: { os: 'linux', architecture: ['amd64', 'arm64'][at] },
  }));
  const index = put(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests });
  const server = createServer((request, response) => {
    const asked = /^\/v2\/acme\/web\/manifests\/(.+)$/.exec(request.url ?? '')?.[1];
    const found = stored.get(asked === '1' ? index : (asked ?? ''));
    if (request.url === '/v2/') response.writeHead(200).end('{}');
    else if (found === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': found.type, 'content-length': found.bytes.length }).end(found.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { host: `127.0.0.1:${port}`, index, platforms, close };
}

function imageFor(architecture: string): object {
  const blob = (text: string, mediaType: string): object => {
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    return { mediaType, digest, size: text.length };
  };
  const config = blob(architecture, 'application/vnd.oci.image.config.v1+json');
  const layers = [blob(`layer ${architecture}`, 'application/vnd.oci.image.layer.v1.tar+gzip')];
  return { schemaVersion: 2, mediaType: MANIFEST, config, layers };
}
