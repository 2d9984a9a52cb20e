/** What a run of tests came to. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly files: readonly { readonly file: string; readonly ms: number }[];
}

/** One run of a command with its counts. */
export interface Phase extends Counts {
  readonly name: string;
  readonly seconds: number;
}

/** Runs vitest, by the binary `node` where one is given, and counts its report. */
export function runVitest(
  name: string,
  options: { readonly args: readonly string[]; readonly node?: string },
): Promise<Phase>;

/** Runs a command with its output shown; a run that fails without a failed test counts as one failure. */
export function runPhase(
  name: string,
  command: readonly string[],
  options?: { readonly env?: NodeJS.ProcessEnv; readonly count?: () => Counts },
): Promise<Phase>;

/** Counts vitest's JSON report. A file that failed before any of its tests could is one failure. */
export function countReport(report: string): Counts;

/**
 * The lines that end a run of `seconds`, the sum last, and whether all is well: nothing failed and something ran.
 */
export function summarize(
  phases: readonly Phase[],
  seconds: number,
): { readonly lines: readonly string[]; readonly ok: boolean };

/** Prints what `summarize` says and sets the exit code. */
export function printSummary(phases: readonly Phase[]): void;
