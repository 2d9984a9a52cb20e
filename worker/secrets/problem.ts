/** One thing that is wrong with a secret file: its name, never its content. */
export interface SecretProblem {
  /** Absolute path. */
  readonly file: string;
  /** What is wrong; what is expected; the way out. */
  readonly message: string;
}

/** The secrets of an environment cannot be used; `problems` and the message name every reason. */
export class SecretsError extends Error {
  readonly code = 'configuration-invalid';
  readonly environment: string;
  readonly problems: readonly SecretProblem[];

  constructor(environment: string, problems: readonly SecretProblem[]) {
    const lines = problems.map(({ file, message }) => `${file}: ${message}`);
    super(`the secrets of ${environment} cannot be used:\n${lines.join('\n')}`);
    this.name = 'SecretsError';
    this.environment = environment;
    this.problems = problems;
  }
}
