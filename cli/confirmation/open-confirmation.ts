import { readFile } from 'node:fs/promises';
import { resolveReplicas } from '../../activities/signature-server/index.ts';
import { readKeyRing } from '../../activities/signing/index.ts';
import { environmentOf, openReplicas } from '../../worker/environment-context.ts';
import { formatRepository, nameUnder } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { checkEnvironment } from '../call.ts';
import type { Call } from '../call.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';
import { usageError } from '../failure.ts';
import { readPrivateAuthority } from '../images/configured-hosts.ts';
import { openConfiguredRegistries, openRegistries } from '../images/open-registries.ts';
import { readKeyOptions } from '../publishing/open-place.ts';
import type { ConfirmationPlace } from './look-once.ts';
import { authorityOf } from './server-authority.ts';

/** Where signatures are served, as the command line says it. */
export interface ConfirmationOptions extends RegistryOptions {
  readonly servedAt?: string;
  readonly replica?: readonly string[];
  readonly key?: readonly string[];
  readonly environment?: string;
}

/**
 * Opens what a confirmation needs: by options, or by the configuration of an environment.
 * @throws CliError `usage`, SigningError for keys that cannot be used.
 */
export async function openConfirmation(
  call: Call,
  options: ConfirmationOptions,
  reference: ImageReference,
): Promise<ConfirmationPlace> {
  const place =
    options.environment === undefined
      ? await openByOptions(call, options, reference)
      : await openByEnvironment(call, options.environment, { options, reference });
  call.closeLater(() => place.client.close());
  return place;
}

async function openByOptions(
  call: Call,
  options: ConfirmationOptions,
  reference: ImageReference,
): Promise<ConfirmationPlace> {
  const { servedAt, replica: addresses = [], key } = options;
  if (servedAt === undefined || key === undefined)
    throw usageError('expected --served-at with --key, or --environment');
  if (!/^https?:\/\/[^/]/.test(servedAt)) throw usageError('--served-at: expected https://HOST/PATH');
  const keys = await readKeyOptions(call, key);
  // What is no address is told at once.
  await resolveReplicas({ addresses });
  const ca = await authorityOf(call, options, servedAt);
  return {
    client: await openRegistries(options, call.terminal),
    servedAt,
    resolveReplicas: (signal) => resolveReplicas({ addresses }, { signal }),
    keys,
    keyFiles: key.map((file) => call.resolvePath(file)),
    registry: formatRepository(reference),
    ...(ca !== undefined && { ca }),
  };
}

async function openByEnvironment(
  call: Call,
  name: string,
  { options, reference }: { readonly options: ConfirmationOptions; readonly reference: ImageReference },
): Promise<ConfirmationPlace> {
  if ([options.servedAt, options.replica, options.key].some((one) => one !== undefined)) {
    throw usageError(
      '--environment says where signatures are served and whose count; expected no further option for that',
    );
  }
  const configuration = await call.configuration();
  const own = environmentOf(configuration, checkEnvironment(configuration, name, '--environment'));
  if (nameUnder(own.registry, reference) === undefined) {
    throw usageError(`the image lies outside ${own.registry}, the registry of ${name}`);
  }
  const { publicKeys, servedAt } = own.signatures;
  const files = publicKeys.map(async (file) => ({ name: file, bytes: await readFile(file) }));
  const ca = (await authorityOf(call, options, servedAt)) ?? (await readPrivateAuthority(own));
  return {
    client: await openConfiguredRegistries(configuration, options, call.terminal),
    servedAt,
    resolveReplicas: openReplicas(own),
    keys: await readKeyRing(await Promise.all(files)),
    keyFiles: publicKeys,
    registry: own.registry,
    ...(ca !== undefined && { ca }),
  };
}
