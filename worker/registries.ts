import { readFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { RegistryError, createRegistryClient, parseDockerConfig, proxySettingsOf } from '../activities/oci/index.ts';
import type { RegistryClient, RegistryCredentials, RegistryHostOptions } from '../activities/oci/index.ts';
import type { EnvironmentConfiguration } from './configuration/index.ts';
import { readSecretFile } from './secrets/index.ts';
import type { EnvironmentSecrets } from './secrets/index.ts';

type OwnSecrets = Pick<EnvironmentSecrets, 'folder' | 'clientCertificates' | 'registry'>;

/**
 * One client for the own registry and those of the environments before it: the read-only credential for the origin is
 * in the same file. Of the others' options what is public counts; who we are is proven with own certificates alone.
 * @param environments the own one first.
 * @throws RegistryError `configuration-invalid` for a file of credentials that is none.
 */
export async function openEnvironmentRegistries(
  environments: readonly EnvironmentConfiguration[],
  secrets: OwnSecrets,
): Promise<RegistryClient> {
  const hosts = await readRegistryHosts(environments, secrets);
  const file = path.join(secrets.folder, 'registry.json');
  // What is wrong with it from the beginning is told at the beginning.
  if (secrets.registry !== undefined) parseDockerConfig(secrets.registry.reveal(), file);
  const credentials = watchedCredentials(file);
  return createRegistryClient({ hosts, credentials, proxy: proxySettingsOf(process.env) });
}

/** How registries are reached by the configuration; what an earlier one of `environments` says of a host goes first. */
export async function readRegistryHosts(
  environments: readonly EnvironmentConfiguration[],
  { clientCertificates }: Pick<EnvironmentSecrets, 'clientCertificates'>,
): Promise<Record<string, RegistryHostOptions>> {
  const [own] = environments;
  const hosts: Record<string, RegistryHostOptions> = {};
  for (const environment of environments.toReversed()) {
    for (const [host, { plainHttp, ca, clientCertificate = '', tokenServers }] of Object.entries(
      environment.registries,
    )) {
      const pair = environment === own ? clientCertificates.get(clientCertificate) : undefined;
      hosts[host] = {
        tokenServers,
        ...(plainHttp !== undefined && { plainHttp }),
        ...(ca !== undefined && { ca: await readFile(ca, 'utf8') }),
        ...(pair !== undefined && { clientCertificate: pair.certificate, clientKey: pair.key.reveal() }),
      };
    }
  }
  return hosts;
}

/** Reads the file whenever a credential is looked up: what it holds is often replaced while the worker runs. */
function watchedCredentials(file: string): RegistryCredentials {
  return {
    lookup: async (repository, signal) => {
      const outcome = await readSecretFile(file, 'secret');
      if (outcome.kind === 'absent') return undefined;
      if (outcome.kind === 'refused') throw unreadable(`${file} ${outcome.message}`);
      return await parseWatched(outcome.content.toString('utf8'), file).lookup(repository, signal);
    },
  };
}

function parseWatched(text: string, file: string): RegistryCredentials {
  try {
    return parseDockerConfig(text, file);
  } catch (error) {
    throw error instanceof RegistryError ? unreadable(error.message) : error;
  }
}

/** It was good when the worker started, so it may be about to be written: worth another try. */
function unreadable(message: string): RegistryError {
  return new RegistryError('registry-unavailable', message);
}
