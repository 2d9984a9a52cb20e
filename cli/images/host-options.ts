import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';
import { findCertificateFolders, readCertificateFolder } from './certificate-folders.ts';
import { readOptionFile } from './docker-credentials.ts';
import type { RegistryHostOptions } from '../../activities/oci/index.ts';

/**
 * How hosts are reached by the options of a command, else by the folders of certificates that are there anyway.
 * @throws CliError `usage`.
 */
export async function readHostOptions(
  { plainHttp = [], caFile = [], certDir, tokenServer = [] }: RegistryOptions,
  { cwd, env }: Pick<Terminal, 'cwd' | 'env'>,
): Promise<Record<string, RegistryHostOptions>> {
  const hosts: Record<string, RegistryHostOptions> =
    certDir === undefined
      ? await findCertificateFolders({ env })
      : { '*': await readCertificateFolder(path.resolve(cwd, certDir), '--cert-dir') };
  for (const host of plainHttp) hosts[host] = { plainHttp: true };
  for (const pair of caFile) {
    const [host, file] = splitPair(pair, '--ca-file: expected HOST[:PORT]=FILE');
    if (hosts[host]?.plainHttp === true) throw usageError(`${host}: expected --plain-http or --ca-file, not both`);
    const ca = await readOptionFile(path.resolve(cwd, file), '--ca-file');
    hosts[host] = { ...hosts[host], ca, systemCa: false };
  }
  for (const pair of tokenServer) {
    const [host, server] = splitPair(pair, TOKEN_SERVER);
    hosts[host] = { ...hosts[host], tokenServers: [...(hosts[host]?.tokenServers ?? []), originOf(server)] };
  }
  return hosts;
}

/** The authorities for one more host of which the options speak: the server of signatures at this address. */
export function authorityFor(hosts: Readonly<Record<string, RegistryHostOptions>>, url: string): string | undefined {
  const host = URL.canParse(url) ? new URL(url).host : '';
  const { ca, systemCa = false } = hosts[host] ?? hosts['*'] ?? {};
  if (ca === undefined) return undefined;
  return systemCa ? [ca, ...rootCertificates].join('\n') : ca;
}

const TOKEN_SERVER = '--token-server: expected HOST[:PORT]=URL, the URL with https:// (or http:// beside --plain-http)';

function splitPair(pair: string, expectation: string): readonly [string, string] {
  const equals = pair.indexOf('=');
  if (equals < 1) throw usageError(expectation);
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** The path of a realm does not count; a user in it is no business of the command line. */
function originOf(server: string): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url === undefined || !isWeb || url.username !== '' || url.password !== '') throw usageError(TOKEN_SERVER);
  return url.origin;
}
