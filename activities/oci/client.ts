import type { Digest } from '../../workflows/domain/digest.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import { getBlob, headBlob } from './blob-requests.ts';
import type { BlobStream } from './blob-requests.ts';
import type { RegistryCredentials } from './credentials.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import { deleteTag, getManifest, headManifest, putManifest } from './manifest-requests.ts';
import type { Manifest } from './manifest.ts';
import type { RegistryHosts } from './registry-endpoint.ts';
import { RegistrySession } from './session.ts';
import { mountBlob, startUpload } from './upload-requests.ts';
import type { BlobUpload, Mount, MountOutcome } from './upload-requests.ts';

/** How registries are reached; every field has a default. */
export interface RegistryClientOptions {
  /** Default: anonymous. */
  readonly credentials?: RegistryCredentials;
  /** By host with optional port, as references write it. Default: https by the system's authorities, loopback http. */
  readonly hosts?: RegistryHosts;
  /** Idle time of a stream, and the whole time of any other exchange, in milliseconds. Default: 60,000. */
  readonly timeoutMs?: number;
  /** Pause before a GET or HEAD is repeated, doubled the second time, in milliseconds. Default: 200. */
  readonly retryDelayMs?: number;
}

/** What a single call may be told. */
export interface Call {
  /** Its reason is thrown as it is. */
  readonly signal?: AbortSignal;
}

/**
 * One client for any number of registries; connections, tokens and what the registries asked for are kept between
 * calls, which may run at once. Everything throws RegistryError, or the reason of an aborted signal.
 */
export interface RegistryClient {
  /** The digest of the bytes that a tag or digest stands for; undefined where there is none. */
  readonly resolve: (reference: ImageReference, call?: Call) => Promise<Digest | undefined>;
  /** The manifest, its digest verified; `image-unknown` where there is none. */
  readonly fetchManifest: (reference: ImageReference, call?: Call) => Promise<Manifest>;
  /** Whether the registry says it has a manifest. */
  readonly hasManifest: (repository: Repository, digest: Digest, call?: Call) => Promise<boolean>;
  /** Puts a manifest by digest, or by tag when one is given. */
  readonly putManifest: (repository: Repository, manifest: Manifest, tag?: string, call?: Call) => Promise<void>;
  /** Removes a tag and nothing else; `unsupported` where the registry cannot and the tag is still there. */
  readonly deleteTag: (reference: ImageReference, call?: Call) => Promise<'deleted' | 'absent' | 'unsupported'>;
  /** Whether the registry says it has a blob; `content-mismatch` where it names another size. */
  readonly blobExists: (
    repository: Repository,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    call?: Call,
  ) => Promise<boolean>;
  /** Opens a blob for reading, verified on the way; `image-unknown` where there is none. Close it in any case. */
  readonly openBlob: (
    repository: Repository,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    call?: Call,
  ) => Promise<BlobStream>;
  /** Takes a blob over from another repository of the same registry, or opens an upload instead. */
  readonly mountBlob: (repository: Repository, mount: Mount, call?: Call) => Promise<MountOutcome>;
  /** Opens an upload; finish or cancel it. */
  readonly startUpload: (repository: Repository, call?: Call) => Promise<BlobUpload>;
  /** Ends all connections, those in use too. */
  readonly close: () => Promise<void>;
}

const DEFAULTS = { timeoutMs: 60_000, retryDelayMs: 200 } as const;

/** Makes a client. Nothing is connected before the first call; `close` it after the last one. */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const { credentials, hosts = {}, timeoutMs, retryDelayMs } = { ...DEFAULTS, ...options };
  const session = new RegistrySession({ credentials, hosts, timeoutMs, retryDelayMs });
  return {
    resolve: async (reference, call) => (await getManifest(session, reference, call?.signal))?.digest,
    fetchManifest: async (reference, call) => {
      const manifest = await getManifest(session, reference, call?.signal);
      if (manifest !== undefined) return manifest;
      const message = `fetch manifest ${formatReference(reference)}: the registry has none`;
      throw new RegistryError('image-unknown', message, { status: 404 });
    },
    hasManifest: (repository, digest, call) => headManifest(session, { repository, digest }, call?.signal),
    putManifest: (repository, manifest, tag, call) => putManifest(session, { repository, manifest, tag }, call?.signal),
    deleteTag: (reference, call) => deleteTag(session, reference, call?.signal),
    blobExists: (repository, blob, call) => headBlob(session, { repository, blob }, call?.signal),
    openBlob: (repository, blob, call) => getBlob(session, { repository, blob }, call?.signal),
    mountBlob: (repository, mount, call) => mountBlob(session, { repository, mount }, call?.signal),
    startUpload: (repository, call) => startUpload(session, repository, call?.signal),
    close: () => session.close(),
  };
}
