/** A whole installation on loopback: Temporal, registries, git, signature servers, keys, configuration and workers. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { generateKey } from '../../activities/signing/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { runCommand } from './command.ts';
import type { CommandOutcome } from './command.ts';
import { startDockerRegistry } from './docker-registry.ts';
import type { DockerRegistry } from './docker-registry.ts';
import { startGitHost } from './git-host.ts';
import type { GitHost } from './git-host.ts';
import { freePort, startProcess, startTemporal, waitUntil } from './parts/index.mjs';
import type { RunningProcess } from './parts/index.mjs';
import { pushSampleImage } from './registry-push.ts';
import { buildSampleImage } from './sample-image.ts';
import { configurationOf } from './site-configuration.ts';
import type { Site, SiteEnvironment, SiteOptions, SiteParts } from './site-types.ts';

export type { Site, SiteEnvironment, SiteOptions } from './site-types.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** The compiled command. */
export const COUNTERSIGN = path.join(root, 'dist/cli/main.js');
export const NAMESPACE = 'acme';
export const APPROVERS = ['Ann Lee <ann@example.com>', 'Bob Ray <bob@example.com>'] as const;

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
  const run = async (...args: readonly string[]): Promise<CommandOutcome> =>
    await runCommand(process.execPath, [COUNTERSIGN, '--config', configurationFile, ...args], { cwd: folder });
  const setup = await run('setup');
  if (setup.code !== 0) throw new Error(`countersign setup failed:\n${setup.stderr}`);
  return openSite({ folder, configurationFile, temporal, gitHost, environments, run });
}

/** What can be done with everything that was started. */
function openSite(parts: SiteParts): Site {
  const { configurationFile, temporal, gitHost, environments } = parts;
  const workers = new Map<string, RunningProcess>();
  return {
    ...parts,
    workers,
    environment: (name) => environments.find((one) => one.name === name)!,
    startWorkers: async (...names) => {
      const wanted = names.length > 0 ? names : ['orchestrator', ...environments.map(({ name }) => name)];
      await Promise.all(wanted.map(async (name) => workers.set(name, await startWorker(configurationFile, name))));
    },
    push: async (name, tag, imageOptions) => {
      const image = await buildSampleImage({ seed: `${name}:${tag}`, ...imageOptions });
      await pushSampleImage(environments[0]!.registry, `${NAMESPACE}/${name}`, tag, image);
      return image;
    },
    stop: async () => {
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      const servers = environments.map(({ signatureServer }) => signatureServer.process.stop());
      await Promise.all([...servers, ...environments.map(({ registry }) => registry.stop())]);
      await Promise.all([temporal.stop(), gitHost.stop()]);
    },
  };
}

/** The id of a promotion whose name is short enough to stand in it whole. */
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
