import pLimit from 'p-limit';
import type { LimitFunction } from 'p-limit';
import type { Dispatcher } from 'undici';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { TrustError } from './error.ts';
import { evaluatePolicy } from './evaluate-policy.ts';
import type { EvaluationOptions } from './evaluate-policy.ts';
import { readManifest, verifyManifestDigest } from './manifest.ts';
import type { Policy } from './policy.ts';
import { readLookaside } from './read-lookaside.ts';
import { withDefaultTag } from './scopes.ts';
import type { ImageVerdict, PlatformVerdict, Verdict } from './verdict.ts';

/** The one thing that is needed of a registry. */
export interface ManifestSource {
  /** The manifest under a tag or digest, as the registry's bytes. */
  readonly fetchManifest: (
    reference: ImageReference,
    options?: { readonly signal?: AbortSignal },
  ) => Promise<{ readonly digest: Digest; readonly bytes: Uint8Array }>;
}

/** What is judged, and where everything is read. */
export interface ImageToJudge {
  readonly client: ManifestSource;
  /** The image as a cluster asks for it; its tag is what signatures must claim. */
  readonly reference: ImageReference;
  /** Judges these bytes under `reference`, although its tag may not point to them (yet). */
  readonly digest?: Digest;
  readonly policy: Policy;
  /** The base of the signature store; undefined from the function means that there is none. */
  readonly lookasideBase: string | ((reference: ImageReference) => string | undefined);
  readonly now: Date;
  readonly signal?: AbortSignal;
  /** For reading signatures; undici's global one unless given. */
  readonly dispatcher?: Dispatcher;
  /** Certificates of the signature server's private authority, in PEM. */
  readonly ca?: string;
  readonly readFile?: EvaluationOptions['readFile'];
  /** Takes the place of the store. */
  readonly readSignatures?: (digest: Digest, signal?: AbortSignal) => Promise<readonly Uint8Array[]>;
}

const CONCURRENCY = 4;
/** An index in an index is legal and rare; deeper is nobody's image. */
const MAX_DEPTH = 3;
const MAX_MANIFESTS = 200;

/**
 * Judges an image as every cluster that pulls it would: each platform's manifest by its own signatures, under the
 * reference that was asked for. The index's own signature is reported, but readers never ask for it.
 * @throws TrustError when manifests or signatures cannot be read; whatever the client throws, unchanged.
 */
export async function judgeImage(input: ImageToJudge): Promise<ImageVerdict> {
  const reference = withDefaultTag(input.reference);
  const judge = new Judge({ ...input, reference });
  const { digest, bytes } = await input.client.fetchManifest(
    input.digest === undefined ? reference : byDigest(reference, input.digest),
    call(input),
  );
  const root = input.digest ?? digest;
  verifyManifestDigest(bytes, root);
  const manifest = readManifest(bytes, root);
  const platforms = await judge.platforms({ digest: root, bytes, depth: 0 });
  if (platforms.length === 0) {
    throw new TrustError('manifest-unsupported', `index ${root} of ${formatReference(reference)} names no manifest`);
  }
  return {
    accepted: platforms.every(({ verdict }) => verdict.accepted),
    digest: root,
    platforms,
    ...(manifest.kind === 'index' && { index: await judge.verdict(root) }),
  };
}

interface Found {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly depth: number;
  readonly platform?: string;
}

class Judge {
  readonly #input: ImageToJudge;
  readonly #limit: LimitFunction = pLimit(CONCURRENCY);
  #fetched = 0;

  constructor(input: ImageToJudge) {
    this.#input = input;
  }

  /** The verdicts of all images at or below a manifest, in the order of the index. */
  async platforms({ digest, bytes, depth, platform }: Found): Promise<PlatformVerdict[]> {
    const manifest = readManifest(bytes, digest);
    if (manifest.kind === 'image') {
      const verdict = await this.#limit(() => this.verdict(digest));
      return [{ digest, verdict, ...(platform !== undefined && { platform }) }];
    }
    if (depth === MAX_DEPTH) throw new TrustError('manifest-unsupported', `index ${digest} lies too deep in others`);
    const below = manifest.entries.map(async (entry) => {
      const found = await this.#limit(() => this.#fetch(entry.digest));
      const named = entry.platform ?? platform;
      return await this.platforms({ ...found, depth: depth + 1, ...(named !== undefined && { platform: named }) });
    });
    return (await Promise.all(below)).flat();
  }

  async verdict(digest: Digest): Promise<Verdict> {
    const { policy, reference, now, readFile } = this.#input;
    const image = { reference, manifestDigest: digest };
    const signatures = await this.#signatures(digest);
    return await evaluatePolicy(policy, image, signatures, { now, ...(readFile !== undefined && { readFile }) });
  }

  async #fetch(digest: Digest): Promise<{ readonly digest: Digest; readonly bytes: Uint8Array }> {
    if (++this.#fetched > MAX_MANIFESTS) {
      throw new TrustError('manifest-unsupported', `more than ${MAX_MANIFESTS} manifests belong to the image`);
    }
    const { bytes } = await this.#input.client.fetchManifest(
      byDigest(this.#input.reference, digest),
      call(this.#input),
    );
    verifyManifestDigest(bytes, digest);
    return { digest, bytes };
  }

  async #signatures(digest: Digest): Promise<readonly Uint8Array[]> {
    const { lookasideBase, reference, signal, dispatcher, ca, readSignatures } = this.#input;
    if (readSignatures !== undefined) return await readSignatures(digest, signal);
    const base = typeof lookasideBase === 'string' ? lookasideBase : lookasideBase(reference);
    if (base === undefined) return [];
    return await readLookaside(base, reference.path, digest, {
      ...(signal !== undefined && { signal }),
      ...(dispatcher !== undefined && { dispatcher }),
      ...(ca !== undefined && { ca }),
    });
  }
}

function byDigest({ domain, path }: ImageReference, digest: Digest): ImageReference {
  return { domain, path, digest };
}

function call({ signal }: ImageToJudge): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
