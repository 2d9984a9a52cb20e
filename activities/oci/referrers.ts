import pLimit from 'p-limit';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference, formatRepository } from '../../workflows/domain/reference.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import type { Call, RegistryClient } from './client.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import { readImageTree } from './image-tree.ts';
import type { Manifest } from './manifest.ts';
import { cosignTags, readArtifact, readReferrers, referrersTag } from './referrer-index.ts';
import type { ListedReferrer } from './referrer-index.ts';

/** Something that is attached to a manifest of an image, or to something that is. */
export interface ReferrerDescriptor extends Descriptor {
  /** What it is, as its publisher calls it. */
  readonly artifactType?: string;
  /** By its `subject` (OCI 1.1), or by a tag that names the digest it is for. */
  readonly how: 'referrer' | 'cosign-tag';
  /** Of a cosign tag. */
  readonly tag?: string;
  /** The manifest that it is attached to. */
  readonly subject: Digest;
}

/** Signatures of attestations of images are the deepest that anybody has been seen to make. */
const MAX_DEPTH = 4;
const MAX_ARTIFACTS = 1000;
const CONCURRENCY = 4;

/**
 * Finds what is attached to an image, to each of its manifests, and to what was found: OCI referrers, and the tags of
 * cosign (`.sig`, `.att`, `.sbom`). Subjects come before what is attached to them. Nothing that is found was looked
 * into: a list may name what is not there, or refers to something else.
 * @throws RegistryError `image-unknown` for the image, `manifest-unsupported` for too many or too deep.
 */
export async function findReferrers(
  client: RegistryClient,
  repository: Repository,
  digest: Digest,
  call: Call = {},
): Promise<readonly ReferrerDescriptor[]> {
  const { domain, path } = repository;
  const { manifests } = await readImageTree(client, { domain, path, digest }, call);
  const finder = new ReferrerFinder(client, { domain, path }, call);
  // The image itself first: what people ask about is attached to it.
  return await finder.findBelow(manifests.map((node) => node.digest).reverse());
}

/** The manifest, or undefined where there is none. */
export async function fetchIfThere(
  client: RegistryClient,
  reference: ImageReference,
  call: Call,
): Promise<Manifest | undefined> {
  try {
    return await client.fetchManifest(reference, call);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'image-unknown') return undefined;
    throw error;
  }
}

class ReferrerFinder {
  readonly #client: RegistryClient;
  readonly #repository: Repository;
  readonly #call: Call;
  #hasList = true;

  constructor(client: RegistryClient, repository: Repository, call: Call) {
    this.#client = client;
    this.#repository = repository;
    this.#call = call;
  }

  async findBelow(subjects: readonly Digest[]): Promise<readonly ReferrerDescriptor[]> {
    const limit = pLimit(CONCURRENCY);
    const seen = new Set(subjects);
    const found: ReferrerDescriptor[] = [];
    let level = subjects;
    for (let depth = 1; level.length > 0; depth++) {
      const attached = (await limit.map(level, (digest) => this.#attachedTo(digest))).flat();
      if (attached.length > 0 && depth > MAX_DEPTH) throw this.#tooMuch(`${MAX_DEPTH} attached to each other`);
      found.push(...attached);
      if (found.length > MAX_ARTIFACTS) throw this.#tooMuch(`${MAX_ARTIFACTS} attached to it`);
      level = [...new Set(attached.map(({ digest }) => digest))].filter((digest) => !seen.has(digest));
      for (const digest of level) seen.add(digest);
    }
    return found;
  }

  async #attachedTo(subject: Digest): Promise<readonly ReferrerDescriptor[]> {
    this.#call.signal?.throwIfAborted();
    const listed = await this.#list(subject);
    const referrers = new Map(listed.map((entry) => [entry.digest, { ...entry, how: 'referrer' as const, subject }]));
    const tagged: ReferrerDescriptor[] = [];
    for (const tag of cosignTags(subject)) {
      const one = await this.#tagged(tag, subject);
      if (one !== undefined) tagged.push(one);
    }
    return [...referrers.values(), ...tagged];
  }

  async #list(subject: Digest): Promise<readonly ListedReferrer[]> {
    if (this.#hasList) {
      const listed = await this.#client.listReferrers(this.#repository, subject, this.#call);
      if (listed !== undefined) return listed;
      this.#hasList = false;
    }
    const reference = { ...this.#repository, tag: referrersTag(subject) };
    const list = await fetchIfThere(this.#client, reference, this.#call);
    return list === undefined ? [] : readReferrers(list.bytes, `the list ${formatReference(reference)}`);
  }

  async #tagged(tag: string, subject: Digest): Promise<ReferrerDescriptor | undefined> {
    const reference = { ...this.#repository, tag };
    const manifest = await fetchIfThere(this.#client, reference, this.#call);
    if (manifest === undefined) return undefined;
    const { digest, mediaType, bytes } = manifest;
    const { kind } = readArtifact(manifest, `manifest ${formatReference(reference)}`);
    const artifactType = kind === undefined ? {} : { artifactType: kind };
    return { digest, mediaType, size: bytes.length, ...artifactType, how: 'cosign-tag', tag, subject };
  }

  #tooMuch(limit: string): RegistryError {
    const message = `find what is attached to an image in ${formatRepository(this.#repository)}: more than ${limit}`;
    return new RegistryError('manifest-unsupported', message);
  }
}
