import path from 'node:path';
import { hasRegistryOptions } from '../commands/registry-options.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';
import { readHosts } from './configured-hosts.ts';
import { findCredentials, readAuthFile } from './docker-credentials.ts';
import { readHostOptions } from './host-options.ts';
import type { Terminal } from '../terminal.ts';
import { createRegistryClient, proxySettingsOf } from '../../activities/oci/index.ts';
import type { RegistryClient, RegistryCredentials } from '../../activities/oci/index.ts';
import type { Configuration } from '../../worker/configuration/index.ts';

/** Opens a registry client by these options; `credentials` takes the place of the caller's own. */
export async function openRegistries(
  options: RegistryOptions & { readonly requestsPerSecond?: number },
  terminal: Terminal,
  credentials?: RegistryCredentials,
): Promise<RegistryClient> {
  const { requestsPerSecond } = options;
  const hosts = await readHostOptions(options, terminal);
  const pace = requestsPerSecond === undefined ? {} : { requestsPerSecond };
  return createRegistryClient({
    hosts,
    proxy: proxySettingsOf(terminal.env),
    credentials: credentials ?? (await ownCredentials(options, terminal)),
    ...pace,
  });
}

async function ownCredentials({ authfile }: RegistryOptions, terminal: Terminal): Promise<RegistryCredentials> {
  if (authfile === undefined) return await findCredentials(terminal);
  return await readAuthFile(path.resolve(terminal.cwd, authfile), '--authfile');
}

/** Opens one by these options where any of them was given, else by the configuration. */
export async function openConfiguredRegistries(
  configuration: Configuration,
  options: RegistryOptions,
  terminal: Terminal,
): Promise<RegistryClient> {
  if (hasRegistryOptions(options)) return await openRegistries(options, terminal);
  const [hosts, credentials] = await Promise.all([readHosts(configuration), findCredentials(terminal)]);
  return createRegistryClient({ hosts, credentials, proxy: proxySettingsOf(terminal.env) });
}
