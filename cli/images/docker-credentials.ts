import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { RegistryError, parseDockerCfg, parseDockerConfig } from '../../activities/oci/index.ts';
import type { RegistryCredentials } from '../../activities/oci/index.ts';
import type { Terminal } from '../terminal.ts';
import { usageError } from '../failure.ts';

/** A file that is looked into without being named, and how it is read. */
interface Candidate {
  readonly file: string;
  readonly parse: typeof parseDockerConfig;
}

/**
 * The caller's own registry credentials, from wherever podman, skopeo and docker keep them: the first file that holds
 * one for a registry counts, those after it are not read. A file that cannot be read, or is damaged, is an error where
 * it is reached: without it somebody else's account, or none, would be used in silence.
 */
export function findCredentials({ env }: Pick<Terminal, 'env'>): Promise<RegistryCredentials> {
  const sources = candidateFiles(env).map(lazily);
  return Promise.resolve(firstOf(sources));
}

/** What a Secret is mounted with: by docker's own name, or as Kubernetes keeps registry credentials. */
const NAMES_IN_FOLDER = ['config.json', '.dockerconfigjson'];

/**
 * Credentials of a docker configuration named on the command line, or of the folder that it lies in.
 * @throws CliError where it cannot be read, RegistryError where it is none.
 */
export async function readAuthFile(named: string, option: string): Promise<RegistryCredentials> {
  const file = fileIn(named);
  if (file !== undefined) return parseDockerConfig(await readOptionFile(file, option), file);
  throw usageError(`${option} ${named}: expected ${NAMES_IN_FOLDER.join(' or ')} in this folder, found neither`);
}

/** A folder stands for the file in it; undefined where it holds none. */
function fileIn(named: string): string | undefined {
  if (statSync(named, { throwIfNoEntry: false })?.isDirectory() !== true) return named;
  return NAMES_IN_FOLDER.map((name) => path.join(named, name)).find((file) => existsSync(file));
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

/** The order of containers/image; a file named in the environment, as podman and skopeo take it, is the only one. */
function candidateFiles(env: Terminal['env']): readonly Candidate[] {
  const parse = parseDockerConfig;
  const named = env['REGISTRY_AUTH_FILE'];
  // A folder without any is read as a file, and refused as one.
  if (named !== undefined && named !== '') return [{ file: fileIn(named) ?? named, parse }];
  const home = env['HOME'] ?? homedir();
  const runtime = env['XDG_RUNTIME_DIR'];
  const containers = runtime === undefined ? `/run/containers/${process.getuid?.() ?? 0}` : `${runtime}/containers`;
  return [
    { file: path.join(containers, 'auth.json'), parse },
    { file: path.join(env['XDG_CONFIG_HOME'] ?? path.join(home, '.config'), 'containers', 'auth.json'), parse },
    { file: path.join(env['DOCKER_CONFIG'] ?? path.join(home, '.docker'), 'config.json'), parse },
    { file: path.join(home, '.dockercfg'), parse: parseDockerCfg },
  ];
}

/** Reads a file when a credential is first looked for in it; one that is not there holds none. */
function lazily({ file, parse }: Candidate): RegistryCredentials {
  let known: Promise<RegistryCredentials> | undefined;
  const read = async (): Promise<RegistryCredentials> => {
    try {
      return parse(await readFile(file, 'utf8'), file);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return { lookup: () => Promise.resolve(undefined) };
      if (error instanceof RegistryError) throw error;
      throw new RegistryError('configuration-invalid', `${file}: cannot be read (${code}); it may hold credentials`);
    }
  };
  return { lookup: async (repository, signal) => await (await (known ??= read())).lookup(repository, signal) };
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
