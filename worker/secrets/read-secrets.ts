import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { parsePassphraseFile } from '../../activities/signing/index.ts';
import { suggest } from '../configuration/suggestion.ts';
import { readClientCertificates } from './client-certificates.ts';
import type { ClientCertificate } from './client-certificates.ts';
import {
  refuseCertificates,
  refuseGitCredentials,
  refuseLine,
  refusePassphrase,
  refuseRegistryFile,
  refuseSigningKey,
  refuseSshKey,
  refuseToken,
  stripLineFeed,
} from './content.ts';
import { SecretsError } from './problem.ts';
import type { SecretProblem } from './problem.ts';
import { SECRET_FILES, kindOf, readSecretFile } from './secret-file.ts';
import type { FileOutcome, SecretFileName } from './secret-file.ts';
import { Secret } from './secret.ts';

/** The secrets of one environment; only its own worker reads them. */
export interface EnvironmentSecrets {
  readonly environment: string;
  /** Absolute path of the folder. */
  readonly folder: string;
  /** `signing-key.asc`, armoured or binary. */
  readonly signingKey: Secret;
  /** First line of `signing-key.passphrase`. */
  readonly passphrase?: Secret;
  /** `registry.json`: a docker configuration as JSON text. */
  readonly registry?: Secret;
  /** How git proves who it is; the files are read by git and ssh, not by this process. */
  readonly git?: GitSecrets;
  /** `webhook-secret` without a line feed at its end. */
  readonly webhookSecret?: Secret;
  /** `token` without a line feed at its end. */
  readonly token?: Secret;
  /** By the name under which the configuration has them. */
  readonly clientCertificates: ReadonlyMap<string, ClientCertificate>;
  /** `ca.crt`: certificates of a private authority; no secret. */
  readonly ca?: { readonly file: string; readonly pem: string };
}

/** Absolute paths of what git or ssh reads. */
export type GitSecrets =
  | { readonly kind: 'credentials'; readonly file: string }
  | { readonly kind: 'ssh'; readonly keyFile: string; readonly knownHostsFile: string };

/** What a caller needs. */
export interface ReadSecretsOptions {
  /** Files whose absence is a problem, besides `signing-key.asc`; default none. */
  readonly required?: readonly SecretFileName[];
  /** Names of certificates with their keys, `NAME.crt` and `NAME.key`, all of them required; default none. */
  readonly clientCertificates?: readonly string[];
}

type Outcomes = Readonly<Record<SecretFileName, FileOutcome>>;
type Found = Extract<FileOutcome, { kind: 'read' }>;

/**
 * Reads the secret files of an environment.
 * @throws SecretsError with every file that is missing, unreadable, over-readable or of the wrong form, by name.
 */
export async function readSecrets(
  environment: string,
  folder: string,
  { required: further = [], clientCertificates: names = [] }: ReadSecretsOptions = {},
): Promise<EnvironmentSecrets> {
  const absolute = path.resolve(folder);
  const required = ['signing-key.asc' as const, ...further];
  const present = await listFolder(environment, absolute);
  const entries = SECRET_FILES.map(async (name) => [
    name,
    await readSecretFile(path.join(absolute, name), kindOf(name)),
  ]);
  const outcomes = Object.fromEntries(await Promise.all(entries)) as Outcomes;
  const problems = SECRET_FILES.flatMap((name) => {
    const message = refuse(name, outcomes[name], required);
    return message === undefined ? [] : [problem(absolute, name, message)];
  });
  const others = present.filter((name) => !names.some((pair) => name === `${pair}.crt` || name === `${pair}.key`));
  const clients = await readClientCertificates(absolute, names);
  problems.push(...relationProblems(absolute, outcomes, required), ...misnamed(absolute, others, outcomes));
  problems.push(...clients.problems);
  const signingKey = contentOf(outcomes['signing-key.asc']);
  if (problems.length > 0 || signingKey === undefined) throw new SecretsError(environment, problems);
  const own = { environment, folder: absolute, signingKey: new Secret(signingKey) };
  return { ...own, ...collect(absolute, outcomes), clientCertificates: clients.found };
}

async function listFolder(environment: string, folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    // A folder that may be entered and not listed is enough.
    if (code === 'EACCES') return [];
    const message = `cannot be read (${code}); expected a folder with the secret files of ${environment}; make it, or set secrets in the configuration`;
    throw new SecretsError(environment, [{ file: folder, message }]);
  }
}

function refuse(name: SecretFileName, outcome: FileOutcome, required: readonly SecretFileName[]): string | undefined {
  if (outcome.kind === 'refused') return outcome.message;
  if (outcome.kind === 'read') return CHECKS[name](outcome);
  if (!required.includes(name)) return undefined;
  return `is missing; expected ${PURPOSES[name]}; put the file there, or correct the folder in the configuration`;
}

