import path from 'node:path';
import { findCredentials, readAuthFile, readCredentialFile } from './docker-credentials.ts';
import { openRegistries } from './open-registries.ts';
import { refuseUnverified } from './refuse-unverified.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError, usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { carryArtifacts, copyImage, planArtifacts, planCopy, selectPlatform } from '../../activities/oci/index.ts';
import type {
  CarriedArtifact,
  CopyOptions,
  CopyPlan,
  CopyProgress,
  CopyResult,
  PlannedArtifact,
  RegistryClient,
  RegistryCredentials,
} from '../../activities/oci/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference, parseReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/** Where the credentials of one side come from. */
export type Login =
  { readonly kind: 'own' } | { readonly kind: 'auth' | 'creds'; readonly file: string; readonly option: string };

/** What is copied where, and how. */
export interface CopyWish {
  readonly source: string;
  readonly target: string;
  readonly hosts: Omit<RegistryOptions, 'authfile'>;
  readonly sourceLogin: Login;
  readonly targetLogin: Login;
  /** Sides for which the caller wants no verification of TLS. */
  readonly skipsVerification: { readonly source: boolean; readonly target: boolean };
  /** `os/arch[/variant]`; default: all. */
  readonly platform?: string;
  readonly withReferrers: boolean;
  /** Every manifest and blob is asked for, although the target says that it has the image. */
  readonly thorough: boolean;
  readonly dryRun: boolean;
  /** Blobs at once. Default: that of the copy. */
  readonly jobs?: number;
  /** Default: no limit. */
  readonly bytesPerSecond?: number;
  /** To each registry. Default: no limit. */
  readonly requestsPerSecond?: number;
}

/** Who is told while it is copied. */
export interface CopyListener {
  readonly onProgress: (progress: CopyProgress) => void;
  readonly onArtifact: (artifact: CarriedArtifact) => void;
}

interface CopyHead {
  readonly source: string;
  readonly target: string;
  /** As it was asked for; null for all. */
  readonly platform: string | null;
}

/** What was copied; the JSON of `copy`. */
export interface CopySummary extends CopyHead, CopyResult {
  /** What is attached to the image; null where nobody asked for it. */
  readonly artifacts: readonly CarriedArtifact[] | null;
}

/** What would be copied; the JSON of `copy --dry-run`. */
export interface PlanSummary extends CopyHead, CopyPlan {
  readonly dryRun: true;
  /** What the target's tag stands for now; null where there is none, or none was named. */
  readonly tagBefore: Digest | null;
  /** What is attached to the image; null where nobody asked for it. */
  readonly artifacts: readonly PlannedArtifact[] | null;
}

interface Route extends Pick<CopyOptions, 'source' | 'target' | 'signal'> {
  readonly tag: string | undefined;
  readonly head: CopyHead;
}

/**
 * Copies an image between two registries: the tag is resolved once, and only the digest counts from there on. The
 * target's tag comes last, so whoever pulls it finds what is attached to the image.
 * @throws CliError, RegistryError.
 */
export async function copyBetween(terminal: Terminal, wish: CopyWish, listener: CopyListener): Promise<CopySummary> {
  return await between(terminal, wish, async ({ source, target, tag, head }) => {
    const { signal } = terminal;
    const { jobs, bytesPerSecond, withReferrers } = wish;
    const pace = {
      ...(jobs !== undefined && { concurrency: jobs }),
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    };
    const options = { source, target, thorough: wish.thorough, signal, ...pace };
    const { onProgress, onArtifact } = listener;
    if (!withReferrers) {
      const result = await copyImage({ ...options, onProgress, ...(tag !== undefined && { tag }) });
      return { ...head, ...result, artifacts: null };
    }
    const result = await copyImage({ ...options, onProgress });
    const artifacts = await carryArtifacts({ ...options, onArtifact });
    if (tag !== undefined) await setTag(target, { digest: result.digest, tag }, signal);
    return { ...head, ...result, artifacts };
  });
}

