import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { YAMLParseError, parse } from 'yaml';
import { quote } from '../../workflows/domain/digest.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { TrustError } from './error.ts';
import { scopesOf, withDefaultTag } from './scopes.ts';

/** Where one scope keeps its signatures. */
export interface RegistriesDSection {
  readonly lookaside?: string;
  readonly 'lookaside-staging'?: string;
  readonly sigstore?: string;
  readonly 'sigstore-staging'?: string;
}

/** A parsed registries.d directory. */
export interface RegistriesD {
  readonly defaultDocker?: RegistriesDSection;
  readonly docker: ReadonlyMap<string, RegistriesDSection>;
}

const URL_KEYS = ['lookaside', 'lookaside-staging', 'sigstore', 'sigstore-staging'] as const;
const ACCESS = {
  read: ['lookaside', 'sigstore'],
  write: ['lookaside-staging', 'sigstore-staging', 'lookaside', 'sigstore'],
} as const;

/**
 * Reads the `.yaml` files of a directory; one that does not exist is an empty configuration.
 * @throws TrustError `configuration-invalid` for YAML that is wrong, or a scope that two files configure.
 */
export async function readRegistriesD(directory: string): Promise<RegistriesD> {
  const docker = new Map<string, RegistriesDSection>();
  let defaultDocker: RegistriesDSection | undefined;
  for (const name of await listFiles(directory)) {
    const file = join(directory, name);
    const content = parseFile(await readFile(file, 'utf8'), file);
    if (content.defaultDocker !== undefined && defaultDocker !== undefined) throw twice(file, 'default-docker');
    defaultDocker ??= content.defaultDocker;
    for (const [scope, section] of content.docker) {
      if (docker.has(scope)) throw twice(file, quote(scope));
      docker.set(scope, section);
    }
  }
  return { docker, ...(defaultDocker !== undefined && { defaultDocker }) };
}

/**
 * The store for a reference: of the most specific scope that says something for this access, else of `default-docker`;
 * undefined where nothing is configured and readers use their built-in directory.
 */
export function lookasideFor(
  config: RegistriesD,
  reference: ImageReference,
  access: 'read' | 'write',
): string | undefined {
  const sections = scopesOf(withDefaultTag(reference)).map((scope) => config.docker.get(scope));
  for (const section of [...sections, config.defaultDocker]) {
    for (const key of ACCESS[access]) {
      const url = section?.[key];
      if (url !== undefined && url !== '') return url;
    }
  }
  return undefined;
}

async function listFiles(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith('.yaml')).sort();
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw new TrustError('configuration-invalid', `cannot read directory ${quote(directory)}`, { cause });
  }
}

function parseFile(text: string, file: string): RegistriesD {
  const invalid = (why: string, cause?: unknown): TrustError =>
    new TrustError('configuration-invalid', `${quote(file)} refused: ${why}; readers then refuse every image`, {
      cause,
    });
  let content: unknown;
  try {
    content = parse(text, { uniqueKeys: true });
  } catch (cause) {
    if (cause instanceof YAMLParseError) throw invalid(cause.message.split('\n', 1)[0] ?? 'no YAML', cause);
    throw cause;
  }
  const top = asMap(content, () => invalid('expected a map'));
  const docker = new Map<string, RegistriesDSection>();
  for (const [scope, section] of Object.entries(asMap(top['docker'], () => invalid('docker: expected a map')))) {
    docker.set(
      scope,
      readSection(section, () => invalid(`docker.${scope}: expected URLs as text`)),
    );
  }
  const written = top['default-docker'];
  if (written === undefined || written === null) return { docker };
  return { docker, defaultDocker: readSection(written, () => invalid('default-docker: expected URLs as text')) };
}

/** Unknown keys are ignored here, unlike in policy.json. */
function readSection(value: unknown, refuse: () => TrustError): RegistriesDSection {
  const section: { -readonly [Key in keyof RegistriesDSection]: RegistriesDSection[Key] } = {};
  const map = asMap(value, refuse);
  for (const key of URL_KEYS) {
    const url = map[key];
    if (url === undefined || url === null) continue;
    if (typeof url !== 'string') throw refuse();
    section[key] = url;
  }
  return section;
}

function asMap(value: unknown, refuse: () => TrustError): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw refuse();
  return value as Readonly<Record<string, unknown>>;
}

function twice(file: string, scope: string): TrustError {
  return new TrustError('configuration-invalid', `${quote(file)} refused: ${scope} is configured in another file, too`);
}
