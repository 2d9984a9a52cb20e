import path from 'node:path';
import type { Command } from 'commander';
import { findCredentials, readAuthFile, readOptionFile } from './docker-credentials.ts';
import { usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { createRegistryClient } from '../../activities/oci/index.ts';
import type { RegistryClient, RegistryCredentials, RegistryHostOptions } from '../../activities/oci/index.ts';

/** How commands that need no configuration reach registries. */
export interface RegistryOptions {
  readonly authfile?: string;
  readonly plainHttp?: readonly string[];
  readonly caFile?: readonly string[];
}

/** Adds the options to a command. */
export function addRegistryOptions(command: Command): Command {
  return command
    .option('--authfile <file>', 'docker configuration with the credentials (default: those of docker and podman)')
    .option('--plain-http <host...>', 'registries without TLS; loopback addresses may be so anyway')
    .option('--ca-file <host=file...>', 'certificates of a private authority, by registry');
}

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
