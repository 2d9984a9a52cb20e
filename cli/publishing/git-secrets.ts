import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { GitSignatureStoreOptions } from '../../activities/signature-store/index.ts';
import type { Call } from '../call.ts';
import { usageError } from '../failure.ts';

/** How git proves who it is, as the command line says it; at most one of the first three. */
export interface GitSecretOptions {
  readonly gitCredentials?: string;
  readonly basicAuthDir?: string;
  readonly sshDir?: string;
  readonly gitCaFile?: string;
}

/** The files that git and ssh read. */
export type GitSecretFiles = Pick<
  GitSignatureStoreOptions,
  'cacheDirectory' | 'credentialsFile' | 'sshKeyFile' | 'knownHostsFile' | 'caFile'
>;

const SSH_NAMES = /^(?:ssh-privatekey|id_[a-z0-9_]+)$/;

/**
 * A folder of this call alone, with what git needs. What is mounted is copied there for its owner alone: ssh refuses a
 * key that others may read, and a mounted Secret is often so. The folder goes when the call ends.
 * @throws CliError `usage`.
 */
export async function openGitSecrets(call: Call, options: GitSecretOptions, url: string): Promise<GitSecretFiles> {
  const { gitCredentials, basicAuthDir, sshDir, gitCaFile } = options;
  if ([gitCredentials, basicAuthDir, sshDir].filter((one) => one !== undefined).length > 1) {
    throw usageError('expected one of --git-credentials, --basic-auth-dir and --ssh-dir');
  }
  const folder = await openFolder(call);
  const caFile = gitCaFile === undefined ? {} : { caFile: call.resolvePath(gitCaFile) };
  const base = { cacheDirectory: path.join(folder, 'cache'), ...caFile };
  if (gitCredentials !== undefined) return { ...base, credentialsFile: call.resolvePath(gitCredentials) };
  if (basicAuthDir !== undefined) {
    const line = await credentialLine(call.resolvePath(basicAuthDir), url);
    return { ...base, credentialsFile: await keep(folder, 'git-credentials', line) };
  }
  if (sshDir === undefined) return base;
  const directory = call.resolvePath(sshDir);
  const knownHosts = await read(directory, 'known_hosts', '--ssh-dir');
  return {
    ...base,
    sshKeyFile: await keep(folder, 'ssh-key', await readSshKey(directory)),
    knownHostsFile: await keep(folder, 'known_hosts', knownHosts),
  };
}

/** A folder of this call alone, which goes when it ends. */
export async function openFolder(call: Call): Promise<string> {
  const place = call.terminal.env['TMPDIR'] ?? tmpdir();
  const folder = await mkdtemp(path.join(place, 'countersign-publish-')).catch((error: unknown) => {
    throw usageError(`${place}: ${codeOf(error)}; expected a folder for temporary files, or TMPDIR to name one`);
  });
  call.closeLater(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** `username` and `password` of a kubernetes.io/basic-auth Secret, as git-credential-store has them. */
async function credentialLine(directory: string, url: string): Promise<string> {
  const [user, password] = await Promise.all(
    ['username', 'password'].map(async (name) => {
      const text = (await read(directory, name, '--basic-auth-dir')).replace(/\r?\n$/, '');
      if (text === '' || /[\r\n]/.test(text)) throw usageError(`--basic-auth-dir: ${name}: expected one line`);
      return encodeURIComponent(text);
    }),
  );
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== 'https:' && parsed?.protocol !== 'http:') {
    throw usageError('--basic-auth-dir is for a --repository with https://; expected --ssh-dir');
  }
  return `${parsed.protocol}//${user ?? ''}:${password ?? ''}@${parsed.host}\n`;
}

async function readSshKey(directory: string): Promise<string> {
  const names = (await list(directory)).filter((name) => SSH_NAMES.test(name));
  const [name, ...more] = names;
  if (name === undefined || more.length > 0) {
    const found = name === undefined ? 'none' : names.join(', ');
    throw usageError(`--ssh-dir ${directory}: expected one private key, ssh-privatekey or id_*; found ${found}`);
  }
  const key = await read(directory, name, '--ssh-dir');
  // Without a line feed at its end ssh does not know a key.
  return key.endsWith('\n') ? key : `${key}\n`;
}

async function list(directory: string): Promise<readonly string[]> {
  return await readdir(directory).catch((error: unknown) => {
    throw usageError(`--ssh-dir ${directory}: cannot be read (${codeOf(error)})`);
  });
}

async function read(directory: string, name: string, option: string): Promise<string> {
  return await readFile(path.join(directory, name), 'utf8').catch((error: unknown) => {
    throw usageError(`${option} ${directory}: ${name} cannot be read (${codeOf(error)})`);
  });
}

async function keep(folder: string, name: string, content: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content, { mode: 0o600, flag: 'wx' });
  return file;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
