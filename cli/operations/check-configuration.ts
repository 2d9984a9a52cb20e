import type { Call } from '../call.ts';
import { printableLines } from '../output/escape.ts';
import { checkConfiguration, ConfigurationError, formatProblem } from '../../worker/configuration/index.ts';
import type { Configuration, ConfigurationProblem } from '../../worker/configuration/index.ts';
import { SecretsError, neededSecrets, readSecrets } from '../../worker/secrets/index.ts';

/** One thing to mend; the JSON of `config check`. */
export interface CheckedProblem extends ConfigurationProblem {
  /** All of it on one line. */
  readonly text: string;
}

/** Everything that is wrong with the configuration, its public files, and the secrets of one environment if asked. */
export async function findConfigurationProblems(
  call: Call,
  secretsOf: (configuration: Configuration) => string | undefined,
): Promise<readonly CheckedProblem[]> {
  try {
    const configuration = await call.configuration();
    const environment = secretsOf(configuration);
    const problems = await checkConfiguration(configuration);
    const secrets = environment === undefined ? [] : await secretProblems(configuration, environment);
    return [...problems, ...secrets].map(withText);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(withText);
    throw error;
  }
}

async function secretProblems(configuration: Configuration, name: string): Promise<readonly ConfigurationProblem[]> {
  const own = configuration.environments[name];
  if (own === undefined) return [];
  try {
    await readSecrets(name, own.secrets, neededSecrets(own));
    return [];
  } catch (error) {
    if (!(error instanceof SecretsError)) throw error;
    return error.problems.map(({ file, message }) => ({ file, path: '', message }));
  }
}

function withText(problem: ConfigurationProblem): CheckedProblem {
  return { ...problem, text: printableLines(formatProblem(problem)) };
}
