import { quote } from '../../workflows/domain/digest.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import type { Credential } from './credential.ts';
import { runCredentialProgram } from './credential-program.ts';
import { RegistryError } from './error.ts';

/** A docker config.json, checked. Secrets stay inside; nothing of it is ever shown. */
export interface RegistryCredentials {
  /**
   * The credential for a repository, by the most specific key that has one.
   * @throws RegistryError `configuration-invalid` when a credential program fails.
   */
  readonly lookup: (repository: Repository, signal?: AbortSignal) => Promise<Credential | undefined>;
}

interface Parsed {
  readonly file: string;
  /** By normalized key: `host[/namespace…]`. */
  readonly entries: ReadonlyMap<string, Credential>;
  /** Programs by host. */
  readonly programs: ReadonlyMap<string, string>;
  readonly defaultProgram?: string;
}

const DOCKER_HUB = 'docker.io';
/** The name under which Docker Hub's credentials have always been stored. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
const PROGRAM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Parses a docker config.json: `auths` with `auth` or `identitytoken`, `credHelpers`, `credsStore`.
 * @param file its name, for messages: they name the file and the key, never the content.
 * @throws RegistryError `configuration-invalid`.
 */
export function parseDockerConfig(text: string, file: string): RegistryCredentials {
  const config = parseObject(text, file);
  const entries = new Map<string, Credential>();
  for (const [key, entry] of Object.entries(recordOf(config['auths'], `${file}: auths`))) {
    const credential = readEntry(entry, `${file}: auths[${quote(key)}]`);
    if (credential !== undefined) entries.set(normalizeKey(key), credential);
  }
  const programs = new Map<string, string>();
  for (const [key, name] of Object.entries(recordOf(config['credHelpers'], `${file}: credHelpers`))) {
    programs.set(normalizeKey(key), programName(name, `${file}: credHelpers[${quote(key)}]`));
  }
  const store = config['credsStore'];
  const defaultProgram = store === undefined || store === '' ? undefined : programName(store, `${file}: credsStore`);
  const parsed: Parsed = { file, entries, programs, ...(defaultProgram !== undefined && { defaultProgram }) };
  return { lookup: (repository, signal) => lookup(parsed, repository, signal) };
}

/** Programs for the host come first, then entries from the longest path to the host, then the default program. */
async function lookup(
  parsed: Parsed,
  repository: Repository,
  signal: AbortSignal | undefined,
): Promise<Credential | undefined> {
  const host = normalizeKey(repository.domain);
  const key = host === DOCKER_HUB ? DOCKER_HUB_KEY : host;
  const own = parsed.programs.get(host);
  if (own !== undefined) return await runCredentialProgram(own, { key, file: parsed.file }, signal);
  let path = formatRepository({ ...repository, domain: host });
  while (path !== '') {
    const credential = parsed.entries.get(path);
    if (credential !== undefined) return credential;
    path = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
  }
  if (parsed.defaultProgram === undefined) return undefined;
  return await runCredentialProgram(parsed.defaultProgram, { key, file: parsed.file }, signal);
}

/** A key with a scheme is a URL of old, of which the host counts. */
function normalizeKey(key: string): string {
  const withoutScheme = key.replace(/^https?:\/\//, '');
  const isUrl = withoutScheme !== key;
  const path = isUrl ? (withoutScheme.split('/', 1)[0] ?? '') : withoutScheme.replace(/\/+$/, '');
  const slash = path.indexOf('/');
  const host = slash < 0 ? path : path.slice(0, slash);
  const isHub = host === 'index.docker.io' || host === 'registry-1.docker.io';
  return isHub ? `${DOCKER_HUB}${path.slice(host.length)}` : path;
}

function readEntry(entry: unknown, where: string): Credential | undefined {
  const { auth, identitytoken } = recordOf(entry, where) as { auth?: unknown; identitytoken?: unknown };
  if (typeof identitytoken === 'string' && identitytoken !== '') {
    return { kind: 'identity-token', token: identitytoken };
  }
  if (auth === undefined || auth === '') return undefined;
  if (typeof auth !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(auth)) {
    throw invalid(`${where}.auth: expected base64 of user, colon, password`);
  }
  const decoded = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = decoded.indexOf(':');
  if (colon < 0) throw invalid(`${where}.auth: expected base64 of user, colon, password`);
  return { kind: 'password', user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
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
