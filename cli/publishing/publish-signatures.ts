import { verifySignature } from '../../activities/signing/index.ts';
import type { KeyRing, VerifiedSignature } from '../../activities/signing/index.ts';
import type { OneShotResult, SignatureStore } from '../../activities/signature-store/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { Terminal } from '../terminal.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError } from '../failure.ts';
import type { SignedImage } from './image-manifests.ts';
import { findHopeless, readOffer } from './offered-signatures.ts';
import type { Offer, RefusedFile } from './offered-signatures.ts';

/** Where signatures are published, and whose count. */
export interface PublishingPlace {
  readonly store: SignatureStore;
  readonly repository: string;
  readonly branch: string;
  readonly keys: KeyRing;
}

/** What is published. */
export interface PublishWish {
  readonly image: SignedImage;
  /** Absolute. */
  readonly directory: string;
  readonly publishedBy: string;
  readonly message?: string;
  readonly dryRun: boolean;
}

/** Where one signature stands in the repository. */
export interface PublishedFile {
  readonly digest: Digest;
  readonly path: string;
  readonly number: number;
}

/** The JSON of `publish`. */
export interface PublishSummary {
  readonly image: string;
  readonly digest: Digest;
  readonly repository: string;
  readonly branch: string;
  /** Null where the repository is empty, and only a plan was made. */
  readonly commit: string | null;
  readonly added: readonly PublishedFile[];
  readonly present: readonly PublishedFile[];
  readonly refused: readonly RefusedFile[];
  /** Manifests of the image for which the directory holds nothing. */
  readonly unsigned: readonly Digest[];
  readonly outcome: 'published' | 'unchanged' | 'to-publish';
}

/**
 * Publishes an image's signatures from a directory: all that are good, each where an equal one does not stand already.
 * @throws CliError `refused` where a manifest has only files that are not taken, `notFound` where nothing is there at
 * all; SignatureStoreError. Nothing is published then.
 */
export async function publishSignatures(
  { terminal, place }: { readonly terminal: Terminal; readonly place: PublishingPlace },
  { image, directory, publishedBy, message, dryRun }: PublishWish,
): Promise<PublishSummary> {
  const { store, keys, repository, branch } = place;
  const now = new Date(terminal.now());
  const { reference, digest } = image;
  const digests = image.manifests.map((manifest) => manifest.digest);
  const offer = await readOffer({ directory, reference, digests, keys, now });
  requireOffer(offer, image, directory);
  const input = {
    record: { reference: formatReference(reference), digest, publishedBy, ...(message !== undefined && { message }) },
    repositoryPath: reference.path,
    signatures: offer.signatures,
    time: now.toISOString(),
    isEqual: equalBy(keys, now),
  };
  const call = { signal: terminal.signal };
  const result = await (dryRun ? store.planToAdd(input, call) : store.add(input, call));
  const signed = new Set(offer.signatures.map((one) => one.digest));
  return {
    ...{ image: formatReference(reference), digest, repository, branch, commit: result.commit ?? null },
    ...sorted(result),
    refused: offer.refused,
    unsigned: digests.filter((one) => !signed.has(one)),
    outcome: !result.changed ? 'unchanged' : dryRun ? 'to-publish' : 'published',
  };
}

function requireOffer(offer: Offer, image: SignedImage, directory: string): void {
  const refused = findHopeless(offer, image, directory);
  if (refused.length === 0) return;
  const lines = refused.map(({ path, reason }) => `  ${path}: ${reason}`);
  throw new CliError(EXIT.refused, `no signature in ${directory} is good; nothing is published`, lines);
}

/** Equal is a still valid signature of the same key over the same claim, never the same bytes. */
function equalBy(keys: KeyRing, now: Date): (existing: Uint8Array, ours: Uint8Array) => Promise<boolean> {
  const read = async (blob: Uint8Array): Promise<VerifiedSignature | undefined> =>
    await verifySignature(blob, keys, { now }).catch(() => undefined);
  return async (existing, ours) => {
    const [one, other] = await Promise.all([read(existing), read(ours)]);
    if (one === undefined || other === undefined) return false;
    const isSameKey = one.fingerprint === other.fingerprint;
    return isSameKey && one.digest === other.digest && one.dockerReference === other.dockerReference;
  };
}

function sorted({ signatures }: OneShotResult): Pick<PublishSummary, 'added' | 'present'> {
  const files = (added: boolean): PublishedFile[] =>
    signatures.filter((one) => one.added === added).map(({ digest, path, number }) => ({ digest, path, number }));
  return { added: files(true), present: files(false) };
}
