import type { BranchMirror } from './branch-mirror.ts';
import { coalesce } from './coalesce.ts';
import type { ServeSettings } from './serve-options.ts';
import type { ServerMetrics } from './server-metrics.ts';
import type { Snapshot } from './snapshot.ts';

/** Why the repository cannot be looked at, as long as it cannot. */
export interface RefreshTrouble {
  /** ISO 8601. */
  readonly since: string;
  readonly attempts: number;
  /** Kind of the last failure; its words are in the log only, since anybody may ask for readiness. */
  readonly code: string;
}

/** The snapshot that is served, and how it is kept up to date. */
export interface PublishedBranch {
  /** The one snapshot a request is to use from its beginning to its end. */
  snapshot(): Snapshot | undefined;
  /** When the repository was last looked at with success, ISO 8601. */
  refreshedAt(): string | undefined;
  trouble(): RefreshTrouble | undefined;
  /** Looks at the repository; requests coalesce. @throws SignatureServerError; the old snapshot stays. */
  refresh(): Promise<void>;
  /** Begins to look, now and then every poll interval, sooner after a failure. */
  start(): void;
  /** Ends the look that is under way, and all later ones. */
  stop(): Promise<void>;
}

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;

type BranchSettings = Pick<ServeSettings, 'pollIntervalMs' | 'log'>;

export function createPublishedBranch(
  mirror: BranchMirror,
  settings: BranchSettings,
  { metrics, restored }: { readonly metrics: ServerMetrics; readonly restored: Snapshot | undefined },
): PublishedBranch {
  const follower = new Follower(mirror, settings, metrics);
  if (restored !== undefined) follower.adopt(restored);
  const refresh = coalesce(() => follower.look());
  follower.onDue = () => void refresh().catch(ignore);
  return {
    snapshot: () => follower.snapshot,
    refreshedAt: () => follower.refreshedAt,
    trouble: () => follower.trouble,
    refresh,
    start: () => follower.onDue(),
    stop: () => follower.stop(),
  };
}

class Follower {
  snapshot: Snapshot | undefined;
  refreshedAt: string | undefined;
  trouble: RefreshTrouble | undefined;
  /** Called when it is time to look again. */
  onDue: () => void = () => undefined;
  readonly #mirror: BranchMirror;
  readonly #settings: BranchSettings;
  readonly #metrics: ServerMetrics;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(mirror: BranchMirror, settings: BranchSettings, metrics: ServerMetrics) {
    this.#mirror = mirror;
    this.#settings = settings;
    this.#metrics = metrics;
  }

  /** The switch: one assignment, so that no request sees half of it. */
  adopt(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.#metrics.showSnapshot(snapshot);
  }

  async look(): Promise<void> {
    clearTimeout(this.#timer);
    const looking = this.#take();
    this.#looking = looking.catch(ignore);
    try {
      await looking;
      this.trouble = undefined;
      this.refreshedAt = new Date().toISOString();
      this.#metrics.countRefresh(true);
    } catch (error) {
      this.#stopping.signal.throwIfAborted();
      this.#complain(error);
      throw error;
    } finally {
      this.#schedule();
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the signature server is closing'));
    clearTimeout(this.#timer);
    await this.#looking;
  }

  async #take(): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    const before = this.snapshot;
    const { snapshot, rewritten } = await this.#mirror.refresh(this.#stopping.signal);
    this.adopt(snapshot);
    if (snapshot.commit === before?.commit) return;
    const fields = { commit: snapshot.commit, before: before?.commit, files: snapshot.files.size };
    if (rewritten) {
      this.#settings.log('warn', 'the published branch was force-pushed; the rewritten branch is served', fields);
    } else this.#settings.log('info', 'a new commit is served', fields);
  }

  #complain(error: unknown): void {
    this.#metrics.countRefresh(false);
    this.trouble = describeTrouble(error, this.trouble);
    this.#settings.log('error', 'the repository could not be looked at', {
      error: error instanceof Error ? error.message : 'unknown error',
      code: this.trouble.code,
      attempts: this.trouble.attempts,
      serving: this.snapshot?.commit,
    });
  }

  #schedule(): void {
    if (this.#stopping.signal.aborted) return;
    const attempts = this.trouble?.attempts;
    const retry = attempts && Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 10), LAST_RETRY_MS);
    const delay = retry ?? this.#settings.pollIntervalMs;
    if (delay === 0) return;
    this.#timer = setTimeout(() => this.onDue(), delay);
    this.#timer.unref();
  }
}

function describeTrouble(error: unknown, before: RefreshTrouble | undefined): RefreshTrouble {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'internal';
  return { since: before?.since ?? new Date().toISOString(), attempts: (before?.attempts ?? 0) + 1, code };
}

function ignore(): void {
  // Logged and counted where it happened.
}
