import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import { splitDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import { readManifest } from '../oci/index.ts';
import type { Descriptor, Manifest } from '../oci/index.ts';
import type { Findings } from './finding.ts';
import { codeOf, messageOf, remediesFor, requestSignal } from './patient.ts';
import type { Patient, Remedies } from './patient.ts';

/** One manifest that a cluster may ask for. */
export interface SeenManifest {
  readonly digest: Digest;
  readonly platform?: string;
}

/** The image as the registry shows it. */
export interface SeenImage {
  readonly digest: Digest;
  /** Images, not indexes: what clusters run, and what must be signed. */
  readonly platforms: readonly SeenManifest[];
  /** Where the image is an index, its own digest. */
  readonly index?: Digest;
}

const CONCURRENCY = 8;
const MAX_DEPTH = 3;
const MAX_MANIFESTS = 200;

/** Looks whether the image is there, whole; undefined where not even its manifest can be read. */
export async function examineRegistry(patient: Patient, findings: Findings): Promise<SeenImage | undefined> {
  const root = await fetchRoot(patient, findings);
  if (root === undefined) return undefined;
  const walk = new Walk(patient, findings);
  try {
    const { kind } = readManifest(root.bytes, root.mediaType, `manifest ${root.digest}`);
    const platforms = await walk.below(root, { depth: 0 });
    if (walk.missing === 0) {
      const blobs = `${walk.blobs} ${walk.blobs === 1 ? 'blob' : 'blobs'}`;
      const how = patient.isThorough === true ? 'with the bytes that their digests say' : 'present';
      findings.ok('registry', `${formatReference(patient.image)} is there: ${root.digest}, ${blobs} ${how}`);
    }
    return { digest: root.digest, platforms, ...(kind === 'index' && { index: root.digest }) };
  } catch (error) {
    patient.signal?.throwIfAborted();
    findings.fail('registry', messageOf(error), { mend: walk.remedies.copy });
    return undefined;
  }
}

async function fetchRoot(patient: Patient, findings: Findings): Promise<Manifest | undefined> {
  const { image, client } = patient;
  const remedies = remediesFor(patient);
  const asked = askedFor(image);
  try {
    return await client.fetchManifest(asked, { signal: requestSignal(patient) });
  } catch (error) {
    patient.signal?.throwIfAborted();
    findings.fail('registry', describeRefusal(error, asked), {
      why: messageOf(error),
      mend: mendOf(error, asked, remedies),
    });
    return undefined;
  }
}

function describeRefusal(error: unknown, asked: ImageReference): string {
  const { domain } = asked;
  switch (codeOf(error)) {
    case 'image-unknown':
      return `the registry has no ${formatReference(asked)}`;
    case 'access-denied':
      return `the registry ${domain} does not let these credentials read ${asked.path}`;
    case 'content-mismatch':
      return `the registry ${domain} sends other bytes than the digest says`;
    case 'manifest-unsupported':
      return `the manifest of ${formatReference(asked)} is of a kind that is not supported`;
    default:
      return `the registry ${domain} does not answer as one`;
  }
}

function mendOf(error: unknown, { domain }: ImageReference, remedies: Remedies): string {
  switch (codeOf(error)) {
    case 'image-unknown':
      return remedies.promote;
    case 'access-denied':
      return `podman login ${domain} (here), and the pull secret of the cluster`;
    case 'content-mismatch':
    case 'manifest-unsupported':
      return remedies.copy;
    default:
      return `curl -v https://${domain}/v2/ (bring the registry back, or correct its name and certificates)`;
  }
}

/** A digest says which manifest; registries take no tag beside it. */
function askedFor({ domain, path, tag, digest }: ImageReference): ImageReference {
  return digest === undefined ? { domain, path, tag: tag ?? 'latest' } : { domain, path, digest };
}

class Walk {
  readonly remedies: Remedies;
  missing = 0;
  blobs = 0;
  readonly #patient: Patient;
  readonly #findings: Findings;
  readonly #repository: Repository;
  readonly #limit = pLimit(CONCURRENCY);
  readonly #asked = new Map<Digest, Promise<void>>();
  #manifests = 0;

  constructor(patient: Patient, findings: Findings) {
    this.#patient = patient;
    this.#findings = findings;
    this.#repository = { domain: patient.image.domain, path: patient.image.path };
    this.remedies = remediesFor(patient);
  }

  /** The images at and below a manifest, also those that are missing: the signatures of these can be looked at. */
  async below(
    manifest: Manifest,
    { depth, platform }: { readonly depth: number; readonly platform?: string },
  ): Promise<readonly SeenManifest[]> {
    const { digest, bytes, mediaType } = manifest;
    const content = readManifest(bytes, mediaType, `manifest ${digest}`);
    const named = platform === undefined ? {} : { platform };
    if (content.kind === 'image') {
      await Promise.all(content.blobs.map((blob) => this.#blob(blob, platform)));
      return [{ digest, ...named }];
    }
    if (depth === MAX_DEPTH) throw new Error(`index ${digest} lies too deep in others`);
    this.#manifests += content.children.length;
    if (this.#manifests > MAX_MANIFESTS) throw new Error(`more than ${MAX_MANIFESTS} manifests belong to the image`);
    if (content.children.length === 0) {
      this.#miss(`the index ${digest} names no manifest, so there is nothing to run`);
    }
    const children = content.children.map(async (child) => {
      const own = child.platform ?? platform;
      const found = await this.#limit(() => this.#fetch(child.digest, own));
      const name = own === undefined ? {} : { platform: own };
      return found === undefined
        ? [{ digest: child.digest, ...name }]
        : this.below(found, { depth: depth + 1, ...name });
    });
    return (await Promise.all(children)).flat();
  }

  async #fetch(digest: Digest, platform: string | undefined): Promise<Manifest | undefined> {
    const { client } = this.#patient;
    try {
      return await client.fetchManifest({ ...this.#repository, digest }, { signal: requestSignal(this.#patient) });
    } catch (error) {
      this.#patient.signal?.throwIfAborted();
      const isGone = codeOf(error) === 'image-unknown';
      const what = isGone ? 'is missing in the registry' : 'cannot be read from the registry';
      this.#miss(
        `the manifest of ${platform ?? 'a platform'} ${what}: ${digest}`,
        isGone ? undefined : messageOf(error),
      );
      return undefined;
    }
  }

  /** Platforms share blobs; each is asked for once. */
  async #blob(blob: Descriptor, platform: string | undefined): Promise<void> {
    const asked = this.#asked.get(blob.digest) ?? this.#limit(() => this.#askBlob(blob, platform));
    this.#asked.set(blob.digest, asked);
    await asked;
  }

  async #askBlob(blob: Descriptor, platform: string | undefined): Promise<void> {
    const { client } = this.#patient;
    const subject = `blob ${blob.digest} of ${platform ?? 'the image'}`;
    try {
      this.blobs += 1;
      if (!(await client.blobExists(this.#repository, blob, { signal: requestSignal(this.#patient) }))) {
        this.#miss(`${subject} is missing in the registry`, 'a garbage collection may have taken it');
      } else if (this.#patient.isThorough === true && !(await this.#hasItsBytes(blob))) {
        const why = 'whoever pulls it refuses it';
        const mend = `remove the blob from the storage of ${this.#repository.domain}, then: ${this.remedies.copy}`;
        this.#miss(`${subject} has other bytes in the registry than its digest says`, why, mend);
      }
    } catch (error) {
      this.#patient.signal?.throwIfAborted();
      this.#miss(`${subject} cannot be read from the registry`, messageOf(error));
    }
  }

  async #hasItsBytes(blob: Descriptor): Promise<boolean> {
    const { client, signal } = this.#patient;
    const { algorithm, hex } = splitDigest(blob.digest);
    const hash = createHash(algorithm);
    const take = (piece: Uint8Array): undefined => void hash.update(piece);
    await client.streamBlob({ repository: this.#repository, blob, take }, signal === undefined ? {} : { signal });
    return hash.digest('hex') === hex;
  }

  #miss(what: string, why?: string, mend: string = this.remedies.copy): void {
    this.missing += 1;
    this.#findings.fail('registry', what, { mend, ...(why !== undefined && { why }) });
  }
}
