// What the rest of the program reads: every default filled in, paths absolute, durations in milliseconds, plain data.

/** The whole configuration. */
export interface Configuration {
  /** Absolute path of the file it was read from. */
  readonly file: string;
  /** The environments in the order in which images are promoted; at least one, each defined below. */
  readonly route: readonly string[];
  readonly temporal: TemporalConfiguration;
  /** How long a stalled promotion waits for an operator; default 30 days. */
  readonly stalledForMs: number;
  /** By name, in the order of the route; has no prototype. */
  readonly environments: Readonly<Record<string, EnvironmentConfiguration>>;
}

/** How Temporal is reached. */
export interface TemporalConfiguration {
  /** `HOST:PORT`; default `127.0.0.1:7233`. */
  readonly address: string;
  /** Default `default`. */
  readonly namespace: string;
  /** Absent: no TLS. Empty: TLS with the authorities of the system. */
  readonly tls?: {
    readonly ca?: string;
    readonly certificate?: string;
    readonly key?: string;
  };
}

/** One environment of the route. */
export interface EnvironmentConfiguration {
  readonly name: string;
  /** Images of this environment live below here: `HOST[:PORT][/NAMESPACE…]`. */
  readonly registry: string;
  /** Where images may come from besides `registry`; empty except in the first environment of the route. */
  readonly sources: readonly string[];
  /** By `HOST[:PORT]`; has no prototype. */
  readonly registries: Readonly<Record<string, RegistryOptions>>;
  /** Absolute path of the folder with this environment's secret files. */
  readonly secrets: string;
  readonly copy: {
    /** Blobs at the same time; default 4. */
    readonly concurrency: number;
  };
  readonly signatures: SignaturesConfiguration;
  readonly gate: GateConfiguration | 'none';
  readonly rebuild: RebuildConfiguration | 'none';
  /** How often a step is tried, some twenty minutes in all, before the promotion stalls; default 20. */
  readonly attempts: number;
  readonly confirm: {
    /** How long the signature server may take; default 30 minutes. */
    readonly withinMs: number;
  };
}

/** How one registry host is reached; never plain http with certificates. */
export interface RegistryOptions {
  /** Absent where it is not written: loopback hosts without certificates are reached without TLS then. */
  readonly plainHttp?: boolean;
  /** Absolute path of a file with certificates of a private authority. */
  readonly ca?: string;
  /** The secret files NAME.crt and NAME.key of this environment that the host is shown when it asks who we are. */
  readonly clientCertificate?: string;
  /** Origins to which the credential for this registry may go besides its own; may be empty. */
  readonly tokenServers: readonly string[];
}

/** Where signatures are kept and served, and whose count. */
export interface SignaturesConfiguration {
  /** Absolute paths; at least one. */
  readonly publicKeys: readonly string[];
  readonly repository: {
    /** https, ssh (both forms), or http to a loopback host; without password, query and fragment. */
    readonly url: string;
    /** Default `main`. */
    readonly branch: string;
    /** Without slash at its ends; default `images`. */
    readonly directory: string;
  };
  /** Without slash at the end. */
  readonly servedAt: string;
  /** Absent: replicas are not checked. */
  readonly replicas?: ReplicasConfiguration;
  /** How long the signing key must outlive the gate's deadline; default 30 days. */
  readonly minimumValidityMs: number;
}

/** How the replicas behind `servedAt` are found. */
export type ReplicasConfiguration =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'dns'; readonly dns: string }
  | {
      readonly kind: 'endpoints';
      /** Absent: the cluster that the worker runs in. */
      readonly api?: string;
      readonly namespace: string;
      readonly service: string;
      /** The pods' port; absent where they have one. */
      readonly port?: number;
      /** Absent: as `servedAt` has it. */
      readonly scheme?: 'http' | 'https';
    };

/** Who must decide, and when. */
export interface GateConfiguration {
  /** The step before which the decisions are awaited; default `publish`. */
  readonly before: 'publish' | 'sign' | 'copy';
  /** How many persons must approve; default 1. */
  readonly quorum: number;
  /** Absolute path of the certificates whose user ids may decide. */
  readonly approvers: string;
  readonly identity: 'claimed';
  /** From the gate's opening; default 30 days. */
  readonly deadlineMs: number;
}

/** How the signature server is told of a new commit. */
export type RebuildConfiguration = RebuildWay & {
  /** Absent: the promotion triggers. Else the git host does, and the promotion only where this has passed; default 5 minutes. */
  readonly pushWithinMs?: number;
};

/** Where `api` is absent, it is the cluster that the worker runs in. */
export type RebuildWay =
  | {
      readonly kind: 'webhook';
      readonly url: string;
      /** Whether the secret file `webhook-secret` must be there; it is used whenever it is. */
      readonly secret: boolean;
      readonly shape: 'github' | 'gitlab' | 'gitea';
    }
  | { readonly kind: 'rollout'; readonly api?: string; readonly namespace: string; readonly deployment: string }
  | {
      readonly kind: 'pipelineRun';
      readonly api?: string;
      readonly namespace: string;
      readonly pipeline: string;
      readonly serviceAccount?: string;
      readonly params: Readonly<Record<string, string>>;
      readonly timeoutMs?: number;
    }
  | {
      readonly kind: 'openshiftBuild';
      readonly api?: string;
      readonly namespace: string;
      readonly buildConfig: string;
      readonly start: 'instantiate' | 'webhook';
    };

/** The environment before `environment` on the route: where its images come from. Undefined for the first. */
export function originOf(configuration: Configuration, environment: string): EnvironmentConfiguration | undefined {
  const index = configuration.route.indexOf(environment);
  const name = index < 1 ? undefined : configuration.route[index - 1];
  return name === undefined ? undefined : configuration.environments[name];
}
