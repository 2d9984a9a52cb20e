import { deadlineAfter } from '../deadline/index.ts';
import type { RegistryClient } from '../oci/index.ts';
import type { ReplicaConfig } from '../signature-server/index.ts';
import { formatReference, nameUnder } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/** What is examined, and through whose eyes. */
export interface Patient {
  readonly image: ImageReference;
  readonly environment: ExaminedEnvironment;
  /** Where the environment's images come from, for the way out; undefined in the first one. */
  readonly origin?: { readonly name: string; readonly registry: string };
  /** What the check of the configuration says against this environment. */
  readonly problems?: readonly string[];
  readonly client: RegistryClient;
  /** A node's own policy.json; else the policy that the environment's clusters get. */
  readonly policy?: { readonly file: string; readonly bytes: Uint8Array };
  /** A node's own directory; else signatures are looked for where the environment serves them. */
  readonly registriesD?: string;
  readonly now: Date;
  readonly signal?: AbortSignal;
  /** Whether every blob is read and compared with its digest, too; else only asked for. */
  readonly isThorough?: boolean;
  /** For each request to signature servers; 10 s. */
  readonly requestTimeoutMs?: number;
}

/** What is public about the environment. */
export interface ExaminedEnvironment {
  readonly name: string;
  readonly registry: string;
  readonly publicKeyFiles: readonly string[];
  readonly servedAt: string;
  readonly replicas?: ReplicaConfig;
  /** Certificates of the signature server's private authority, in PEM. */
  readonly ca?: string;
}

/** The commands that most findings end in. */
export interface Remedies {
  /** Promotes the image again: joins what runs, and repeats what is missing. */
  readonly promote: string;
  /** Brings what the registry lost. */
  readonly copy: string;
  readonly image: string;
}

/** The commands for this image. */
export function remediesFor({ image, environment, origin }: Patient): Remedies {
  const text = formatReference(image);
  const name = nameUnder(environment.registry, image);
  if (name === undefined) {
    return { promote: `countersign start IMAGE --to ${environment.name}`, copy: 'countersign copy', image: text };
  }
  const { tag, digest } = image;
  const asked = digest === undefined ? `${name}:${tag ?? 'latest'}` : `${name}@${digest} --tag ${tag ?? 'TAG'}`;
  const suffix = digest === undefined ? `:${tag ?? 'latest'}` : `@${digest}`;
  const promote = `countersign start ${asked} --to ${environment.name}`;
  const copy =
    origin === undefined ? `push ${text} again` : `countersign copy ${origin.registry}/${name}${suffix} ${text}`;
  return { promote, copy, image: text };
}

/** The time that one request may take, and the caller's own end. */
export function requestSignal({ signal, requestTimeoutMs = 10_000 }: Patient): AbortSignal {
  const own = deadlineAfter(requestTimeoutMs);
  return signal === undefined ? own : AbortSignal.any([signal, own]);
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of whatever was thrown, where it has one. */
export function codeOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