async function setTag(
  { client, repository }: CopyOptions['target'],
  { digest, tag }: { readonly digest: Digest; readonly tag: string },
  signal: AbortSignal,
): Promise<void> {
  const manifest = await client.fetchManifest({ ...repository, digest }, { signal });
  await client.putManifest(repository, manifest, tag, { signal });
}

/**
 * Tells what `copyBetween` would do now. Nothing is written.
 * @throws CliError, RegistryError.
 */
export async function planBetween(terminal: Terminal, wish: CopyWish): Promise<PlanSummary> {
  return await between(terminal, wish, async ({ source, target, tag, head }) => {
    const { signal } = terminal;
    const options = { source, target, signal, ...(wish.jobs !== undefined && { concurrency: wish.jobs }) };
    const plan = await planCopy(options);
    const tagged = { ...target.repository, ...(tag !== undefined && { tag }) };
    const tagBefore = tag === undefined ? undefined : await target.client.resolve(tagged, { signal });
    const artifacts = wish.withReferrers ? await planArtifacts(options) : null;
    return { dryRun: true, ...head, ...plan, tagBefore: tagBefore ?? null, artifacts };
  });
}

/** Opens both sides, finds out what is meant, and closes both sides again. */
async function between<T>(terminal: Terminal, wish: CopyWish, work: (route: Route) => Promise<T>): Promise<T> {
  const source = parseImage(wish.source);
  const target = parseImage(wish.target);
  if (source.tag === undefined && source.digest === undefined) throw usageError('SOURCE: expected a tag or a digest');
  refuseUnverified('--src-tls-verify', source, wish.skipsVerification.source, wish.hosts);
  refuseUnverified('--dest-tls-verify', target, wish.skipsVerification.target, wish.hosts);
  const from = await openSide(wish.sourceLogin, wish, terminal);
  const same = JSON.stringify(wish.sourceLogin) === JSON.stringify(wish.targetLogin);
  const to = same ? from : await openSide(wish.targetLogin, wish, terminal);
  try {
    const digest = await digestOf(from, source, { platform: wish.platform, signal: terminal.signal });
    if (target.digest !== undefined && target.digest !== digest) {
      throw usageError(`TARGET names ${target.digest}, and SOURCE is ${digest}; expected the same digest, or none`);
    }
    const head = {
      source: formatReference(source),
      target: formatReference(target),
      platform: wish.platform ?? null,
    };
    return await work({
      source: { client: from, reference: { domain: source.domain, path: source.path, digest } },
      target: { client: to, repository: { domain: target.domain, path: target.path } },
      tag: target.tag,
      head,
    });
  } finally {
    await from.close();
    if (to !== from) await to.close();
  }
}

/** A reference, also as skopeo writes it. */
function parseImage(text: string): ImageReference {
  return parseReference(text.replace(/^docker:\/\//, ''));
}

async function digestOf(
  client: RegistryClient,
  reference: ImageReference,
  { platform, signal }: { readonly platform: string | undefined; readonly signal: AbortSignal },
): Promise<Digest> {
  const digest = reference.digest ?? (await client.resolve(reference, { signal }));
  if (digest === undefined) throw new CliError(EXIT.notFound, `there is no ${formatReference(reference)}`);
  if (platform === undefined) return digest;
  const selected = await selectPlatform(client, { ...reference, digest }, platform, { signal });
  return selected.digest ?? digest;
}

async function openSide(
  login: Login,
  { hosts, requestsPerSecond }: CopyWish,
  terminal: Terminal,
): Promise<RegistryClient> {
  const options = { ...hosts, ...(requestsPerSecond !== undefined && { requestsPerSecond }) };
  return await openRegistries(options, terminal, await credentialsOf(login, terminal));
}

async function credentialsOf(login: Login, terminal: Terminal): Promise<RegistryCredentials> {
  if (login.kind === 'own') return await findCredentials(terminal);
  const file = path.resolve(terminal.cwd, login.file);
  return login.kind === 'auth' ? await readAuthFile(file, login.option) : await readCredentialFile(file, login.option);
}
