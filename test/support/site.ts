/** A whole installation on loopback: Temporal, registries, git, signature servers, keys, configuration and workers. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { generateKey } from '../../activities/signing/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { runCommand } from './command.ts';
import type { CommandOutcome } from './command.ts';
import { startDockerRegistry } from './docker-registry.ts';
import type { DockerRegistry, DockerRegistryOptions } from './docker-registry.ts';
import { startGitHost } from './git-host.ts';
import type { GitHost, GitHostRepository } from './git-host.ts';
import { freePort, startProcess, startTemporal, waitUntil } from './parts/index.mjs';
import type { RunningProcess, TemporalServer } from './parts/index.mjs';
import { pushSampleImage } from './registry-push.ts';
import { buildSampleImage } from './sample-image.ts';
import type { SampleImage, SampleImageOptions } from './sample-image.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** The compiled command. */
export const COUNTERSIGN = path.join(root, 'dist/cli/main.js');
export const NAMESPACE = 'acme';
export const APPROVERS = ['Ann Lee <ann@example.com>', 'Bob Ray <bob@example.com>'] as const;

/** One environment of a site. */
export interface SiteEnvironment {
  readonly name: string;
  readonly registry: DockerRegistry;
  /** `host:port/acme`. */
  readonly prefix: string;
  readonly repository: GitHostRepository;
  readonly signatureServer: { readonly url: string; readonly servedAt: string; process: RunningProcess };
  readonly publicKeyFile: string;
  readonly secrets: string;
}

/** What a test or the demonstration wants otherwise. */
export interface SiteOptions {
  /** An existing folder that the site may fill. */
  readonly folder: string;
  /** Names in the order of the route; default dev, qa, prod. */
  readonly route?: readonly string[];
  /** Gates by environment, as the configuration writes them; default none for the first, one approval for the others. */
  readonly gates?: Readonly<Record<string, unknown>>;
  /** Merged over an environment's part of the configuration. */
  readonly overrides?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly registries?: Readonly<Record<string, DockerRegistryOptions>>;
  readonly keyType?: 'rsa3072' | 'ed25519';
  /** Gets one line per part that came up. */
  readonly log?: (line: string) => void;
  readonly uiPort?: true;
}

/** A running site. */
export interface Site {
  readonly folder: string;
  readonly configurationFile: string;
  readonly temporal: TemporalServer;
  readonly gitHost: GitHost;
  readonly environments: readonly SiteEnvironment[];
  environment(name: string): SiteEnvironment;
  /** Running workers by name: `orchestrator` and the environments. */
  readonly workers: Map<string, RunningProcess>;
  /** Starts the orchestrator and every environment's worker, or only those named. */
  startWorkers(...names: readonly string[]): Promise<void>;
  /** Runs the `countersign` command with this site's configuration. */
  run(...args: readonly string[]): Promise<CommandOutcome>;
  /** Pushes a sample image to the first environment. */
  push(name: string, tag: string, options?: SampleImageOptions): Promise<SampleImage>;
  stop(): Promise<void>;
}

/** Starts everything but the workers. */
export async function startSite(options: SiteOptions): Promise<Site> {
  const { folder, route = ['dev', 'qa', 'prod'], log = () => undefined } = options;
  const databaseFile = path.join(folder, 'temporal.db');
  const [temporal, gitHost] = await Promise.all([
    startTemporal({ databaseFile, ...(options.uiPort && { uiPort: true }) }),
    startGitHost({ root: path.join(folder, 'git') }),
  ]);
  log(`Temporal at ${temporal.address}, git at ${gitHost.url}`);
  await writeApprovers(folder);
  const environments = await Promise.all(route.map((name) => startEnvironment(name, { options, gitHost })));
  for (const { name, registry, signatureServer } of environments) {
    log(`${name}: registry ${registry.host}, signatures ${signatureServer.servedAt}`);
  }
  const configurationFile = path.join(folder, 'countersign.yaml');
  await writeFile(configurationFile, stringify(configurationOf(environments, temporal.address, options)));
  const workers = new Map<string, RunningProcess>();
  const run = async (...args: readonly string[]): Promise<CommandOutcome> =>
    await runCommand(process.execPath, [COUNTERSIGN, '--config', configurationFile, ...args], { cwd: folder });
  const setup = await run('setup');
  if (setup.code !== 0) throw new Error(`countersign setup failed:\n${setup.stderr}`);
  return {
    folder,
    configurationFile,
    temporal,
    gitHost,
    environments,
    workers,
    run,
    environment: (name) => environments.find((one) => one.name === name)!,
    startWorkers: async (...names) => {
      const wanted = names.length > 0 ? names : ['orchestrator', ...route];
      await Promise.all(wanted.map(async (name) => workers.set(name, await startWorker(configurationFile, name))));
    },
    push: async (name, tag, imageOptions) => {
      const image = await buildSampleImage({ seed: `${name}:${tag}`, ...imageOptions });
      await pushSampleImage(environments[0]!.registry, `${NAMESPACE}/${name}`, tag, image);
      return image;
    },
    stop: async () => {
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      await Promise.all(
        environments.flatMap(({ registry, signatureServer }) => [registry.stop(), signatureServer.process.stop()]),
      );
      await Promise.all([temporal.stop(), gitHost.stop()]);
    },
  };
}

/** A decision that an approver sends, as the command takes it. */
export function idOf(name: string, tag: string, digest: Digest): string {
  return `promotion/${name}:${tag}@${digest}`;
}

