import { repositoryTransport } from '../configuration/addresses.ts';
import type { EnvironmentConfiguration } from '../configuration/configuration.ts';
import type { ReadSecretsOptions } from './read-secrets.ts';
import type { SecretFileName } from './secret-file.ts';

/** The secret files that the worker of an environment cannot do without, by the environment's configuration. */
export function requiredSecrets({ signatures, rebuild }: EnvironmentConfiguration): readonly SecretFileName[] {
  const required: SecretFileName[] = ['signing-key.asc'];
  if (repositoryTransport(signatures.repository.url) === 'ssh') required.push('ssh-key', 'known_hosts');
  if (rebuild !== 'none' && rebuild.kind === 'webhook' && rebuild.secret) required.push('webhook-secret');
  if (clusterApis({ signatures, rebuild }).length > 0) required.push('token');
  return required;
}

/** The clusters whose API is asked with the secret file `token`; the worker's own cluster has a token for it. */
function clusterApis({ signatures, rebuild }: Pick<EnvironmentConfiguration, 'signatures' | 'rebuild'>): string[] {
  const { replicas } = signatures;
  const apis = [
    ...(replicas?.kind === 'endpoints' ? [replicas.api] : []),
    ...(rebuild !== 'none' && rebuild.kind !== 'webhook' ? [rebuild.api] : []),
  ];
  return apis.filter((api) => api !== undefined);
}

/** All that the worker of an environment reads besides what is optional anyway. */
export function neededSecrets(environment: EnvironmentConfiguration): Required<ReadSecretsOptions> {
  const registries = Object.values(environment.registries);
  const clientCertificates = registries.map((one) => one.clientCertificate).filter((name) => name !== undefined);
  return { required: requiredSecrets(environment), clientCertificates };
}
