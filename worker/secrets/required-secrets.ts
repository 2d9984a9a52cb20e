import { repositoryTransport } from '../configuration/addresses.ts';
import type { EnvironmentConfiguration } from '../configuration/configuration.ts';
import type { ReadSecretsOptions } from './read-secrets.ts';
import type { SecretFileName } from './secret-file.ts';

/** The secret files that the worker of an environment cannot do without, by the environment's configuration. */
export function requiredSecrets({ signatures, rebuild }: EnvironmentConfiguration): readonly SecretFileName[] {
  const required: SecretFileName[] = ['signing-key.asc'];
  if (repositoryTransport(signatures.repository.url) === 'ssh') required.push('ssh-key', 'known_hosts');
  if (rebuild !== 'none' && rebuild.kind === 'webhook' && rebuild.secret) required.push('webhook-secret');
  if (rebuild !== 'none' && rebuild.kind === 'openshiftBuild') required.push('token');
  return required;
}

/** All that the worker of an environment reads besides what is optional anyway. */
export function neededSecrets(environment: EnvironmentConfiguration): Required<ReadSecretsOptions> {
  const registries = Object.values(environment.registries);
  const clientCertificates = registries.map((one) => one.clientCertificate).filter((name) => name !== undefined);
  return { required: requiredSecrets(environment), clientCertificates };
}