async function startEnvironment(
  name: string,
  { options, gitHost }: { options: SiteOptions; gitHost: GitHost },
): Promise<SiteEnvironment> {
  const { folder } = options;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const webhookSecret = `hook-${name}-0123456789`;
  const registry = await startDockerRegistry(options.registries?.[name]);
  const repository = await gitHost.createRepository(`signatures-${name}`);
  await repository.commit('main', { 'README.md': `signatures of ${name}\n` });
  const secrets = await writeSecrets(folder, name, { webhookSecret, gitHost, registry });
  const publicKeyFile = await makeKey(folder, name, { secrets, type: options.keyType ?? 'rsa3072' });
  const server = await startSignatureServer({ folder, name, port, repository: repository.url, secrets });
  const signatureServer = { url, servedAt: `${url}/images`, process: server };
  return {
    name,
    registry,
    prefix: `${registry.host}/${NAMESPACE}`,
    repository,
    signatureServer,
    publicKeyFile,
    secrets,
  };
}

async function makeKey(
  folder: string,
  name: string,
  { secrets, type }: { secrets: string; type: 'rsa3072' | 'ed25519' },
): Promise<string> {
  const passphrase = `passphrase of ${name}`;
  const userId = { name: `countersign ${name}`, email: `${name}@example.com` };
  const { privateKey, publicKey } = await generateKey({ userId, type, passphrase });
  await writeFile(path.join(secrets, 'signing-key.asc'), privateKey, { mode: 0o600 });
  await writeFile(path.join(secrets, 'signing-key.passphrase'), `${passphrase}\n`, { mode: 0o600 });
  await mkdir(path.join(folder, 'keys'), { recursive: true });
  const file = path.join(folder, 'keys', `${name}.asc`);
  await writeFile(file, publicKey);
  return file;
}

async function writeSecrets(
  folder: string,
  name: string,
  { webhookSecret, gitHost, registry }: { webhookSecret: string; gitHost: GitHost; registry: DockerRegistry },
): Promise<string> {
  const secrets = path.join(folder, 'secrets', name);
  await mkdir(secrets, { recursive: true, mode: 0o700 });
  await writeFile(path.join(secrets, 'webhook-secret'), webhookSecret, { mode: 0o600 });
  await gitHost.writeCredentials(path.join(secrets, 'git-credentials'));
  const auth = registry.auth === undefined ? undefined : registry.auth.replace(/^Basic /, '');
  const auths = auth === undefined ? {} : { [registry.host]: { auth } };
  await writeFile(path.join(secrets, 'registry.json'), JSON.stringify({ auths }), { mode: 0o600 });
  return secrets;
}

/** Two people who decide; their private keys are not needed while decisions are claims. */
async function writeApprovers(folder: string): Promise<void> {
  await mkdir(path.join(folder, 'keys'), { recursive: true });
  const certificates = APPROVERS.map(async (userId) => {
    const [, name = '', email = ''] = /^(.*) <(.*)>$/.exec(userId) ?? [];
    return (await generateKey({ userId: { name, email }, type: 'ed25519' })).publicKey;
  });
  await writeFile(path.join(folder, 'keys', 'approvers.asc'), (await Promise.all(certificates)).join('\n'));
}

/** Starts a signature server as an operator would. */
export async function startSignatureServer(options: {
  readonly folder: string;
  readonly name: string;
  readonly port: number;
  readonly repository: string;
  readonly secrets: string;
}): Promise<RunningProcess> {
  const { folder, name, port, repository, secrets } = options;
  const args = ['serve-signatures', '--repository', repository, '--branch', 'main', '--listen', `127.0.0.1:${port}`];
  const files = [
    '--webhook-secret-file',
    path.join(secrets, 'webhook-secret'),
    '--credentials-file',
    path.join(secrets, 'git-credentials'),
  ];
  const cache = ['--cache', path.join(folder, 'served', `${name}-${port}`)];
  return await startProcess(process.execPath, [COUNTERSIGN, ...args, ...files, ...cache], {
    name: `signature server of ${name}`,
    ready: async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
  });
}

async function startWorker(configurationFile: string, name: string): Promise<RunningProcess> {
  const role = name === 'orchestrator' ? ['--orchestrate'] : ['--environment', name];
  const worker = await startProcess(process.execPath, [COUNTERSIGN, '--config', configurationFile, 'worker', ...role], {
    name: `worker ${name}`,
  });
  await waitUntil(() => /polls/.test(worker.output()), { what: `the worker of ${name}: ${worker.output()}` });
  return worker;
}

function configurationOf(environments: readonly SiteEnvironment[], address: string, options: SiteOptions): unknown {
  const first = environments[0]?.name;
  const entries = environments.map(({ name, prefix, repository, signatureServer, registry }) => {
    const people = { quorum: 1, approvers: 'keys/approvers.asc', identity: 'claimed', deadline: '1 hour' };
    const configured = {
      registry: prefix,
      ...(registry.caFile !== undefined && { registries: { [registry.host]: { ca: registry.caFile } } }),
      signatures: {
        publicKeys: [`keys/${name}.asc`],
        repository: { url: repository.url, branch: 'main', directory: 'images' },
        servedAt: signatureServer.servedAt,
        replicas: { addresses: [new URL(signatureServer.url).host] },
      },
      gate: options.gates?.[name] ?? (name === first ? 'none' : people),
      rebuild: { webhook: { url: `${signatureServer.url}/webhook` } },
      attempts: 3,
      confirm: { within: '1 minute' },
      ...options.overrides?.[name],
    };
    return [name, configured] as const;
  });
  return {
    route: environments.map(({ name }) => name),
    temporal: { address },
    environments: Object.fromEntries(entries),
  };
}
