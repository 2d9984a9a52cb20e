import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../../workflows/domain/digest.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { TrustError } from './error.ts';
import { decodeRegistriesD } from './registries-d-file.ts';
import type { RegistriesDFile, RegistriesDSection } from './registries-d-file.ts';
import { pullReference, scopesOf } from './scopes.ts';
import { YamlError } from './yaml-node.ts';

export type { RegistriesDSection } from './registries-d-file.ts';

/** A parsed registries.d directory. */
export type RegistriesD = RegistriesDFile;

/** Which store counts for a reference, and what was looked at on the way there. */
export interface LookasideChoice {
  /** Undefined where nothing is configured, and readers use their built-in directory. */
  readonly url?: string;
  /** A scope of `docker`, or `default-docker`. */
  readonly from?: string;
  /** For example `lookaside`, or the older `sigstore`. */
  readonly key?: string;
  /** Every scope that may have a section, most specific first, and whether it has one. */
  readonly candidates: readonly { readonly scope: string; readonly configured: boolean }[];
}

const ACCESS = {
  read: ['lookaside', 'sigstore'],
  write: ['lookaside-staging', 'sigstore-staging', 'lookaside', 'sigstore'],
} as const;

/**
 * Reads the `.yaml` files of a directory, not of those below it; one that does not exist is an empty configuration.
 * @throws TrustError `configuration-invalid` for YAML that is wrong, or a scope that two files configure.
 */
export async function readRegistriesD(directory: string): Promise<RegistriesD> {
  const docker = new Map<string, RegistriesDSection>();
  let defaultDocker: RegistriesDSection | undefined;
  for (const name of await listFiles(directory)) {
    const file = join(directory, name);
    const bytes = await readConfigured(file);
    if (bytes === undefined) continue;
    const content = decodeFile(bytes, file);
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
  return findLookaside(config, reference, access).url;
}

/** `lookasideFor`, and how it was found. */
export function findLookaside(
  config: RegistriesD,
  reference: ImageReference,
  access: 'read' | 'write',
): LookasideChoice {
  const sections = sectionsFor(config, reference);
  const candidates = sections.map(({ scope, section }) => ({ scope, configured: section !== undefined }));
  for (const { scope: from, section } of sections) {
    for (const key of ACCESS[access]) {
      const url = section?.[key];
      if (url !== undefined && url !== '') return { url, from, key, candidates };
    }
  }
  return { candidates };
}

/** Whether readers look for sigstore signatures in the registry, beside those of the store. */
export function usesSigstoreAttachments(config: RegistriesD, reference: ImageReference): boolean {
  const flags = sectionsFor(config, reference).map(({ section }) => section?.['use-sigstore-attachments']);
  return flags.find((flag) => flag !== undefined) ?? false;
}

function sectionsFor(
  config: RegistriesD,
  reference: ImageReference,
): { readonly scope: string; readonly section: RegistriesDSection | undefined }[] {
  const scopes = scopesOf(pullReference(reference)).map((scope) => ({ scope, section: config.docker.get(scope) }));
  return [...scopes, { scope: 'default-docker', section: config.defaultDocker }];
}

async function listFiles(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && entry.name.endsWith('.yaml'))
      .map(({ name }) => name)
      .sort();
  } catch (cause) {
    if (isMissing(cause)) return [];
    throw new TrustError('configuration-invalid', `cannot read directory ${quote(directory)}`, { cause });
  }
}

/** Undefined for a link that leads nowhere, which readers pass over. */
async function readConfigured(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new TrustError('configuration-invalid', `cannot read ${quote(file)}; readers then refuse every image`, {
      cause,
    });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function decodeFile(bytes: Uint8Array, file: string): RegistriesDFile {
  try {
    return decodeRegistriesD(bytes);
  } catch (cause) {
    if (!(cause instanceof YamlError)) throw cause;
    throw new TrustError(
      'configuration-invalid',
      `${quote(file)} refused: ${cause.message}; readers then refuse every image`,
      { cause },
    );
  }
}

function twice(file: string, scope: string): TrustError {
  return new TrustError('configuration-invalid', `${quote(file)} refused: ${scope} is configured in another file, too`);
}
