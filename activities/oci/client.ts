import type { Digest } from '../../workflows/domain/digest.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import { formatReference, formatRepository } from '../../workflows/domain/reference.ts';
import { headBlob } from './blob-requests.ts';
import type { RegistryCredentials } from './credentials.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import { deleteTag, getManifest, headManifest, putManifest } from './manifest-requests.ts';
import type { PutOutcome } from './manifest-requests.ts';
import { MountHabits, learnMountHabit, openUpload } from './open-upload.ts';
import type { OpenOutcome, WantedBlob } from './open-upload.ts';
import { readBlob, readWholeBlob } from './read-blob.ts';
import type { BlobReading } from './read-blob.ts';
import type { Manifest } from './manifest.ts';
import { endpointOf } from './registry-endpoint.ts';
import type { ListedReferrer } from './referrer-index.ts';
import { getReferrers } from './referrer-requests.ts';
import type { ProxySettings } from './proxy.ts';
import type { RegistryHosts } from './registry-endpoint.ts';
import { RegistrySession } from './session.ts';
import { addSignature, listSignatures, supportsSignatures } from './signature-extension.ts';
import { resumeUpload } from './upload-requests.ts';
import type { BlobUpload } from './upload-requests.ts';

/** How registries are reached; every field has a default. */
export interface RegistryClientOptions {
  /** Default: anonymous. */
  readonly credentials?: RegistryCredentials;
  /** By host with optional port, as references write it. Default: https by the system's authorities, loopback http. */
  readonly hosts?: RegistryHosts;
  /** Default: none; `proxySettingsOf` reads an environment. */
  readonly proxy?: ProxySettings;
  /** Idle time of a stream, and the whole time of any other exchange, in milliseconds. Default: 60,000. */
  readonly timeoutMs?: number;
  /** Pause before a GET or HEAD is repeated, doubled the second time, in milliseconds. Default: 200. */
  readonly retryDelayMs?: number;
  /** The longest pause a registry may ask for; with a longer one requests fail as `rate-limited`. Default: 60,000. */
  readonly patienceMs?: number;
  /** Requests per second to one host that are never exceeded. Default: found out from the host's own refusals. */
  readonly requestsPerSecond?: number;
  /** What carries large bodies: sockets of our own, or undici throughout. Default: `raw`. */
  readonly dataPath?: 'raw' | 'undici';
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
  /** The digest that the registry names for a tag, which proves nothing; undefined where it has or names none. */
  readonly untrustedDigest: (reference: ImageReference, call?: Call) => Promise<Digest | undefined>;
  /** Whether the registry says it has a manifest. */
  readonly hasManifest: (repository: Repository, digest: Digest, call?: Call) => Promise<boolean>;
  /** Puts a manifest by digest, or by tag when one is given. */
  readonly putManifest: (repository: Repository, manifest: Manifest, tag?: string, call?: Call) => Promise<PutOutcome>;
  /** What the registry says refers to a manifest; undefined where it keeps no such list (OCI 1.1). */
  readonly listReferrers: (
    repository: Repository,
    digest: Digest,
    call?: Call,
  ) => Promise<readonly ListedReferrer[] | undefined>;
  /** Removes a tag and nothing else; `unsupported` where the registry cannot and the tag is still there. */
  readonly deleteTag: (reference: ImageReference, call?: Call) => Promise<'deleted' | 'absent' | 'unsupported'>;
  /** Whether the registry says it has a blob; `content-mismatch` where it names another size. */
  readonly blobExists: (
    repository: Repository,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    call?: Call,
  ) => Promise<boolean>;
  /** Reads a blob of at most 16 MiB into memory, verified; `image-unknown` where there is none. */
  readonly readBlob: (
    repository: Repository,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    call?: Call,
  ) => Promise<Uint8Array>;
  /** Reads a blob of any size, **not** verified; goes on by range where the connection breaks. */
  readonly streamBlob: (reading: BlobReading, call?: Call) => Promise<void>;
  /** Finds a blob at the registry, takes it over from another repository there, or opens an upload for it. */
  readonly openUpload: (wanted: WantedBlob, call?: Call) => Promise<OpenOutcome>;
  /** An upload of earlier; nothing is asked yet. `registry-refused` for a location that is none of the repository. */
  readonly resumeUpload: (repository: Repository, untrustedLocation: string) => BlobUpload;
  /** Finds out, with a blob that is there, whether opening uploads tells about presence. Once per registry. */
  readonly learnMountHabit: (wanted: WantedBlob, call?: Call) => Promise<void>;
  /** Whether the registry keeps signatures itself (extension API); readers then look for them nowhere else. */
  readonly supportsSignatures: (repository: Repository, call?: Call) => Promise<boolean>;
  /** The signatures that the registry keeps, nothing verified; `image-unknown` for a manifest that it does not know. */
  readonly listSignatures: (repository: Repository, digest: Digest, call?: Call) => Promise<readonly Uint8Array[]>;
  /** Adds a signature of a manifest, unless the same bytes are there; what it says must be checked before. */
  readonly addSignature: (
    repository: Repository,
    signature: { readonly digest: Digest; readonly blob: Uint8Array },
    call?: Call,
  ) => Promise<'added' | 'present'>;
  /** Ends all connections, those in use too. */
  readonly close: () => Promise<void>;
}

