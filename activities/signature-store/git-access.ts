/** How git is called: which configuration, which environment, and what its failures mean. */
import { readFile } from 'node:fs/promises';
import { BrokenCacheError, SignatureStoreError } from './error.ts';
import type { SignatureStoreFailure } from './error.ts';
import { runGit } from './git-process.ts';
import type { GitOutcome, GitRun } from './git-process.ts';
import { isLoopback } from './options.ts';
import type { StoreSettings } from './options.ts';
import { readSecrets, scrub } from './scrub.ts';

const LOCAL_DEADLINE = 120_000;
const REMOTE_DEADLINE = 600_000;

/** Configuration for every call; nothing is read from the system, the user or a template. */
const FIXED_CONFIGURATION = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.askPass=',
  'credential.helper=',
  'gc.auto=0',
  'maintenance.auto=false',
  'log.showSignature=false',
  'push.gpgSign=false',
  'protocol.version=2',
  // A redirect would carry the credentials to where nobody configured them.
  'http.followRedirects=false',
  'http.lowSpeedLimit=1000',
  'http.lowSpeedTime=60',
];

/** Runs git for one store. */
export interface GitAccess {
  /** Runs a command that needs only the cache. A failure means that the cache is broken. */
  local(call: GitCommand): Promise<Buffer>;
  /** Runs a command that talks to the remote and returns however it ended. */
  remote(call: GitCommand): Promise<GitOutcome>;
  /** What a failed remote command means. */
  failure(operation: string, outcome: GitOutcome): Promise<SignatureStoreError>;
  /** What git and the remote said, without credentials, in one line. */
  said(outcome: GitOutcome): Promise<string>;
}

