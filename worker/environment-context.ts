import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readServiceReplicas, resolveReplicas } from '../activities/signature-server/index.ts';
import type { Replica } from '../activities/signature-server/index.ts';
import { createGitSignatureStore } from '../activities/signature-store/index.ts';
import type { SignatureStore } from '../activities/signature-store/index.ts';
import { loadSigningKey, readKeyRing } from '../activities/signing/index.ts';
import type { SigningKey } from '../activities/signing/index.ts';
import type { EnvironmentContext, EnvironmentView } from '../activities/steps/index.ts';
import { mergeApprovers } from '../workflows/domain/gate.ts';
import type { Gate } from '../workflows/domain/gate.ts';
import type { EnvironmentFacts } from '../workflows/domain/steps.ts';
import type { Configuration, EnvironmentConfiguration } from './configuration/index.ts';
import { openCluster } from './cluster-access.ts';
import { openRebuild } from './open-rebuild.ts';
import { openEnvironmentRegistries } from './registries.ts';
import { neededSecrets, readSecrets } from './secrets/index.ts';
import type { EnvironmentSecrets } from './secrets/index.ts';

/** A context and what must be closed after it. */
export interface OpenedEnvironment {
  readonly context: EnvironmentContext;
  readonly close: () => Promise<void>;
}

/**
 * Builds everything that one environment's steps need, from its part of the configuration and its own secrets. Of the
 * other environments only what is public is taken.
 * @param cacheDirectory of this process alone; holds git objects.
 * @throws ConfigurationError or SecretsError with all problems at once.
 */
export async function openEnvironment(
  configuration: Configuration,
  name: string,
  cacheDirectory: string,
): Promise<OpenedEnvironment> {
  const own = environmentOf(configuration, name);
  const secrets = await readSecrets(name, own.secrets, neededSecrets(own));
  const earlier = configuration.route.slice(0, configuration.route.indexOf(name)).reverse();
  const registryClient = await openEnvironmentRegistries(
    [own, ...earlier.map((one) => environmentOf(configuration, one))],
    secrets,
  );
  const context: EnvironmentContext = {
    ...viewOf(own),
    readFacts: () => readFacts(configuration, own),
    earlier: earlier.map((one) => viewOf(environmentOf(configuration, one))),
    minimumValidityMs: own.signatures.minimumValidityMs,
    registryClient,
    copyConcurrency: own.copy.concurrency,
    readSigningKey: signingKeyReader(own),
    store: openStore(own, secrets, cacheDirectory),
    repository: own.signatures.repository,
    rebuild: openRebuild(own, secrets),
    resolveReplicas: openReplicas(own),
    ...(secrets.ca !== undefined && { ca: secrets.ca.pem }),
    now: () => Date.now(),
  };
  return { context, close: () => registryClient.close() };
}

/** An environment's part of the configuration. */
export function environmentOf(configuration: Configuration, name: string): EnvironmentConfiguration {
  const found = Object.hasOwn(configuration.environments, name) ? configuration.environments[name] : undefined;
  if (found !== undefined) return found;
  throw new Error(`there is no environment ${JSON.stringify(name)}; the route is ${configuration.route.join(', ')}`);
}

/** What is public about an environment. */
export function viewOf({ name, registry, signatures }: EnvironmentConfiguration): EnvironmentView {
  return { environment: name, registry, publicKeyFiles: signatures.publicKeys, servedAt: signatures.servedAt };
}

/** The facts of an environment, its approvers read anew: somebody may have joined or left. */
export async function readFacts(
  configuration: Configuration,
  own: EnvironmentConfiguration,
): Promise<EnvironmentFacts> {
  return {
    environment: own.name,
    route: configuration.route,
    registry: own.registry,
    gate: await readGate(own),
    sources: own.sources,
    attempts: own.attempts,
    confirmWithinMs: own.confirm.withinMs,
    ...(own.rebuild !== 'none' && own.rebuild.pushWithinMs !== undefined && { pushWithinMs: own.rebuild.pushWithinMs }),
    stalledForMs: configuration.stalledForMs,
  };
}

async function readGate({ gate }: EnvironmentConfiguration): Promise<Gate> {
  if (gate === 'none') return { kind: 'none' };
  const { before, quorum, identity, deadlineMs, approvers } = gate;
  const { keys } = await readKeyRing([{ name: approvers, bytes: await readFile(approvers) }]);
  const people = mergeApprovers(keys.map(({ userIds }) => ({ userIds })));
  const group = path.basename(approvers, path.extname(approvers));
  return { kind: 'people', before, quorum, identity, deadlineMs, approvers: people, group };
}

/** Reads the key files at each use and unlocks a key once: unlocking is slow on purpose. */
function signingKeyReader(own: EnvironmentConfiguration): () => Promise<SigningKey> {
  let known: { readonly mark: string; readonly key: Promise<SigningKey> } | undefined;
  return async () => {
    const secrets = await readSecrets(own.name, own.secrets, neededSecrets(own));
    const armoredKey = secrets.signingKey.revealBytes();
    const passphrase = secrets.passphrase?.reveal();
    const mark = createHash('sha256')
      .update(armoredKey)
      .update('\0')
      .update(passphrase ?? '')
      .digest('hex');
    if (known?.mark !== mark) {
      const name = path.join(secrets.folder, 'signing-key.asc');
      known = { mark, key: loadSigningKey({ armoredKey, name, ...(passphrase !== undefined && { passphrase }) }) };
    }
    return await known.key;
  };
}

/**
 * The environment's signature store, with its own credentials.
 * @param cacheDirectory of this process alone; holds git objects.
 */
export function openStore(
  own: EnvironmentConfiguration,
  { git, ca }: Pick<EnvironmentSecrets, 'git' | 'ca'>,
  cacheDirectory: string,
): SignatureStore {
  return createGitSignatureStore({
    ...own.signatures.repository,
    cacheDirectory,
    environment: process.env,
    identity: { name: `countersign ${own.name}`, email: `countersign@${own.name}.invalid` },
    ...(git?.kind === 'credentials' && { credentialsFile: git.file }),
    ...(git?.kind === 'ssh' && { sshKeyFile: git.keyFile, knownHostsFile: git.knownHostsFile }),
    ...(ca !== undefined && { caFile: ca.file }),
  });
}

/** How every replica behind `servedAt` is found anew. */
export function openReplicas(own: EnvironmentConfiguration): (signal: AbortSignal) => Promise<readonly Replica[]> {
  const { replicas } = own.signatures;
  if (replicas === undefined) return () => Promise.resolve([]);
  if (replicas.kind !== 'endpoints') return (signal) => resolveReplicas(replicas, { signal });
  const access = openCluster(own, replicas.api);
  return (signal) => readServiceReplicas(access, replicas, { signal });
}