const DEFAULTS = { timeoutMs: 60_000, retryDelayMs: 200, patienceMs: 60_000, dataPath: 'raw' } as const;
const IN_MEMORY_BYTES = 16 * 1024 * 1024;

/** Makes a client. Nothing is connected before the first call; `close` it after the last one. */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const { credentials, hosts = {}, ...rest } = { ...DEFAULTS, ...options };
  const session = new RegistrySession({ ...rest, credentials, hosts });
  const habits = new MountHabits();
  const at = (repository: Repository) => ({ repository, origin: endpointOf(repository, hosts).origin });
  return {
    resolve: async (reference, call) => (await getManifest(session, reference, call?.signal))?.digest,
    fetchManifest: async (reference, call) => {
      const manifest = await getManifest(session, reference, call?.signal);
      if (manifest !== undefined) return manifest;
      const message = `fetch manifest ${formatReference(reference)}: the registry has none`;
      throw new RegistryError('image-unknown', message, { status: 404 });
    },
    untrustedDigest: async (reference, call) => (await headManifest(session, reference, call?.signal)).untrustedDigest,
    hasManifest: async ({ domain, path }, digest, call) =>
      (await headManifest(session, { domain, path, digest }, call?.signal)).isThere,
    putManifest: (repository, manifest, tag, call) => putManifest(session, { repository, manifest, tag }, call?.signal),
    listReferrers: (repository, digest, call) => getReferrers(session, { repository, digest }, call?.signal),
    deleteTag: (reference, call) => deleteTag(session, reference, call?.signal),
    blobExists: (repository, blob, call) => headBlob(session, { repository, blob }, call?.signal),
    readBlob: (repository, blob, call) => {
      if (blob.size > IN_MEMORY_BYTES) throw tooLarge(repository, blob);
      return readWholeBlob(session, { repository, blob }, call?.signal);
    },
    streamBlob: (reading, call) => readBlob(session, reading, call?.signal),
    openUpload: (wanted, call) => openUpload(session, { wanted, habits }, call?.signal),
    resumeUpload: (repository, untrustedLocation) =>
      resumeUpload(session, repository, { untrustedLocation, origin: at(repository).origin }),
    learnMountHabit: (wanted, call) => learnMountHabit(session, { wanted, habits }, call?.signal),
    supportsSignatures: (repository, call) => supportsSignatures(session, at(repository), call?.signal),
    listSignatures: (repository, digest, call) => listSignatures(session, { ...at(repository), digest }, call?.signal),
    addSignature: (repository, signature, call) =>
      addSignature(session, { ...at(repository), ...signature }, call?.signal),
    close: () => session.close(),
  };
}

function tooLarge(repository: Repository, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): RegistryError {
  const message = `read blob ${formatRepository(repository)}@${digest}: expected at most ${IN_MEMORY_BYTES} bytes, received a size of ${size}`;
  return new RegistryError('manifest-unsupported', message);
}
