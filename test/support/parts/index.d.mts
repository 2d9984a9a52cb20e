/**
 * A real program that tests, benchmarks and the demonstration use. Always the version that is built from its module:
 * `distribution-3`, `crane`, `regctl`, `oras`, `containers-image`, `judge`, `measure`, `tekton-validate`.
 */
export type PartName =
  | 'temporal'
  | 'skopeo'
  | 'docker-registry'
  | 'distribution-3'
  | 'referrers-registry'
  | 'crane'
  | 'regctl'
  | 'oras'
  | 'containers-image'
  | 'judge'
  | 'measure'
  | 'tekton-validate'
  | 'shellcheck'
  | 'apache2'
  | 'htpasswd'
  | 'git'
  | 'git-http-backend'
  | 'gpg'
  | 'openssl'
  | 'sshd';

/** Takes one line for people, without a line end. */
export type Log = (line: string) => void;

/**
 * Finds the parts on PATH or in the cache, installs or builds what is missing, and tells the absolute path of each.
 * Processes that call it at once do not collide. `log` gets a line per thing done; default: standard error.
 * @throws MissingPartsError naming every part that cannot be had and the ways to get it.
 */
export function ensureParts<Name extends PartName>(
  names: readonly Name[],
  options?: { readonly log?: Log },
): Promise<Record<Name, string>>;

/** Where the part is at this moment, without installing anything; undefined when it is not there. */
export function findPart(name: PartName): string | undefined;

/** Parts that could be neither found nor installed. */
export class MissingPartsError extends Error {
  constructor(parts: readonly PartName[], reasons?: ReadonlyMap<PartName, string>);
  readonly parts: readonly PartName[];
}

/** A folder in the cache (outside the work tree, `COUNTERSIGN_CACHE`); it exists when the call returns. */
export function cacheFolder(...below: readonly string[]): string;

/** `base` (default: this process's environment) with a PATH on which the cache's programs are found. */
export function environmentWithCache(base?: NodeJS.ProcessEnv): NodeJS.ProcessEnv;

/** Runs `work` while no other process holds the lock of this name; a lock of a dead holder is taken over. */
export function withLock<T>(
  name: string,
  work: () => Promise<T>,
  options?: { readonly onWait?: () => void },
): Promise<T>;

/** A loopback port on which nothing listens, never the same one twice in a process. */
export function freePort(): Promise<number>;

/** How to start a program. */
export interface StartOptions {
  /** For messages; default: the command. */
  readonly name?: string;
  readonly cwd?: string;
  /** The whole environment of the program; default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Polled until it is true; what it throws counts as not yet. Without it the program counts as ready once it runs. */
  readonly ready?: () => boolean | Promise<boolean>;
  /** Default 30,000 ms. */
  readonly readyTimeoutMs?: number;
  /** Gets each line of both output streams. */
  readonly onLine?: (line: string) => void;
}

/** A program that ends, with its whole process group, when this process does. */
export interface RunningProcess {
  readonly pid: number;
  readonly name: string;
  /** Settles when the program has ended, whatever the reason; never rejects. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly isRunning: () => boolean;
  /** The last 100 lines of both output streams. */
  readonly output: () => string;
  /** SIGTERM, then SIGKILL after `graceMs` (default 10,000 ms); resolves when it has ended. Harmless when repeated. */
  readonly stop: (graceMs?: number) => Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  readonly kill: () => Promise<void>;
}

/**
 * Starts a program on its own process group and waits until it is ready.
 * @throws Error with the program's last lines when it ends or is not ready in time.
 */
export function startProcess(command: string, args: readonly string[], options?: StartOptions): Promise<RunningProcess>;

/**
 * Polls until `check` is true (default: every 50 ms for 30,000 ms); a check that throws counts as not yet.
 * @throws Error naming `what`, with the last error as cause.
 */
export function waitUntil(
  check: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly timeoutMs?: number; readonly pollMs?: number },
): Promise<void>;

/** How to start a Temporal development server. */
export interface TemporalOptions {
  /** Of the server, by key: `limit.historyCount.suggestContinueAsNew`. */
  readonly dynamicConfig?: Readonly<Record<string, unknown>>;
  /** SQLite file; default: in memory, forgotten at `restart`. */
  readonly databaseFile?: string;
  /** Created when missing; default `default`. */
  readonly namespace?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Port of the web page, or true for a free one; default: no web page. */
  readonly uiPort?: number | true;
  readonly log?: Log;
}

/** A Temporal development server on loopback, without our search attributes and retention (`countersign setup`). */
export interface TemporalServer {
  /** `127.0.0.1:PORT` of the gRPC frontend. */
  readonly address: string;
  readonly namespace: string;
  /** Absolute path of the `temporal` command. */
  readonly program: string;
  /** URL of the web page, where one was asked for. */
  readonly uiAddress?: string;
  /** Of the present process; another one after `restart`. */
  readonly pid: number;
  readonly output: () => string;
  readonly stop: () => Promise<void>;
  /** SIGKILL. */
  readonly kill: () => Promise<void>;
  /** Starts it again on the same port and database, after stopping it where it still runs. */
  readonly restart: () => Promise<void>;
}

/** Starts a development server and waits until it answers. */
export function startTemporal(options?: TemporalOptions): Promise<TemporalServer>;

/** The `go` command, also where it is installed without being on PATH; undefined where there is none. */
export function findGo(): string | undefined;

/** Runs a program to its end without showing what it prints, and tells the end of that. Default limit: 30 minutes. */
export function runQuietly(
  command: string,
  args: readonly string[],
  options?: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly timeoutMs?: number },
): Promise<{ readonly ok: boolean; readonly output: string }>;

/** The words before a command that installs packages (none as root); undefined where none can be installed. */
export function findElevation(): readonly string[] | undefined;

/** Installs with apt-get what `stillMissing` names once no other process installs; no service is started. */
export function installPackages(
  stillMissing: () => readonly string[],
  elevation: readonly string[],
): Promise<{ readonly ok: boolean; readonly output: string }>;
