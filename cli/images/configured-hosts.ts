import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { RegistryHostOptions } from '../../activities/oci/index.ts';
import type { Configuration, EnvironmentConfiguration } from '../../worker/configuration/index.ts';

/**
 * How the configuration reaches its registries and signature servers; authorities that the caller cannot read are left
 * out, and certificates of the environments' own, which stay with their workers.
 */
export async function readHosts({ environments }: Configuration): Promise<Record<string, RegistryHostOptions>> {
  const hosts: Record<string, RegistryHostOptions> = {};
  for (const { registries } of Object.values(environments)) {
    for (const [host, { plainHttp, ca, tokenServers }] of Object.entries(registries)) {
      const pem = ca === undefined ? undefined : await readIfReadable(ca);
      hosts[host] = {
        tokenServers,
        ...(plainHttp !== undefined && { plainHttp }),
        ...(pem !== undefined && { ca: pem }),
      };
    }
  }
  for (const own of Object.values(environments)) {
    const ca = await readPrivateAuthority(own);
    const { host } = new URL(own.signatures.servedAt);
    if (ca !== undefined) hosts[host] = { ca, ...hosts[host] };
  }
  return hosts;
}

/**
 * The private authority of an environment's signature server, PEM. It lies beside the secrets, but is none; whoever cannot
 * read it goes by the authorities of the system.
 */
export async function readPrivateAuthority({ secrets }: EnvironmentConfiguration): Promise<string | undefined> {
  return await readIfReadable(path.join(secrets, 'ca.crt'));
}

async function readIfReadable(file: string): Promise<string | undefined> {
  return await readFile(file, 'utf8').catch(() => undefined);
}