export interface GitCommand {
  readonly arguments: readonly string[];
  readonly input?: Uint8Array | string;
  /** Added to the cleaned environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Makes the caller of git for a store; `gitDirectory` is the bare cache. */
export function createGitAccess(settings: StoreSettings, gitDirectory: string): GitAccess {
  const fixed = FIXED_CONFIGURATION.flatMap((entry) => ['-c', entry]);
  const remoteArguments = [...fixed, ...remoteConfiguration(settings).flatMap((entry) => ['-c', entry])];
  const base = { ...cleanEnvironment(settings), GIT_DIR: gitDirectory };

  const run = (call: GitCommand, remote: boolean): Promise<GitOutcome> =>
    runInstalledGit({
      arguments: [...(remote ? remoteArguments : fixed), ...call.arguments],
      environment: { ...base, ...(remote ? remoteEnvironment(settings) : LOCAL_ENVIRONMENT), ...call.environment },
      input: call.input,
      deadline: remote ? REMOTE_DEADLINE : LOCAL_DEADLINE,
      signal: call.signal,
    });
  const said = async (outcome: GitOutcome): Promise<string> =>
    scrub(outcome.untrustedStderr, await readSecrets(settings.credentialsFile));

  return {
    local: async (call) => {
      const outcome = await run(call, false);
      if (outcome.exitCode === 0) return outcome.stdout;
      throw new BrokenCacheError(`git ${call.arguments[0] ?? ''}: ${await said(outcome)}`);
    },
    remote: (call) => run(call, true),
    said,
    failure: async (operation, outcome) => {
      const { code, why } = explain(outcome);
      return new SignatureStoreError(
        code,
        `${operation} ${settings.shownUrl}: ${why}; git said: ${await said(outcome)}`,
      );
    },
  };
}

async function runInstalledGit(run: GitRun): Promise<GitOutcome> {
  try {
    return await runGit(run);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new SignatureStoreError('configuration-invalid', 'no git on PATH: install git 2.30 or later', { cause });
  }
}

/**
 * Fails early, by name, where a secret file is missing: git itself would only say that it was denied.
 * @throws SignatureStoreError `configuration-invalid`.
 */
export async function checkSecretFiles(settings: StoreSettings): Promise<void> {
  const files = {
    'credentials file': settings.credentialsFile,
    'ssh key file': settings.sshKeyFile,
    'known_hosts file': settings.knownHostsFile,
    'CA file': settings.caFile,
  };
  for (const [name, file] of Object.entries(files)) {
    if (file === undefined) continue;
    await readFile(file).catch((cause: unknown) => {
      throw new SignatureStoreError('configuration-invalid', `${name} ${file}: expected a readable file`, { cause });
    });
  }
}

/** A lazy fetch would hide what is missing and go round the order in which we ask. */
const LOCAL_ENVIRONMENT = { GIT_ALLOW_PROTOCOL: 'none', GIT_NO_LAZY_FETCH: '1' };

function cleanEnvironment({ environment = {} }: StoreSettings): Record<string, string> {
  return {
    PATH: environment['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    // Neither ~/.netrc nor ~/.gitconfig nor ~/.ssh may take part.
    HOME: '/dev/null',
    LC_ALL: 'C',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_PROTOCOL_FROM_USER: '0',
  };
}

function remoteEnvironment(settings: StoreSettings): Record<string, string> {
  const environment: Record<string, string> = {
    GIT_ALLOW_PROTOCOL: settings.scheme,
    GIT_TRACE_CURL: '3',
    GIT_TRACE_CURL_NO_DATA: '1',
    GIT_TRACE_REDACT: '1',
  };
  if (settings.scheme === 'ssh') return { ...environment, ...sshEnvironment(settings) };
  if (isLoopback(new URL(settings.url).hostname)) return environment;
  for (const name of ['https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR']) {
    const value = settings.environment?.[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

function sshEnvironment({ sshKeyFile = '', knownHostsFile = '' }: StoreSettings): Record<string, string> {
  const options = [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'StrictHostKeyChecking=yes',
    `UserKnownHostsFile="${knownHostsFile}"`,
    'GlobalKnownHostsFile=/dev/null',
    'UpdateHostKeys=no',
    'ClearAllForwardings=yes',
    'ConnectTimeout=20',
    'ServerAliveInterval=15',
    'ServerAliveCountMax=4',
  ];
  const words = ['ssh', '-F', '/dev/null', '-i', sshKeyFile, ...options.flatMap((option) => ['-o', option])];
  return { GIT_SSH_COMMAND: words.map(shellQuote).join(' '), GIT_SSH_VARIANT: 'ssh' };
}

function remoteConfiguration(settings: StoreSettings): readonly string[] {
  const configuration = [`remote.origin.url=${settings.url}`];
  if (settings.caFile !== undefined) configuration.push(`http.sslCAInfo=${settings.caFile}`);
  if (settings.credentialsFile !== undefined) {
    const store = `git credential-store --file=${shellQuote(settings.credentialsFile)}`;
    // Only `get`: after a single 401 git would otherwise erase the credential from the file.
    configuration.push(`credential.helper=!f() { test "$1" != get || ${store} get; }; f`);
  }
  return configuration;
}

function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function explain(outcome: GitOutcome): { readonly code: SignatureStoreFailure; readonly why: string } {
  const { httpStatus: status, untrustedStderr, timedOut } = outcome;
  if (timedOut) return { code: 'repository-unavailable', why: 'no end after ten minutes' };
  if (status === 401 || status === 403) {
    return { code: 'repository-denied', why: `refused with ${status}; expected credentials that may read and write` };
  }
  if (status === 404) return { code: 'repository-denied', why: 'not found, or hidden from these credentials (404)' };
  if (status !== undefined && status >= 300 && status < 400) {
    return { code: 'configuration-invalid', why: `redirected (${status}); configure the address it redirects to` };
  }
  if (status !== undefined && status >= 400) return { code: 'repository-unavailable', why: `answered ${status}` };
  // OpenSSH has one exit code for everything; its own words are not translated.
  if (/Permission denied|Host key verification failed/.test(untrustedStderr)) {
    return { code: 'repository-denied', why: 'ssh refused; expected a known host and a key it accepts' };
  }
  return { code: 'repository-unavailable', why: 'not reachable' };
}
