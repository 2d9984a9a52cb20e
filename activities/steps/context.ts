import type { RegistryClient } from '../oci/index.ts';
import type { Replica, RebuildTrigger } from '../signature-server/index.ts';
import type { SignatureStore } from '../signature-store/index.ts';
import type { SigningKey } from '../signing/index.ts';
import type { EnvironmentFacts } from '../../workflows/domain/steps.ts';

/** What a step call carries beside its input. */
export interface StepCall {
  readonly signal: AbortSignal;
  /** When the step was scheduled, by Temporal's clock; the same for every attempt. */
  readonly scheduledAt?: number;
  /** Reports progress; the last report travels with the next heartbeat. */
  readonly progress: (details: unknown) => void;
  /** The last report of an earlier attempt, perhaps of another worker and another version. */
  readonly untrustedEarlier?: unknown;
}

/** What is public about an environment: enough to find its images and to judge them as its clusters do. */
export interface EnvironmentView {
  readonly environment: string;
  /** Registry prefix. */
  readonly registry: string;
  /** Files of the public keys whose signatures count there; read anew for every judgement. */
  readonly publicKeyFiles: readonly string[];
  /** The one address under which its clusters read signatures. */
  readonly servedAt: string;
}

/** One environment as its own worker sees it. Nothing in it comes from whoever started a promotion. */
export interface EnvironmentContext extends EnvironmentView {
  /** The facts without the gate's approvers, which are read anew each time. */
  readonly readFacts: () => Promise<EnvironmentFacts>;
  /** The environments before this one on the route, nearest first. */
  readonly earlier: readonly EnvironmentView[];
  readonly minimumValidityMs: number;
  /** Reaches this environment's registry, and reads the origin's with the credential issued for that. */
  readonly registryClient: RegistryClient;
  readonly copyConcurrency: number;
  /** Read anew, because a key may be rotated while a promotion waits. */
  readonly readSigningKey: () => Promise<SigningKey>;
  readonly store: SignatureStore;
  readonly repository: { readonly url: string; readonly branch: string; readonly directory: string };
  readonly rebuild: RebuildTrigger;
  /** Every replica behind `servedAt`; empty where the configuration names none. */
  readonly resolveReplicas: (signal: AbortSignal) => Promise<readonly Replica[]>;
  /** Authorities that vouch for the signature servers, in PEM, instead of the system's. */
  readonly ca?: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
