import path from 'node:path';
import type { RegistryOptions } from '../commands/registry-options.ts';
import { findCredentials, readAuthFile, readOptionFile } from './docker-credentials.ts';
import { usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { createRegistryClient } from '../../activities/oci/index.ts';
import type { RegistryClient, RegistryCredentials, RegistryHostOptions } from '../../activities/oci/index.ts';

/** Opens a registry client by these options; `credentials` takes the place of the caller's own. */
export async function openRegistries(
  options: RegistryOptions,
  terminal: Terminal,
  credentials?: RegistryCredentials,
): Promise<RegistryClient> {
  const hosts = await readHostOptions(options, terminal.cwd);
  return createRegistryClient({ hosts, credentials: credentials ?? (await ownCredentials(options, terminal)) });
}

async function ownCredentials({ authfile }: RegistryOptions, terminal: Terminal): Promise<RegistryCredentials> {
  if (authfile === undefined) return await findCredentials(terminal);
  return await readAuthFile(path.resolve(terminal.cwd, authfile), '--authfile');
}

async function readHostOptions(
  { plainHttp = [], caFile = [] }: RegistryOptions,
  cwd: string,
): Promise<Record<string, RegistryHostOptions>> {
  const hosts: Record<string, RegistryHostOptions> = {};
  for (const host of plainHttp) hosts[host] = { plainHttp: true };
  for (const pair of caFile) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw usageError('--ca-file: expected HOST[:PORT]=FILE');
    const host = pair.slice(0, equals);
    if (hosts[host]?.plainHttp === true) throw usageError(`${host}: expected --plain-http or --ca-file, not both`);
    hosts[host] = { ca: await readOptionFile(path.resolve(cwd, pair.slice(equals + 1)), '--ca-file') };
  }
  return hosts;
}
