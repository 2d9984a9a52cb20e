import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { readHosts } from '../images/configured-hosts.ts';
import { usageError } from '../failure.ts';
import { endpointOf } from '../../activities/oci/index.ts';
import { generateNodeTrust } from '../../activities/trust/index.ts';
import type { NodeFile, PolicyOptions } from '../../activities/trust/index.ts';
import type { Configuration, EnvironmentConfiguration } from '../../worker/configuration/index.ts';
import { parseRegistryPrefix } from '../../workflows/domain/reference.ts';

/** What is wished of the files. */
export interface NodeFilesWish extends PolicyOptions {
  /** Where they will lie on the node. */
  readonly nodePath: string;
}

/** The files of one environment's nodes, and what a person should know about them. */
export interface NodeFiles {
  readonly files: readonly NodeFile[];
  readonly notes: readonly string[];
}

/**
 * Generates the trust of an environment's nodes from the configuration and its public files.
 * @throws CliError where a public file cannot be read; TrustError for what readers would refuse.
 */
export async function generateNodeFiles(
  configuration: Configuration,
  own: EnvironmentConfiguration,
  wish: NodeFilesWish,
): Promise<NodeFiles> {
  const { name: environment, registry, signatures } = own;
  const { servedAt, publicKeys } = signatures;
  const { domain } = parseRegistryPrefix(registry);
  const { origin } = endpointOf({ domain }, await readHosts(configuration));
  const plainHttp = origin.startsWith('http:') ? [domain] : [];
  const authority = own.registries[domain]?.ca;
  const files = generateNodeTrust({
    ...wish,
    environment,
    registry,
    servedAt,
    keys: await Promise.all(publicKeys.map(async (name) => ({ name, bytes: await readPublicFile(name) }))),
    plainHttp,
    ...(authority !== undefined && {
      authorities: [{ host: domain, pem: (await readPublicFile(authority)).toString('utf8') }],
    }),
  });
  const { nodePath } = wish;
  const notes = [
    ...plainHttp.map(
      (host) => `${host} is reached without TLS: CRI-O does so only by registries.conf.d, which is written too`,
    ),
    ...(nodePath === '/etc/containers'
      ? []
      : [
          `CRI-O reads /etc/containers unless told otherwise; expected signature_policy to name ${nodePath}/policy.json`,
        ]),
    ...(wish.default === 'accept' ? ['the policy accepts everything outside of the registry without signature'] : []),
  ];
  return { files, notes };
}

/** The JSON of one file. */
export function describeNodeFile({ path, bytes }: NodeFile, nodePath: string): NodeFileDescription {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { path, nodePath: posix.join(nodePath, path), bytes: bytes.length, sha256 };
}

/** A file that was or would be written. */
export interface NodeFileDescription {
  /** Below the output directory. */
  readonly path: string;
  readonly nodePath: string;
  readonly bytes: number;
  readonly sha256: string;
}

async function readPublicFile(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw usageError(`${file}: cannot be read (${code}); "countersign config check" names every such file`);
  }
}
