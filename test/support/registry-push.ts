/** Plain requests to a registry, so that tests prepare and look at it without the client they test. */
import { Agent, request } from 'undici';
import { parseDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { sha256 } from './sample-image.ts';
import type { SampleImage, SampleManifest } from './sample-image.ts';

/** How a registry is reached; a running `DockerRegistry` is one, and a bare `host:port` means plain http. */
export interface RegistryAccess {
  /** `host:port` */
  readonly host: string;
  /** Default: https where a `ca` is given, else http. */
  readonly scheme?: 'http' | 'https';
  /** PEM of the authority to trust. */
  readonly ca?: string;
  /** Value of the Authorization header. */
  readonly auth?: string;
}

interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/v2/`, or a whole URL. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly expect: readonly number[];
}

interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
}

const ACCEPTED = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/**
 * Pushes blobs, then manifests children first, last the outermost one: under the tag, or by digest without one.
 * Everything is sent, whether it is there or not.
 */
export async function pushSampleImage(
  access: string | RegistryAccess,
  repository: string,
  tag: string | undefined,
  image: SampleImage,
): Promise<void> {
  for (const [digest, blob] of image.blobs) await pushBlob(access, repository, { digest, blob });
  for (const manifest of image.everyManifest) {
    const ref = manifest === image.index ? (tag ?? manifest.digest) : manifest.digest;
    await putManifest(access, `${repository}/manifests/${ref}`, manifest);
  }
}

/** The manifest's bytes under a tag or digest, digested here; undefined where there is none. */
export async function fetchManifestRaw(
  access: string | RegistryAccess,
  repository: string,
  ref: string,
): Promise<SampleManifest | undefined> {
  const path = `${repository}/manifests/${ref}`;
  const answer = await call(access, { method: 'GET', path, headers: { accept: ACCEPTED }, expect: [200, 404] });
  if (answer.status === 404) return undefined;
  return { bytes: answer.body, digest: sha256(answer.body), mediaType: answer.header('content-type') ?? '' };
}

/** The digest a tag points to, as the registry names it; undefined where there is no such tag. */
export async function tagOf(
  access: string | RegistryAccess,
  repository: string,
  tag: string,
): Promise<Digest | undefined> {
  const path = `${repository}/manifests/${tag}`;
  const answer = await call(access, { method: 'HEAD', path, headers: { accept: ACCEPTED }, expect: [200, 404] });
  return answer.status === 404 ? undefined : parseDigest(answer.header('docker-content-digest') ?? '');
}

/** Points the tag to a manifest that is in the repository already. */
export async function moveTag(
  access: string | RegistryAccess,
  repository: string,
  tag: string,
  digest: Digest,
): Promise<void> {
  const manifest = await fetchManifestRaw(access, repository, digest);
  if (manifest === undefined) throw new Error(`move tag ${repository}:${tag}: ${digest} is not in the repository`);
  await putManifest(access, `${repository}/manifests/${tag}`, manifest);
}

/** Deletes a manifest, and with it every tag that points to it. */
export async function deleteManifest(
  access: string | RegistryAccess,
  repository: string,
  digest: Digest,
): Promise<void> {
  await call(access, { method: 'DELETE', path: `${repository}/manifests/${digest}`, expect: [202] });
}

/** Tells whether the registry serves a blob in this repository. */
export async function hasBlob(access: string | RegistryAccess, repository: string, digest: Digest): Promise<boolean> {
  const answer = await call(access, { method: 'HEAD', path: `${repository}/blobs/${digest}`, expect: [200, 404] });
  return answer.status === 200;
}

async function pushBlob(
  access: string | RegistryAccess,
  repository: string,
  { digest, blob }: { readonly digest: Digest; readonly blob: Buffer },
): Promise<void> {
  const opened = await call(access, { method: 'POST', path: `${repository}/blobs/uploads/`, expect: [202] });
  // Absolute or relative, and it may carry a query of its own.
  const location = new URL(opened.header('location') ?? '', `${originOf(access)}/`);
  location.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await call(access, { method: 'PUT', path: location.href, headers, body: blob, expect: [201] });
}

async function putManifest(access: string | RegistryAccess, path: string, manifest: SampleManifest): Promise<void> {
  const headers = { 'content-type': manifest.mediaType };
  await call(access, { method: 'PUT', path, headers, body: manifest.bytes, expect: [201] });
}

async function call(access: string | RegistryAccess, { method, path, headers, body, expect }: Call): Promise<Answer> {
  const { auth, ca } = toAccess(access);
  const url = new URL(path, `${originOf(access)}/v2/`);
  // One agent per request: no connection outlives a registry that a test stops.
  const dispatcher = new Agent({ pipelining: 0, ...(ca !== undefined && { connect: { ca } }) });
  try {
    const response = await request(url, {
      method,
      dispatcher,
      headers: { ...headers, ...(auth !== undefined && { authorization: auth }) },
      body: body ?? null,
    });
    const received = Buffer.from(await response.body.arrayBuffer());
    if (!expect.includes(response.statusCode)) {
      const said = received.toString('utf8').slice(0, 500);
      const wanted = expect.join(' or ');
      throw new Error(`${method} ${url.origin}${url.pathname}: expected ${wanted}, got ${response.statusCode} ${said}`);
    }
    const header = (name: string): string | undefined => [response.headers[name]].flat()[0];
    return { status: response.statusCode, header, body: received };
  } finally {
    await dispatcher.close();
  }
}

function toAccess(access: string | RegistryAccess): RegistryAccess {
  return typeof access === 'string' ? { host: access } : access;
}

function originOf(access: string | RegistryAccess): string {
  const { host, ca, scheme = ca === undefined ? 'http' : 'https' } = toAccess(access);
  return `${scheme}://${host}`;
}
