import pLimit from 'p-limit';
import type { Digest } from '../../workflows/domain/digest.ts';
import { quote } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { JsonError, objectMembers, parseJson } from '../signing/json.ts';
import type { Call, RegistryClient } from './client.ts';
import type { ChildDescriptor, Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import { textOf } from './manifest-members.ts';
import { MANIFEST_LIMIT, readManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { kindOf } from './media-types.ts';

/** One image of one platform, as an index or a config names it. */
interface Candidate {
  readonly digest: Digest;
  readonly platform: string;
}

const MAX_DEPTH = 4;
const MAX_CANDIDATES = 1000;
const CONCURRENCY = 4;
/** BuildKit writes attestations beside images, for a platform that does not exist. */
const NO_PLATFORM = 'unknown/unknown';
const PLATFORM = /^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)?$/;
const ARCHITECTURES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  i386: ['386', ''],
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
};

/**
 * A platform in the form in which containerd and docker compare: lower case, macos is darwin, x86_64 is amd64, aarch64
 * is arm64, armhf is arm/v7, armel is arm/v6; amd64/v1 is amd64, arm64/v8 is arm64, arm alone is arm/v7.
 */
export function normalizePlatform(platform: string): string {
  const [system = '', machine = '', version = ''] = platform.toLowerCase().split('/');
  const os = system === 'macos' ? 'darwin' : system;
  const [architecture, fixed] = ARCHITECTURES[machine] ?? [machine];
  const variant = normalizeVariant(architecture, fixed ?? version);
  return [os, architecture, ...(variant === '' ? [] : [variant])].join('/');
}

/**
 * The manifest of one platform of an image, by its own digest: the index stays whole where it is. The platform must
 * be there exactly once, as `normalizePlatform` compares; an image without an index must be for it.
 * @throws RegistryError `reference-invalid` for what is no platform, `image-unknown` naming those that there are.
 */
export async function selectPlatform(
  client: RegistryClient,
  reference: ImageReference,
  platform: string,
  call: Call = {},
): Promise<ImageReference> {
  if (!PLATFORM.test(platform)) {
    throw new RegistryError('reference-invalid', `platform ${quote(platform)}: expected OS/ARCH[/VARIANT]`);
  }
  const finder = new PlatformFinder(client, reference, call);
  const candidates = await finder.findAll();
  const wanted = normalizePlatform(platform);
  const matches = candidates.filter((one) => normalizePlatform(one.platform) === wanted);
  const digests = [...new Set(matches.map(({ digest }) => digest))];
  const [digest] = digests;
  const { domain, path } = reference;
  if (digest !== undefined && digests.length === 1) return { domain, path, digest };
  throw refusal(`select ${wanted} of ${formatReference(reference)}`, { digests, candidates });
}

class PlatformFinder {
  readonly #client: RegistryClient;
  readonly #reference: ImageReference;
  readonly #call: Call;

  constructor(client: RegistryClient, reference: ImageReference, call: Call) {
    this.#client = client;
    this.#reference = reference;
    this.#call = call;
  }

  async findAll(): Promise<readonly Candidate[]> {
    const root = await this.#client.fetchManifest(this.#reference, this.#call);
    return await this.#candidatesOf(root, 0);
  }

  async #candidatesOf(manifest: Manifest, depth: number): Promise<readonly Candidate[]> {
    const subject = `manifest ${formatReference(this.#at(manifest.digest))}`;
    const { kind, children, blobs } = readManifest(manifest.bytes, manifest.mediaType, subject);
    if (kind === 'image') return [{ digest: manifest.digest, platform: await this.#platformIn(blobs[0], subject) }];
    if (depth >= MAX_DEPTH || children.length > MAX_CANDIDATES) {
      const limit = `${MAX_DEPTH} indexes in each other, or ${MAX_CANDIDATES} manifests`;
      throw new RegistryError('manifest-unsupported', `${subject}: more than ${limit}`);
    }
    const limit = pLimit(CONCURRENCY);
    return (await limit.map(children, (child) => this.#candidatesBelow(child, depth))).flat();
  }

  async #candidatesBelow(
    { digest, mediaType, platform }: ChildDescriptor,
    depth: number,
  ): Promise<readonly Candidate[]> {
    const isImage = kindOf(mediaType) === 'image';
    if (isImage && platform !== undefined) return platform === NO_PLATFORM ? [] : [{ digest, platform }];
    if (kindOf(mediaType) === undefined) return [];
    return await this.#candidatesOf(await this.#client.fetchManifest(this.#at(digest), this.#call), depth + 1);
  }

  /** What the config of an image says; something else than an image has no platform. */
  async #platformIn(config: Descriptor | undefined, subject: string): Promise<string> {
    if (config === undefined || config.size > MANIFEST_LIMIT) return NO_PLATFORM;
    const bytes = await this.#client.readBlob(this.#reference, config, this.#call);
    try {
      const members = objectMembers(parseJson(bytes), 'config');
      const [os, architecture, variant] = ['os', 'architecture', 'variant'].map((name) => textOf(members.get(name)));
      if (!os || !architecture) return NO_PLATFORM;
      return [os, architecture, ...(variant ? [variant] : [])].join('/');
    } catch (cause) {
      if (!(cause instanceof JsonError)) throw cause;
      throw new RegistryError('manifest-unsupported', `${subject}: its config is refused: ${cause.message}`, { cause });
    }
  }

  #at(digest: Digest): ImageReference {
    const { domain, path } = this.#reference;
    return { domain, path, digest };
  }
}

function normalizeVariant(architecture: string, variant: string): string {
  if (architecture === 'amd64') return variant === 'v1' ? '' : variant;
  if (architecture === 'arm64') return variant === '8' || variant === 'v8' ? '' : variant;
  if (architecture !== 'arm') return variant;
  if (variant === '') return 'v7';
  return /^\d$/.test(variant) ? `v${variant}` : variant;
}

function refusal(
  subject: string,
  { digests, candidates }: { readonly digests: readonly Digest[]; readonly candidates: readonly Candidate[] },
): RegistryError {
  if (digests.length > 1) {
    const message = `${subject}: there are ${digests.length}; name one by its digest: ${digests.slice(0, 10).join(', ')}`;
    return new RegistryError('reference-invalid', message);
  }
  const platforms = [...new Set(candidates.map(({ platform }) => normalizePlatform(platform)))]
    .filter((platform) => platform !== NO_PLATFORM)
    .sort();
  const there =
    platforms.length === 0 ? 'no platform is named' : `there are ${platforms.slice(0, 30).map(quote).join(', ')}`;
  return new RegistryError('image-unknown', `${subject}: the image has none; ${there}`);
}
