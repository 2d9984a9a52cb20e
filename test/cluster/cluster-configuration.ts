/** What the workers in the cluster are told: their configuration and secrets, with the addresses that pods reach. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import type { SiteEnvironment } from '../support/site.ts';
import { kube } from './pods.ts';
import type { TrustedSite } from './trusted-site.ts';

/** Where things stand for pods. */
export interface Addresses {
  /** `host:port` each. */
  readonly git: string;
  readonly temporal: string;
  /** By environment. */
  readonly servedAt: Readonly<Record<string, string>>;
}

interface WrittenConfiguration {
  readonly route: readonly string[];
  readonly environments: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Writes the configuration, and beside it the keys that it names. */
export async function writeConfiguration(trusted: TrustedSite, addresses: Addresses): Promise<void> {
  const { site } = trusted;
  const written = parse(await readFile(site.configurationFile, 'utf8')) as WrittenConfiguration;
  const environments = site.environments.map((environment) => {
    const own = written.environments[environment.name]!;
    return [environment.name, environmentConfiguration(own, environment, addresses)] as const;
  });
  const configuration = {
    route: written.route,
    secrets: '/run/secrets/countersign',
    temporal: { address: addresses.temporal },
    environments: Object.fromEntries(environments),
  };
  const file = configurationFile(trusted);
  await writeFile(file, stringify(configuration));
  for (const name of keyNames(trusted)) {
    await copyFile(path.join(site.folder, 'keys', name), path.join(path.dirname(file), name));
  }
  await copyFile(trusted.files.caFile, path.join(path.dirname(file), 'registry-ca.crt'));
}

function environmentConfiguration(
  own: Readonly<Record<string, unknown>>,
  { name, registry }: SiteEnvironment,
  { git, servedAt }: Addresses,
): unknown {
  const { gate } = own;
  const namespace = `signatures-${name}`;
  return {
    ...own,
    registries: { [registry.host]: { ca: 'registry-ca.crt' } },
    gate: typeof gate === 'object' ? { ...gate, approvers: 'approvers.asc' } : gate,
    signatures: {
      publicKeys: [`${name}.asc`],
      repository: { url: `https://${git}/signatures-${name}.git`, branch: 'main', directory: 'images' },
      servedAt: servedAt[name],
      replicas: { endpoints: { namespace, service: 'signature-server', scheme: 'http', port: 8080 } },
    },
    rebuild: { rollout: { namespace, deployment: 'signature-server' } },
  };
}

/** Of the configuration that the workers have. */
export function configurationFile({ site }: TrustedSite): string {
  return path.join(site.folder, 'in-cluster', 'countersign.yaml');
}

/** A ConfigMap of the configuration and all that it names. */
export async function createConfiguration(trusted: TrustedSite, namespace: string): Promise<void> {
  const file = configurationFile(trusted);
  const names = [...keyNames(trusted), 'registry-ca.crt'].map((name) => path.join(path.dirname(file), name));
  const files = [file, ...names].map((name) => `--from-file=${name}`);
  await kube(['create', 'configmap', 'countersign', '-n', namespace, ...files]);
}

function keyNames({ site }: TrustedSite): readonly string[] {
  return [...site.environments.map(({ name }) => name), 'approvers'].map((name) => `${name}.asc`);
}

/** The secret files of the site, with the addresses that they have for pods. */
export async function writeSecretFiles(
  trusted: TrustedSite,
  environment: SiteEnvironment,
  git: string,
): Promise<string> {
  const folder = path.join(trusted.site.folder, 'in-cluster', `secrets-${environment.name}`);
  await mkdir(folder, { recursive: true });
  for (const name of ['signing-key.asc', 'signing-key.passphrase', 'registry.json']) {
    await copyFile(path.join(environment.secrets, name), path.join(folder, name));
  }
  const credentials = await readFile(path.join(environment.secrets, 'git-credentials'), 'utf8');
  await writeFile(path.join(folder, 'git-credentials'), credentials.replace(/^http:(.*)@.*$/m, `https:$1@${git}`));
  await copyFile(trusted.files.caFile, path.join(folder, 'ca.crt'));
  return folder;
}
