import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { parseDockerConfig } from '../../activities/oci/index.ts';
import type { RegistryCredentials } from '../../activities/oci/index.ts';
import type { Terminal } from '../terminal.ts';
import { usageError } from '../failure.ts';

/**
 * The caller's own registry credentials, from wherever docker, podman and skopeo keep them; the first file that holds
 * one for a registry counts.
 */
export async function findCredentials({ env }: Pick<Terminal, 'env'>): Promise<RegistryCredentials> {
  const read = await Promise.all(candidateFiles(env).map(readIfThere));
  return firstOf(read.filter((one) => one !== undefined));
}

/**
 * Credentials of a docker configuration named on the command line.
 * @throws CliError where it cannot be read, RegistryError where it is none.
 */
export async function readAuthFile(file: string, option: string): Promise<RegistryCredentials> {
  return parseDockerConfig(await readOptionFile(file, option), file);
}

/**
 * One credential for every registry: `USER:PASSWORD` in the first line of a file, so that it stands in no argument list.
 * @throws CliError where the file cannot be read or holds something else.
 */
export async function readCredentialFile(file: string, option: string): Promise<RegistryCredentials> {
  const [line = ''] = (await readOptionFile(file, option)).split(/\r?\n/, 1);
  const colon = line.indexOf(':');
  if (colon < 1) throw usageError(`${option} ${file}: expected USER:PASSWORD in the first line`);
  const credential = { kind: 'password', user: line.slice(0, colon), password: line.slice(colon + 1) } as const;
  return { lookup: () => Promise.resolve(credential) };
}

/**
 * The text of a file named by an option.
 * @throws CliError `usage`, with the reason.
 */
export async function readOptionFile(file: string, option: string): Promise<string> {
  return Buffer.from(await readOptionBytes(file, option)).toString();
}

/** Like `readOptionFile`, as bytes. */
export async function readOptionBytes(file: string, option: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw usageError(`${option} ${file}: cannot be read (${code})`);
  }
}

function candidateFiles(env: Terminal['env']): readonly string[] {
  const home = env['HOME'] ?? homedir();
  const authFile = env['REGISTRY_AUTH_FILE'];
  const runtime = env['XDG_RUNTIME_DIR'];
  return [
    ...(authFile === undefined ? [] : [authFile]),
    path.join(env['DOCKER_CONFIG'] ?? path.join(home, '.docker'), 'config.json'),
    ...(runtime === undefined ? [] : [path.join(runtime, 'containers', 'auth.json')]),
    path.join(env['XDG_CONFIG_HOME'] ?? path.join(home, '.config'), 'containers', 'auth.json'),
  ];
}

/** A file that is not there, or that is damaged, is no reason not to try the others. */
async function readIfThere(file: string): Promise<RegistryCredentials | undefined> {
  try {
    return parseDockerConfig(await readFile(file, 'utf8'), file);
  } catch {
    return undefined;
  }
}

function firstOf(sources: readonly RegistryCredentials[]): RegistryCredentials {
  return {
    lookup: async (repository, signal) => {
      for (const source of sources) {
        const found = await source.lookup(repository, signal);
        if (found !== undefined) return found;
      }
      return undefined;
    },
  };
}
