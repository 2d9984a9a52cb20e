import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { Call } from './client.ts';
import { copyImage } from './copy.ts';
import type { CopyOptions } from './copy.ts';
import { RegistryError, onSide } from './error.ts';
import { examineArtifact, isOfArtifact } from './examine-artifact.ts';
import type { Hindrance } from './examine-artifact.ts';
import type { Manifest } from './manifest.ts';
import { recordReferrers } from './record-referrers.ts';
import { findReferrers } from './referrers.ts';
import type { ReferrerDescriptor } from './referrers.ts';
import { runLimited } from './run-limited.ts';

/** What is carried along with an image that is at the target already. */
export interface CarryOptions extends Omit<CopyOptions, 'tag' | 'untrustedUploads'> {
  /** Told of each artifact as soon as it is done. */
  readonly onArtifact?: (artifact: CarriedArtifact) => void;
}

/** What became of one thing that is attached to an image. */
export interface CarriedArtifact {
  readonly digest: Digest;
  /** What it is, as its publisher calls it; nothing of it was verified. */
  readonly artifactType: string | null;
  readonly how: ReferrerDescriptor['how'];
  /** Of a cosign tag. */
  readonly tag?: string;
  /** The manifest that it is attached to. */
  readonly subject: Digest;
  readonly bytesCopied: number;
  /**
   * `conflict`: the target has something else under the tag, and keeps it. `missing`: the source lists it, and does not
   * have it. `refused`: it is not what the source lists it as, or nothing that can be copied.
   */
  readonly outcome: 'copied' | 'present' | Hindrance;
  /** Of everything but `copied` and `present`. */
  readonly reason?: string;
}

interface Carried {
  readonly artifact: CarriedArtifact;
  /** Of a referrer that is at the target. */
  readonly manifest?: Manifest;
}

const CONCURRENCY = 4;

/**
 * Carries what is attached to an image to where the image was copied: OCI referrers and cosign tags, with what is
 * attached to these in turn. Each is copied by its own digest, and listed with its subject at the target. What cannot
 * be carried is told and keeps nothing else from being carried; no tag of the target is ever moved.
 * @throws RegistryError with `side`, for failures of the registries.
 */
export async function carryArtifacts(options: CarryOptions): Promise<readonly CarriedArtifact[]> {
  const { source, signal, bytesPerSecond, concurrency = CONCURRENCY } = options;
  const { digest } = source.reference;
  if (digest === undefined) {
    const message = `carry artifacts of ${formatReference(source.reference)}: expected a reference with a digest`;
    throw new RegistryError('reference-invalid', message, { side: 'source' });
  }
  const call = signal === undefined ? {} : { signal };
  const found = await onSide('source', findReferrers(source.client, source.reference, digest, call));
  const carrier = new Carrier(options);
  const carried = new Map<ReferrerDescriptor, Carried>();
  // A limit of bytes per second is that of one copy; two at once would have twice as many.
  const atOnce = bytesPerSecond === undefined ? concurrency : 1;
  await runLimited(found, { concurrency: atOnce, signal }, async (one, stop) => {
    carried.set(one, await carrier.carry(one, stop));
  });
  const all = found.flatMap((one) => carried.get(one) ?? []);
  return await carrier.record(all, call);
}

class Carrier {
  readonly #options: CarryOptions;

  constructor(options: CarryOptions) {
    this.#options = options;
  }

  async carry(one: ReferrerDescriptor, signal: AbortSignal): Promise<Carried> {
    const { client, repository } = this.#options.target;
    const call = { signal };
    const look = await examineArtifact(this.#options, one, call);
    if (!('manifest' in look)) return this.#failed(one, look);
    try {
      const wasThere = await onSide('target', client.hasManifest(repository, one.digest, call));
      const bytesCopied = await this.#copy(one, signal);
      const outcome = wasThere && bytesCopied === 0 ? 'present' : 'copied';
      const { manifest, artifactType } = look;
      return { artifact: { ...toArtifact(one, { outcome, bytesCopied }), artifactType }, manifest };
    } catch (error) {
      if (isOfArtifact(error)) return this.#failed(one, { outcome: 'refused', reason: error.message });
      throw error;
    }
  }

  /** Lists the referrers with their subjects, one list at a time: they are written as a whole. */
  async record(carried: readonly Carried[], call: Call): Promise<readonly CarriedArtifact[]> {
    const { client, repository } = this.#options.target;
    const bySubject = new Map<Digest, Manifest[]>();
    for (const { artifact, manifest } of carried) {
      if (manifest === undefined || artifact.how !== 'referrer') continue;
      bySubject.set(artifact.subject, [...(bySubject.get(artifact.subject) ?? []), manifest]);
    }
    const failures = new Map<Digest, string>();
    for (const [subject, artifacts] of bySubject) {
      const recorded = recordReferrers({ client, repository, subject, artifacts }, call);
      const outcome = await onSide('target', recorded).catch(refusalMessage);
      if (outcome !== 'recorded') failures.set(subject, outcome === 'conflict' ? NO_LIST : outcome);
    }
    return carried.map(({ artifact, manifest }) => {
      const isListed = manifest !== undefined && artifact.how === 'referrer';
      const reason = isListed ? failures.get(artifact.subject) : undefined;
      const told: CarriedArtifact = reason === undefined ? artifact : { ...artifact, outcome: 'conflict', reason };
      if (manifest !== undefined) this.#options.onArtifact?.(told);
      return told;
    });
  }

  async #copy({ digest, tag }: ReferrerDescriptor, signal: AbortSignal): Promise<number> {
    const { source } = this.#options;
    const { domain, path } = source.reference;
    const own = { source: { client: source.client, reference: { domain, path, digest } }, signal, concurrency: 1 };
    const { bytesCopied } = await copyImage({ ...this.#options, ...own, ...(tag !== undefined && { tag }) });
    return bytesCopied;
  }

  #failed(one: ReferrerDescriptor, why: { readonly outcome: Hindrance; readonly reason: string }): Carried {
    const artifact = toArtifact(one, { ...why, bytesCopied: 0 });
    this.#options.onArtifact?.(artifact);
    return { artifact };
  }
}

const NO_LIST = 'the target has something else than a list under the tag of the referrers, which stays';

function toArtifact(
  { digest, artifactType, how, tag, subject }: ReferrerDescriptor,
  fields: Pick<CarriedArtifact, 'outcome' | 'bytesCopied' | 'reason'>,
): CarriedArtifact {
  return { digest, artifactType: artifactType ?? null, how, ...(tag !== undefined && { tag }), subject, ...fields };
}

function refusalMessage(error: unknown): string {
  if (error instanceof RegistryError && ['manifest-unsupported', 'registry-refused'].includes(error.code)) {
    return error.message;
  }
  throw error;
}