const PURPOSES: Readonly<Record<SecretFileName, string>> = {
  'signing-key.asc': 'the OpenPGP private key that signs here',
  'signing-key.passphrase': 'the passphrase of the signing key',
  'registry.json': 'a docker configuration with the credentials of the registries',
  'git-credentials': 'https://USER:PASSWORD@HOST for the signature repository',
  'ssh-key': 'the private key for the signature repository',
  known_hosts: 'the host keys of the signature repository',
  'webhook-secret': 'the secret shared with the signature server',
  token: 'the token of the cluster',
  'ca.crt': 'the certificates of the private authority',
};

const CHECKS: Readonly<Record<SecretFileName, (file: Found) => string | undefined>> = {
  'signing-key.asc': ({ content }) => refuseSigningKey(content),
  'signing-key.passphrase': ({ content }) => refusePassphrase(content),
  'registry.json': ({ content }) => refuseRegistryFile(content),
  'git-credentials': ({ content }) => refuseGitCredentials(content),
  'ssh-key': refuseSshKey,
  known_hosts: () => undefined,
  'webhook-secret': ({ content }) => refuseLine(content),
  token: ({ content }) => refuseToken(content),
  'ca.crt': ({ content }) => refuseCertificates(content),
};

function relationProblems(folder: string, outcomes: Outcomes, required: readonly SecretFileName[]): SecretProblem[] {
  const has = (name: SecretFileName): boolean => outcomes[name].kind !== 'absent';
  const problems: SecretProblem[] = [];
  if (has('git-credentials') && has('ssh-key')) {
    const message = 'is there beside ssh-key; expected one of them; remove the one that is not used';
    problems.push(problem(folder, 'git-credentials', message));
  }
  if (has('ssh-key') && !has('known_hosts') && !required.includes('known_hosts')) {
    const message =
      'is missing beside ssh-key; expected the host keys of the repository, or any host could take its place; make it with ssh-keyscan and compare the fingerprints';
    problems.push(problem(folder, 'known_hosts', message));
  }
  return problems;
}

/** An optional file with a slip in its name would be passed over in silence. */
function misnamed(folder: string, present: readonly string[], outcomes: Outcomes): SecretProblem[] {
  const absent = SECRET_FILES.filter((name) => outcomes[name].kind === 'absent');
  return present.flatMap((name) => {
    if (SECRET_FILES.some((known) => known === name)) return [];
    const meant = suggest(name, absent) ?? LIKELY_SLIPS[name];
    if (meant === undefined || !absent.some((other) => other === meant)) return [];
    return [problem(folder, name, `is not a name that is read; expected ${meant}; rename the file, or take it away`)];
  });
}

/** Names that people give, too far from ours to be found by their letters. */
const LIKELY_SLIPS: Readonly<Record<string, SecretFileName | undefined>> = {
  passphrase: 'signing-key.passphrase',
  'signing-key.gpg': 'signing-key.asc',
  'signing-key': 'signing-key.asc',
  '.dockerconfigjson': 'registry.json',
  'config.json': 'registry.json',
  'auth.json': 'registry.json',
  id_rsa: 'ssh-key',
  id_ed25519: 'ssh-key',
  'ssh-privatekey': 'ssh-key',
};

function problem(folder: string, name: string, message: string): SecretProblem {
  return { file: path.join(folder, name), message };
}

function collect(
  folder: string,
  outcomes: Outcomes,
): Omit<EnvironmentSecrets, 'environment' | 'folder' | 'signingKey' | 'clientCertificates'> {
  const line = (name: SecretFileName): Secret | undefined => {
    const text = contentOf(outcomes[name])?.toString('utf8');
    return text === undefined ? undefined : new Secret(stripLineFeed(text));
  };
  const passphrase = contentOf(outcomes['signing-key.passphrase']);
  const pem = contentOf(outcomes['ca.crt'])?.toString('utf8');
  return withoutUndefined({
    passphrase: passphrase && new Secret(parsePassphraseFile(passphrase)),
    registry: wrap(contentOf(outcomes['registry.json'])),
    git: gitSecrets(folder, outcomes),
    webhookSecret: line('webhook-secret'),
    token: line('token'),
    ca: pem === undefined ? undefined : { file: path.join(folder, 'ca.crt'), pem },
  });
}

function contentOf(outcome: FileOutcome): Buffer | undefined {
  return outcome.kind === 'read' ? outcome.content : undefined;
}

function wrap(content: Buffer | undefined): Secret | undefined {
  return content === undefined ? undefined : new Secret(content);
}

function gitSecrets(folder: string, outcomes: Outcomes): GitSecrets | undefined {
  if (outcomes['git-credentials'].kind === 'read') {
    return { kind: 'credentials', file: path.join(folder, 'git-credentials') };
  }
  if (outcomes['ssh-key'].kind !== 'read') return undefined;
  return { kind: 'ssh', keyFile: path.join(folder, 'ssh-key'), knownHostsFile: path.join(folder, 'known_hosts') };
}

type Defined<Fields> = { readonly [Key in keyof Fields]?: Exclude<Fields[Key], undefined> };

function withoutUndefined<Fields extends object>(fields: Fields): Defined<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<Fields>;
}
