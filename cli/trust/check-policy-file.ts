import { readFile } from 'node:fs/promises';
import { checkPolicy, readRegistriesD } from '../../activities/trust/index.ts';
import type { PolicyProblem, PolicyWarning } from '../../activities/trust/index.ts';
import { usageError } from '../failure.ts';

/** What is to be said about a policy.json; the JSON of `trust check`. */
export interface CheckedPolicy {
  readonly file: string;
  /** Whether readers accept the file at all, and the directory where one was given. */
  readonly accepted: boolean;
  readonly problems: readonly PolicyProblem[];
  readonly warnings: readonly PolicyWarning[];
  readonly registriesD?: CheckedDirectory;
}

/** What is to be said about a registries.d directory. */
export interface CheckedDirectory {
  readonly directory: string;
  readonly accepted: boolean;
  /** The scopes that it configures. */
  readonly scopes: readonly string[];
  readonly problem?: string;
}

/** @throws CliError for a file that cannot be read. */
export async function checkPolicyFile(file: string, directory: CheckedDirectory | undefined): Promise<CheckedPolicy> {
  const { problems, warnings } = checkPolicy(await read(file), file);
  return {
    file,
    accepted: problems.length === 0 && directory?.accepted !== false,
    problems,
    warnings,
    ...(directory !== undefined && { registriesD: directory }),
  };
}

/** Reads a registries.d directory as readers do. */
export async function checkDirectory(directory: string): Promise<CheckedDirectory> {
  try {
    const { docker, defaultDocker } = await readRegistriesD(directory);
    const scopes = [...docker.keys(), ...(defaultDocker === undefined ? [] : ['default-docker'])];
    return { directory, accepted: true, scopes };
  } catch (error) {
    return { directory, accepted: false, scopes: [], problem: (error as Error).message };
  }
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw usageError(`${file}: cannot be read (${code})`);
  }
}
