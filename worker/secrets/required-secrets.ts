import { repositoryTransport } from '../configuration/addresses.ts';
import type { EnvironmentConfiguration } from '../configuration/configuration.ts';
import type { ReadSecretsOptions } from './read-secrets.ts';
import type { SecretFileName } from './secret-file.ts';

/** The secret files that the worker of an environment cannot do without, by the environment's configuration. */
export function requiredSecrets({ signatures, rebuild }: EnvironmentConfiguration): readonly SecretFileName[] {
  const required: SecretFileName[] = ['signing-key.asc'];
  if (repositoryTransport(signatures.repository.url) === 'ssh') required.push('ssh-key', 'known_hosts');
  if (needsWebhookSecret(rebuild)) required.push('webhook-secret');
  if (clusterApis({ signatures, rebuild }).length > 0) required.push('token');
  return required;
}

function needsWebhookSecret(rebuild: EnvironmentConfiguration['rebuild']): boolean {
  if (rebuild === 'none') return false;
  if (rebuild.kind === 'webhook') return rebuild.secret;
  return isOpenshiftWebhook(rebuild);
}

/** Its secret proves enough to be heard; a token is used where it is there. */
function isOpenshiftWebhook(rebuild: EnvironmentConfiguration['rebuild']): boolean {
  return rebuild !== 'none' && rebuild.kind === 'openshiftBuild' && rebuild.start === 'webhook';
}

/** The clusters whose API is asked with the secret file `token`; the worker's own cluster has a token for it. */
function clusterApis({ signatures, rebuild }: Pick<EnvironmentConfiguration, 'signatures' | 'rebuild'>): string[] {
  const { replicas } = signatures;
  const apis = [
    ...(replicas?.kind === 'endpoints' ? [replicas.api] : []),
    ...(rebuild !== 'none' && rebuild.kind !== 'webhook' && !isOpenshiftWebhook(rebuild) ? [rebuild.api] : []),
  ];
  return apis.filter((api) => api !== undefined);
}

/** All that the worker of an environment reads besides what is optional anyway. */
export function neededSecrets(environment: EnvironmentConfiguration): Required<ReadSecretsOptions> {
  const registries = Object.values(environment.registries);
  const clientCertificates = registries.map((one) => one.clientCertificate).filter((name) => name !== undefined);
  return { required: requiredSecrets(environment), clientCertificates };
}
