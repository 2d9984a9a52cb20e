import path from 'node:path';
import { findCredentials, readAuthFile, readCredentialFile } from './docker-credentials.ts';
import { openRegistries } from './open-registries.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError, usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { copyImage } from '../../activities/oci/index.ts';
import type { CopyProgress, CopyResult, RegistryClient, RegistryCredentials } from '../../activities/oci/index.ts';
import { formatReference, parseReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/** Where the credentials of one side come from. */
export type Login =
  { readonly kind: 'own' } | { readonly kind: 'auth' | 'creds'; readonly file: string; readonly option: string };

/** How both registries are reached. */
export interface CopySides {
  readonly hosts: Omit<RegistryOptions, 'authfile'>;
  readonly sourceLogin: Login;
  readonly targetLogin: Login;
}

/** What is copied where. */
export interface CopyWish extends CopySides {
  readonly source: string;
  readonly target: string;
}

/** What was copied; the JSON of `copy`. */
export interface CopySummary extends CopyResult {
  readonly source: string;
  readonly target: string;
}

/**
 * Copies an image between two registries: the tag is resolved once, and only the digest counts from there on.
 * @throws CliError, RegistryError.
 */
export async function copyBetween(
  terminal: Terminal,
  wish: CopyWish,
  onProgress: (progress: CopyProgress) => void,
): Promise<CopySummary> {
  const source = parseReference(wish.source);
  const target = parseReference(wish.target);
  if (source.tag === undefined && source.digest === undefined) throw usageError('SOURCE: expected a tag or a digest');
  const from = await openSide(wish.sourceLogin, wish, terminal);
  const same = JSON.stringify(wish.sourceLogin) === JSON.stringify(wish.targetLogin);
  const to = same ? from : await openSide(wish.targetLogin, wish, terminal);
  try {
    const digest = source.digest ?? (await resolveTag(from, source, terminal.signal));
    if (target.digest !== undefined && target.digest !== digest) {
      throw usageError(`TARGET names ${target.digest}, and SOURCE is ${digest}; expected the same digest, or none`);
    }
    const result = await copyImage({
      source: { client: from, reference: { domain: source.domain, path: source.path, digest } },
      target: { client: to, repository: { domain: target.domain, path: target.path } },
      thorough: true,
      signal: terminal.signal,
      onProgress,
      ...(target.tag !== undefined && { tag: target.tag }),
    });
    return { source: formatReference(source), target: formatReference(target), ...result };
  } finally {
    await from.close();
    if (to !== from) await to.close();
  }
}

async function resolveTag(
  client: RegistryClient,
  reference: ImageReference,
  signal: AbortSignal,
): Promise<NonNullable<ImageReference['digest']>> {
  const digest = await client.resolve(reference, { signal });
  if (digest === undefined) throw new CliError(EXIT.notFound, `there is no ${formatReference(reference)}`);
  return digest;
}

async function openSide(login: Login, { hosts }: CopySides, terminal: Terminal): Promise<RegistryClient> {
  return await openRegistries(hosts, terminal, await credentialsOf(login, terminal));
}

async function credentialsOf(login: Login, terminal: Terminal): Promise<RegistryCredentials> {
  if (login.kind === 'own') return await findCredentials(terminal);
  const file = path.resolve(terminal.cwd, login.file);
  return login.kind === 'auth' ? await readAuthFile(file, login.option) : await readCredentialFile(file, login.option);
}
