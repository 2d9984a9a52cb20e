/** The project's folder. */
export const root: string;

/**
 * Checks Node, installs the dependencies where they are missing or do not fit the lock file, and compiles where the
 * result is missing or older than its sources. One line for each thing done; nothing where all is there.
 * `build: false` leaves the compiled command alone.
 * @throws Error that says what to do, with the end of the failed program's output.
 */
export function ensureDependencies(options?: {
  readonly build?: boolean;
  readonly log?: (line: string) => void;
}): Promise<void>;

/** The second half of `ensureDependencies`, for those who go on where it fails. */
export function ensureBuilt(options?: { readonly log?: (line: string) => void }): Promise<void>;

/** @throws Error when this Node is not among those that package.json supports. */
export function checkNodeVersion(): void;

/** The words that run npm: the one this process was started by, else the one on PATH. */
export function npmCommand(...args: readonly string[]): [string, ...string[]];
