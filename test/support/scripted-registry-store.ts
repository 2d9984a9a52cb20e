/** What the scripted registry holds, and how it answers while no script does. */
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface StoredManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
}

/** What it holds. */
export interface RegistryStore {
  /** By `repository@digest`. */
  readonly blobs: Map<string, Buffer>;
  /** By `repository@digest` and `repository:tag`. */
  readonly manifests: Map<string, StoredManifest>;
  /** Uploads that are open. */
  readonly uploads: Set<string>;
  /** What uploads have taken so far. */
  readonly partial: Map<string, Buffer>;
}

/** What it answers. */
export interface StoreAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

interface StoreCall {
  readonly method: string;
  readonly repository: string;
  /** Tag, digest or number of an upload. */
  readonly name: string;
  readonly query: URLSearchParams;
  /** Path and query. */
  readonly target: string;
  /** What a download asks for, or what a chunk says that it is. */
  readonly range: string;
  readonly body: Buffer;
  readonly mediaType: string;
}

const ROUTE =
  /^\/v2\/(?<repository>.+)\/(?:(?<kind>manifests|blobs)\/(?<name>[^/]+)|blobs\/uploads\/(?<upload>[^/]*))$/;

/** Answers as a registry does that has nothing but its store. */
export async function serve(request: IncomingMessage, store: RegistryStore): Promise<StoreAnswer> {
  const url = new URL(request.url ?? '/', 'http://registry');
  const { repository, kind, name, upload } = ROUTE.exec(url.pathname)?.groups ?? {};
  const body = await buffer(request);
  if (url.pathname === '/v2/') return { status: 200, body: '{}' };
  if (repository === undefined) return failure(404, 'NAME_UNKNOWN');
  const method = request.method ?? '';
  const { range, 'content-range': chunk, 'content-type': mediaType = '' } = request.headers;
  const target = request.url ?? '';
  const call = {
    ...{ method, repository, name: name ?? upload ?? '', query: url.searchParams, target },
    ...{ range: range ?? chunk ?? '', body, mediaType },
  };
  if (kind === 'manifests') return serveManifest(store, call);
  return kind === 'blobs' ? serveBlob(store, call) : serveUpload(store, call);
}

function serveManifest(store: RegistryStore, call: StoreCall): StoreAnswer {
  const { method, repository, name } = call;
  const key = name.includes(':') ? `${repository}@${name}` : `${repository}:${name}`;
  if (method === 'PUT') return takeManifest(store, call, key);
  const found = store.manifests.get(key);
  if (found === undefined) return failure(404, 'MANIFEST_UNKNOWN');
  if (method === 'DELETE') {
    store.manifests.delete(key);
    return { status: 202 };
  }
  const headers = {
    'content-type': found.mediaType,
    'content-length': String(found.bytes.length),
    'docker-content-digest': sha256(found.bytes),
  };
  return { status: 200, headers, body: found.bytes };
}

interface Part {
  readonly digest: string;
  readonly urls?: readonly string[];
}

function takeManifest({ manifests, blobs }: RegistryStore, call: StoreCall, key: string): StoreAnswer {
  const { repository, name, body, mediaType } = call;
  const digest = sha256(body);
  if (name.includes(':') && name !== digest) return failure(400, 'DIGEST_INVALID');
  const parts = JSON.parse(body.toString()) as { config?: Part; layers?: Part[]; manifests?: Part[] };
  const isBlobMissing = [...(parts.config ? [parts.config] : []), ...(parts.layers ?? [])].some(
    (part) => part.urls === undefined && !blobs.has(`${repository}@${part.digest}`),
  );
  const isChildMissing = (parts.manifests ?? []).some((part) => !manifests.has(`${repository}@${part.digest}`));
  if (isBlobMissing || isChildMissing) return failure(400, 'MANIFEST_BLOB_UNKNOWN');
  for (const one of [key, `${repository}@${digest}`]) manifests.set(one, { bytes: body, mediaType });
  return { status: 201, headers: { 'docker-content-digest': digest } };
}

function serveBlob({ blobs }: RegistryStore, { repository, name, range }: StoreCall): StoreAnswer {
  const blob = blobs.get(`${repository}@${name}`);
  if (blob === undefined) return failure(404, 'BLOB_UNKNOWN');
  const from = /^bytes=(\d+)-$/.exec(range)?.[1];
  if (from !== undefined) {
    const [rest, last] = [blob.subarray(Number(from)), blob.length - 1];
    const headers = {
      'content-length': String(rest.length),
      'content-range': `bytes ${from}-${last}/${blob.length}`,
    };
    return { status: 206, headers, body: rest };
  }
  return { status: 200, headers: { 'content-length': String(blob.length) }, body: blob };
}

function serveUpload(store: RegistryStore, call: StoreCall): StoreAnswer {
  const { blobs, uploads, partial } = store;
  const { method, repository, name, query, body } = call;
  if (method === 'POST') return openUpload(store, repository, query);
  const taken = partial.get(name) ?? Buffer.alloc(0);
  if (method === 'GET' || method === 'PATCH') return serveChunk(store, call, taken);
  if (!uploads.delete(name)) return failure(404, 'BLOB_UPLOAD_UNKNOWN');
  if (method === 'DELETE') return { status: 204 };
  if (query.get('_state') !== 'a+b=') return failure(400, 'BLOB_UPLOAD_INVALID');
  const digest = query.get('digest') ?? '';
  const whole = Buffer.concat([taken, body]);
  if (sha256(whole) !== digest) return failure(400, 'DIGEST_INVALID');
  blobs.set(`${repository}@${digest}`, whole);
  return { status: 201 };
}

/** Chunks must follow each other, as distribution-spec has it; what was taken is told. */
function serveChunk(
  { uploads, partial }: RegistryStore,
  { method, name, target, range, body }: StoreCall,
  taken: Buffer,
): StoreAnswer {
  if (!uploads.has(name)) return failure(404, 'BLOB_UPLOAD_UNKNOWN');
  if (method === 'PATCH' && Number(range.split('-', 1)[0]) !== taken.length) return failure(416, 'BLOB_UPLOAD_INVALID');
  const whole = method === 'PATCH' ? Buffer.concat([taken, body]) : taken;
  partial.set(name, whole);
  const headers = { location: target, range: `0-${Math.max(whole.length - 1, 0)}` };
  return { status: method === 'PATCH' ? 202 : 204, headers };
}

function openUpload({ blobs, uploads }: RegistryStore, repository: string, query: URLSearchParams): StoreAnswer {
  const digest = query.get('mount') ?? '';
  const mounted = blobs.get(`${query.get('from') ?? ''}@${digest}`);
  if (mounted !== undefined) {
    blobs.set(`${repository}@${digest}`, mounted);
    return { status: 201 };
  }
  const id = randomUUID();
  uploads.add(id);
  return { status: 202, headers: { location: `/v2/${repository}/blobs/uploads/${id}?_state=a%2Bb%3D` } };
}

function failure(status: number, code: string): StoreAnswer {
  const body = JSON.stringify({ errors: [{ code, message: 'no' }] });
  return { status, headers: { 'content-type': 'application/json' }, body };
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
