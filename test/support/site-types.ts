import type { CommandOutcome } from './command.ts';
import type { DockerRegistry, DockerRegistryOptions } from './docker-registry.ts';
import type { GitHost, GitHostRepository } from './git-host.ts';
import type { RunningProcess, TemporalServer } from './parts/index.mjs';
import type { SampleImage, SampleImageOptions } from './sample-image.ts';

/** One environment of a site. */
export interface SiteEnvironment {
  readonly name: string;
  readonly registry: DockerRegistry;
  /** `host:port/acme`. */
  readonly prefix: string;
  readonly repository: GitHostRepository;
  readonly signatureServer: { readonly url: string; readonly servedAt: string; process: RunningProcess };
  readonly publicKeyFile: string;
  readonly secrets: string;
}

/** What a test or the demonstration wants otherwise. */
export interface SiteOptions {
  /** An existing folder that the site may fill. */
  readonly folder: string;
  /** Names in the order of the route; default dev, qa, prod. */
  readonly route?: readonly string[];
  /** Gates by environment, as the configuration writes them; default none for the first, one approval for the others. */
  readonly gates?: Readonly<Record<string, unknown>>;
  /** Merged over an environment's part of the configuration. */
  readonly overrides?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly registries?: Readonly<Record<string, DockerRegistryOptions>>;
  readonly keyType?: 'rsa3072' | 'ed25519';
  /** Gets one line per part that came up. */
  readonly log?: (line: string) => void;
  readonly uiPort?: true;
}

/** What was started. */
export interface SiteParts {
  readonly folder: string;
  readonly configurationFile: string;
  readonly temporal: TemporalServer;
  readonly gitHost: GitHost;
  readonly environments: readonly SiteEnvironment[];
  /** Runs the `countersign` command with this site's configuration. */
  readonly run: (...args: readonly string[]) => Promise<CommandOutcome>;
}

/** A running site. */
export interface Site extends SiteParts {
  readonly environment: (name: string) => SiteEnvironment;
  /** Running workers by name: `orchestrator` and the environments. */
  readonly workers: Map<string, RunningProcess>;
  /** Starts the orchestrator and every environment's worker, or only those named. */
  readonly startWorkers: (...names: readonly string[]) => Promise<void>;
  /** Pushes a sample image to the first environment. */
  readonly push: (name: string, tag: string, options?: SampleImageOptions) => Promise<SampleImage>;
  readonly stop: () => Promise<void>;
}
