export type { ClientCertificate } from './client-certificates.ts';
export { SecretsError } from './problem.ts';
export type { SecretProblem } from './problem.ts';
export { readSecrets } from './read-secrets.ts';
export type { EnvironmentSecrets, GitSecrets, ReadSecretsOptions } from './read-secrets.ts';
export { neededSecrets, requiredSecrets } from './required-secrets.ts';
export { SECRET_FILES, readSecretFile } from './secret-file.ts';
export type { FileOutcome, SecretFileName } from './secret-file.ts';
export { Secret } from './secret.ts';
