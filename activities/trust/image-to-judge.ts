import type { Dispatcher } from 'undici';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import type { EvaluationOptions } from './evaluation.ts';
import type { Policy } from './policy.ts';
import type { ReadSignatures, SignatureExtension } from './registry-extension.ts';

/** What is needed of a registry; one that keeps signatures itself is asked for them, and the store is not read. */
export interface ManifestSource extends Partial<SignatureExtension> {
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
  readonly readSignatures?: ReadSignatures;
}
