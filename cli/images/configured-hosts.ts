import { readFile } from 'node:fs/promises';
import type { RegistryHostOptions } from '../../activities/oci/index.ts';
import type { Configuration } from '../../worker/configuration/index.ts';

/**
 * How the configuration reaches its registries; authorities that the caller cannot read are left out, and certificates
 * of the environments' own, which stay with their workers.
 */
export async function readHosts({ environments }: Configuration): Promise<Record<string, RegistryHostOptions>> {
  const hosts: Record<string, RegistryHostOptions> = {};
  for (const { registries } of Object.values(environments)) {
    for (const [host, { plainHttp, ca, tokenServers }] of Object.entries(registries)) {
      const pem = ca === undefined ? undefined : await readFile(ca, 'utf8').catch(() => undefined);
      hosts[host] = {
        tokenServers,
        ...(plainHttp !== undefined && { plainHttp }),
        ...(pem !== undefined && { ca: pem }),
      };
    }
  }
  return hosts;
}
