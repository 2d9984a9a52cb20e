import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readKeyRing } from '../../activities/signing/index.ts';
import type { KeyRing } from '../../activities/signing/index.ts';
import type { RegistryClient } from '../../activities/oci/index.ts';
import { environmentOf, openStore } from '../../worker/environment-context.ts';
import { openEnvironmentRegistries } from '../../worker/registries.ts';
import { neededSecrets, readSecrets } from '../../worker/secrets/index.ts';
import { nameUnder } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { checkEnvironment } from '../call.ts';
import type { Call } from '../call.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';
import { usageError } from '../failure.ts';
import { readOptionBytes } from '../images/docker-credentials.ts';
import { openRegistries } from '../images/open-registries.ts';
import { openFolder } from './git-secrets.ts';
import type { GitSecretOptions } from './git-secrets.ts';
import { openNamedStore } from './named-store.ts';
import type { PublishingPlace } from './publish-signatures.ts';

/** Where to, as the command line says it. */
export interface PlaceOptions extends RegistryOptions, GitSecretOptions {
  readonly repository?: string;
  readonly branch?: string;
  readonly directory?: string;
  readonly key?: readonly string[];
  readonly environment?: string;
}

/** A place, and the registry that knows an image's manifests. */
export interface OpenedPlace {
  readonly place: PublishingPlace;
  readonly client: RegistryClient;
}

/**
 * Opens the signature repository and the registry: by options, or all of it by an environment.
 * @throws CliError `usage`, SigningError for keys that cannot be used, SecretsError.
 */
export async function openPlace(call: Call, options: PlaceOptions, reference: ImageReference): Promise<OpenedPlace> {
  const opened =
    options.environment === undefined
      ? await openByOptions(call, options)
      : await openByEnvironment(call, options.environment, { options, reference });
  call.closeLater(() => opened.client.close());
  return opened;
}

async function openByOptions(call: Call, options: PlaceOptions): Promise<OpenedPlace> {
  const { repository: url, branch = 'main', directory = 'images', key } = options;
  if (url === undefined || key === undefined) throw usageError('expected --repository with --key, or --environment');
  const keys = await readKeyOptions(call, key);
  const store = await openNamedStore(call, { ...options, url, branch, directory });
  return { place: { store, repository: url, branch, keys }, client: await openRegistries(options, call.terminal) };
}

async function openByEnvironment(
  call: Call,
  name: string,
  { options, reference }: { readonly options: PlaceOptions; readonly reference: ImageReference },
): Promise<OpenedPlace> {
  const { gitCredentials, basicAuthDir, sshDir, gitCaFile, repository, branch, directory, key } = options;
  const others = [gitCredentials, basicAuthDir, sshDir, gitCaFile, repository, branch, directory, key];
  if (others.some((one) => one !== undefined)) {
    throw usageError('--environment says where to and whose signatures count; expected no further option for that');
  }
  const configuration = await call.configuration();
  const own = environmentOf(configuration, checkEnvironment(configuration, name, '--environment'));
  if (nameUnder(own.registry, reference) === undefined) {
    throw usageError(`the image lies outside ${own.registry}, the registry of ${name}`);
  }
  const secrets = await readSecrets(name, own.secrets, neededSecrets(own));
  const client = await openEnvironmentRegistries([own], secrets);
  const files = own.signatures.publicKeys.map(async (file) => ({ name: file, bytes: await readFile(file) }));
  const keys = await readKeyRing(await Promise.all(files));
  const store = openStore(own, secrets, path.join(await openFolder(call), 'cache'));
  const { url } = own.signatures.repository;
  return { place: { store, repository: url, branch: own.signatures.repository.branch, keys }, client };
}

/**
 * The public keys that were named on the command line.
 * @throws CliError, SigningError.
 */
export async function readKeyOptions(call: Call, files: readonly string[]): Promise<KeyRing> {
  const read = files.map(async (file) => ({
    name: file,
    bytes: await readOptionBytes(call.resolvePath(file), '--key'),
  }));
  return await readKeyRing(await Promise.all(read));
}
