import { readFile, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import type { RegistryHostOptions } from '../../activities/oci/index.ts';

type Certificates = Pick<RegistryHostOptions, 'ca' | 'systemCa' | 'clientCertificate' | 'clientKey'>;

/**
 * A folder of certificates as docker, podman and skopeo have it: `*.crt` are authorities, which count beside those of
 * the system; `NAME.cert` with `NAME.key` is what we show.
 * @throws CliError `usage` where it cannot be read, or has half of a pair.
 */
export async function readCertificateFolder(folder: string, option: string): Promise<Certificates> {
  const failed = (why: string): Error => usageError(`${option} ${folder}: ${why}`);
  const read = async (file: string): Promise<string> => {
    try {
      return await readFile(path.join(folder, file), 'utf8');
    } catch (error) {
      throw failed(`${file} cannot be read (${codeOf(error)})`);
    }
  };
  const files = await readdir(folder).catch((error: unknown) => {
    throw failed(`cannot be read (${codeOf(error)}); expected a folder with *.crt, *.cert and *.key`);
  });
  const { authorities, pairs, halves } = sortFiles(files);
  const [half] = halves;
  if (half !== undefined)
    throw failed(`${half} has no counterpart; expected NAME.cert with NAME.key, authorities as *.crt`);
  if (pairs.length > 1) throw failed(`has ${pairs.length} pairs of *.cert and *.key; expected one at most`);
  const ca = await Promise.all(authorities.map(read));
  const [pair] = pairs;
  return {
    ...(ca.length > 0 && { ca: ca.join('\n'), systemCa: true }),
    ...(pair !== undefined && { clientCertificate: await read(`${pair}.cert`), clientKey: await read(`${pair}.key`) }),
  };
}

/** The folders that are read without being named, by host; those that the caller may not read are passed over. */
export async function findCertificateFolders({ env }: Pick<Terminal, 'env'>): Promise<Record<string, Certificates>> {
  const home = env['HOME'] ?? homedir();
  const places = [path.join(home, '.config/containers/certs.d'), '/etc/containers/certs.d', '/etc/docker/certs.d'];
  const found: Record<string, Certificates> = {};
  for (const place of places) {
    const hosts = await readdir(place).catch(() => []);
    for (const host of hosts.filter((name) => !Object.hasOwn(found, name) && HOST.test(name))) {
      const certificates = await readCertificateFolder(path.join(place, host), 'certificates').catch(() => undefined);
      if (certificates !== undefined) found[host] = certificates;
    }
  }
  return found;
}

const HOST = /^[A-Za-z0-9[][A-Za-z0-9.:[\]-]*$/;

interface Sorted {
  readonly authorities: readonly string[];
  /** Names without ending. */
  readonly pairs: readonly string[];
  readonly halves: readonly string[];
}

function sortFiles(files: readonly string[]): Sorted {
  const named = (ending: string): string[] => files.filter((file) => file.endsWith(ending)).sort();
  const stems = named('.cert').map((file) => file.slice(0, -'.cert'.length));
  const lone = named('.key').filter((file) => !stems.includes(file.slice(0, -'.key'.length)));
  const pairs = stems.filter((stem) => files.includes(`${stem}.key`));
  const halves = stems.filter((stem) => !pairs.includes(stem)).map((stem) => `${stem}.cert`);
  return { authorities: named('.crt'), pairs, halves: [...halves, ...lone] };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
