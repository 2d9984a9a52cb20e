/** The way to a value in the configuration: keys, and positions in lists. */
export type ConfigurationPath = readonly (string | number)[];

/** One thing that is wrong with the configuration, and where. */
export interface ConfigurationProblem {
  /** The file as it was named by the caller. */
  readonly file: string;
  /** From 1; absent where the file could not be read at all. */
  readonly line?: number;
  /** From 1, counted in UTF-16 units as editors do; absent where `line` is. */
  readonly column?: number;
  /** For example `environments.prod.gate.quorum`; empty where the problem concerns the whole file. */
  readonly path: string;
  /** What is wrong; what is expected; the way out. Never a value that could be a credential. */
  readonly message: string;
}

/** The configuration cannot be used; `problems` and the message name every reason. */
export class ConfigurationError extends Error {
  readonly code = 'configuration-invalid';
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[], cause?: unknown) {
    super(problems.map(formatProblem).join('\n'), cause === undefined ? undefined : { cause });
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

/** `file:line:column: path: message`, the form that terminals and editors turn into a link. */
export function formatProblem(problem: ConfigurationProblem): string {
  const place = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  return `${problem.file}${place}: ${path}${problem.message}`;
}

/** In the order of the file, which is the order in which a person mends it. */
export function sortProblems(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
