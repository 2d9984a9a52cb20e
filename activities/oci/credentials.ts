import { quote } from '../../workflows/domain/digest.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import type { Credential } from './credential.ts';
import { runCredentialProgram } from './credential-program.ts';
import { RegistryError } from './error.ts';

/** A file of credentials, checked. Secrets stay inside; nothing of it is ever shown. */
export interface RegistryCredentials {
  /**
   * The credential for a repository, by the most specific key that has one.
   * @throws RegistryError `configuration-invalid` when a credential program fails.
   */
  readonly lookup: (repository: Repository, signal?: AbortSignal) => Promise<Credential | undefined>;
}

interface Parsed {
  readonly file: string;
  /** By key as written; undefined where the entry holds nothing. */
  readonly exact: ReadonlyMap<string, Credential | undefined>;
  /** By the host that a key stands for. */
  readonly byHost: ReadonlyMap<string, Credential | undefined>;
  /** Programs by host. */
  readonly programs: ReadonlyMap<string, string>;
  readonly defaultProgram?: string;
}

const DOCKER_HUB = 'docker.io';
/** The names under which Docker Hub's credentials are stored: by docker of old, and by podman. */
const DOCKER_HUB_KEYS = ['https://index.docker.io/v1/', DOCKER_HUB] as const;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const PROGRAM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Parses a docker config.json or a containers auth.json: `auths` with `auth` and `identitytoken`, `credHelpers`, and
 * docker's `credsStore`.
 * @param file its name, for messages: they name the file and the key, never the content.
 * @throws RegistryError `configuration-invalid`.
 */
export function parseDockerConfig(text: string, file: string): RegistryCredentials {
  const config = parseObject(text, file);
  const auths = recordOf(config['auths'], `${file}: auths`);
  const programs = new Map<string, string>();
  for (const [key, name] of Object.entries(recordOf(config['credHelpers'], `${file}: credHelpers`))) {
    programs.set(hostOf(key), programName(name, `${file}: credHelpers[${quote(key)}]`));
  }
  const store = config['credsStore'];
  const defaultProgram = store === undefined || store === '' ? undefined : programName(store, `${file}: credsStore`);
  return credentialsOf({
    ...readEntries(auths, `${file}: auths`),
    file,
    programs,
    ...(defaultProgram !== undefined && { defaultProgram }),
  });
}

/**
 * Parses a `.dockercfg`, which is an object of entries by host.
 * @throws RegistryError like `parseDockerConfig`.
 */
export function parseDockerCfg(text: string, file: string): RegistryCredentials {
  const { byHost } = readEntries(parseObject(text, file), file);
  return credentialsOf({ file, exact: new Map(), byHost, programs: new Map() });
}

function credentialsOf(parsed: Parsed): RegistryCredentials {
  return { lookup: (repository, signal) => lookup(parsed, repository, signal) };
}

function readEntries(auths: Record<string, unknown>, where: string): Pick<Parsed, 'exact' | 'byHost'> {
  const exact = new Map<string, Credential | undefined>();
  const byHost = new Map<string, Credential | undefined>();
  for (const [key, entry] of Object.entries(auths)) {
    const credential = readEntry(entry, `${where}[${quote(key)}]`);
    exact.set(key, credential);
    const host = hostOf(key);
    if (!byHost.has(host)) byHost.set(host, credential);
  }
  return { exact, byHost };
}

/**
 * A program for the host comes first, then the entry with the longest path, then one whose key stands for the host,
 * then the default program. An entry that holds nothing ends the search among the entries.
 */
async function lookup(
  parsed: Parsed,
  repository: Repository,
  signal: AbortSignal | undefined,
): Promise<Credential | undefined> {
  const host = hostOf(repository.domain);
  const own = parsed.programs.get(host);
  if (own !== undefined) return await askProgram(own, { host, parsed }, signal);
  const found = findEntry(parsed, host, formatRepository({ ...repository, domain: host }));
  if (found !== undefined || parsed.defaultProgram === undefined) return found;
  return await askProgram(parsed.defaultProgram, { host, parsed }, signal);
}

function findEntry({ exact, byHost }: Parsed, host: string, key: string): Credential | undefined {
  for (let path = key; path !== ''; path = path.slice(0, Math.max(path.lastIndexOf('/'), 0))) {
    if (exact.has(path)) return exact.get(path);
  }
  return byHost.get(host);
}

async function askProgram(
  name: string,
  { host, parsed: { file } }: { readonly host: string; readonly parsed: Parsed },
  signal: AbortSignal | undefined,
): Promise<Credential | undefined> {
  for (const key of host === DOCKER_HUB ? DOCKER_HUB_KEYS : [host]) {
    const credential = await runCredentialProgram(name, { key, file }, signal);
    if (credential !== undefined) return credential;
  }
  return undefined;
}

/** The host that a key stands for where it has no path: of URLs, which docker wrote once, the path does not count. */
function hostOf(key: string): string {
  const withoutScheme = key.replace(/^https?:\/\//, '');
  const host = withoutScheme === key ? key : (withoutScheme.split('/', 1)[0] ?? '');
  return host === 'index.docker.io' || host === 'registry-1.docker.io' ? DOCKER_HUB : host;
}

/** `identitytoken` without the user in `auth` does not count, nor do members `username` and `password`. */
function readEntry(entry: unknown, where: string): Credential | undefined {
  const { auth, identitytoken } = recordOf(entry, where) as { auth?: unknown; identitytoken?: unknown };
  if (auth === undefined || auth === '') return undefined;
  const decoded = typeof auth === 'string' && BASE64.test(auth) ? Buffer.from(auth, 'base64').toString('utf8') : '';
  const colon = decoded.indexOf(':');
  if (colon < 0) throw invalid(`${where}.auth: expected base64 of user, colon, password`);
  if (typeof identitytoken === 'string' && identitytoken !== '') {
    return { kind: 'identity-token', token: identitytoken };
  }
  const password = decoded.slice(colon + 1).replace(/^\0+|\0+$/g, '');
  return { kind: 'password', user: decoded.slice(0, colon), password };
}

function parseObject(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes what it read, which is secret.
    throw invalid(`${file}: not JSON; expected a docker config.json`);
  }
  return recordOf(value, file);
}

function recordOf(value: unknown, where: string): Record<string, unknown> {
  if (value === undefined) return {};
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(`${where}: expected an object`);
}

function programName(value: unknown, where: string): string {
  if (typeof value === 'string' && PROGRAM.test(value)) return value;
  throw invalid(`${where}: expected the NAME of a program docker-credential-NAME`);
}

function invalid(message: string): RegistryError {
  return new RegistryError('configuration-invalid', message);
}
