import path from 'node:path';
import { readImageTree } from '../../activities/oci/index.ts';
import type { RegistryClient } from '../../activities/oci/index.ts';
import { checkSigningKey, loadSigningKey, parsePassphraseFile } from '../../activities/signing/index.ts';
import type { SignatureClaim, SigningKey } from '../../activities/signing/index.ts';
import type { Configuration } from '../../worker/configuration/index.ts';
import { openEnvironmentRegistries } from '../../worker/registries.ts';
import { neededSecrets, readSecrets } from '../../worker/secrets/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference, nameUnder, parseReference } from '../../workflows/domain/reference.ts';
import type { Call } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError, usageError } from '../failure.ts';
import { readOptionBytes } from './docker-credentials.ts';
import { addSignature } from './signature-directory.ts';
import { addToRegistry } from './signature-registry.ts';
import { openRegistries } from './open-registries.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';

/** Where key and credentials come from. */
export type SigningSource =
  | {
      readonly by: 'files';
      readonly keyFile: string;
      readonly passphraseFile?: string;
      readonly registry: RegistryOptions;
    }
  | { readonly by: 'environment'; readonly configuration: Configuration; readonly environment: string };

/** Where the signatures go. */
export type SigningTarget = { readonly to: 'directory'; readonly directory: string } | { readonly to: 'registry' };

/** What is signed where. */
export interface SignWish {
  readonly image: string;
  readonly source: SigningSource;
  readonly target: SigningTarget;
}

/** One signature; path and number only in a directory. */
export interface SignedManifest {
  readonly digest: Digest;
  readonly platform: string | null;
  /** Relative to the directory. */
  readonly path?: string;
  readonly number?: number;
  /** False where an equal signature was there already. */
  readonly added: boolean;
}

/** What was signed; the JSON of `sign`. */
export interface SignSummary {
  readonly reference: string;
  readonly digest: Digest;
  readonly fingerprint: string;
  readonly signatures: readonly SignedManifest[];
}

/**
 * Signs every manifest of an image under its tag reference and adds the signatures to a directory, or to its registry.
 * @throws CliError, RegistryError, SigningError.
 */
export async function signImage({ terminal }: Call, wish: SignWish): Promise<SignSummary> {
  const { digest: wanted, ...reference } = parseReference(wish.image);
  if (reference.tag === undefined) throw usageError('IMAGE: expected a tag; the signatures claim it');
  // The key first: nothing is read or written for one that readers would refuse.
  const { key, client } = await openSource(wish.source, reference, terminal);
  try {
    const now = new Date(terminal.now());
    await checkSigningKey(key, { now, mustLiveUntil: now });
    const digest = wanted ?? (await client.resolve(reference, { signal: terminal.signal }));
    if (digest === undefined) throw new CliError(EXIT.notFound, `there is no ${formatReference(reference)}`);
    const byDigest = { domain: reference.domain, path: reference.path, digest };
    const { manifests } = await readImageTree(client, byDigest, { signal: terminal.signal });
    const claims = manifests.map((manifest) => ({ digest: manifest.digest, reference, time: now }));
    const added = await addSignatures(wish.target, { key, claims, client, signal: terminal.signal });
    const signatures = added.map((one, index) => ({ ...one, platform: manifests[index]?.platform ?? null }));
    return { reference: formatReference(reference), digest, fingerprint: key.fingerprint, signatures };
  } finally {
    await client.close();
  }
}

async function addSignatures(
  target: SigningTarget,
  work: {
    readonly key: SigningKey;
    readonly claims: readonly SignatureClaim[];
    readonly client: RegistryClient;
    readonly signal: AbortSignal;
  },
): Promise<readonly Omit<SignedManifest, 'platform'>[]> {
  if (target.to === 'registry') return await addToRegistry(work);
  const written: Omit<SignedManifest, 'platform'>[] = [];
  for (const claim of work.claims) {
    written.push({ ...(await addSignature(target.directory, work.key, claim)), digest: claim.digest });
  }
  return written;
}

async function openSource(
  source: SigningSource,
  reference: Parameters<typeof nameUnder>[1],
  terminal: Call['terminal'],
): Promise<{ key: SigningKey; client: RegistryClient }> {
  if (source.by === 'environment') return await openEnvironmentSource(source, reference);
  const armoredKey = await readOptionBytes(source.keyFile, '--key');
  const passphrase =
    source.passphraseFile === undefined
      ? undefined
      : parsePassphraseFile(await readOptionBytes(source.passphraseFile, '--passphrase-file'));
  const name = source.keyFile;
  const key = await loadSigningKey({ armoredKey, name, ...(passphrase !== undefined && { passphrase }) });
  return { key, client: await openRegistries(source.registry, terminal) };
}

async function openEnvironmentSource(
  { configuration, environment }: Extract<SigningSource, { by: 'environment' }>,
  reference: Parameters<typeof nameUnder>[1],
): Promise<{ key: SigningKey; client: RegistryClient }> {
  const own = configuration.environments[environment];
  if (own === undefined) throw usageError(`there is no environment ${environment}`);
  if (nameUnder(own.registry, reference) === undefined) {
    throw usageError(
      `the image lies outside ${own.registry}, the registry of ${environment}; its key signs nothing else`,
    );
  }
  const secrets = await readSecrets(environment, own.secrets, neededSecrets(own));
  const passphrase = secrets.passphrase?.reveal();
  const key = await loadSigningKey({
    armoredKey: secrets.signingKey.revealBytes(),
    name: path.join(secrets.folder, 'signing-key.asc'),
    ...(passphrase !== undefined && { passphrase }),
  });
  return { key, client: await openEnvironmentRegistries([own], secrets) };
}
