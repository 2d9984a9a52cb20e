export { SecretsError } from './problem.ts';
export type { SecretProblem } from './problem.ts';
export { readSecrets } from './read-secrets.ts';
export type { EnvironmentSecrets, GitSecrets, ReadSecretsOptions } from './read-secrets.ts';
export { requiredSecrets } from './required-secrets.ts';
export { SECRET_FILES } from './secret-file.ts';
export type { SecretFileName } from './secret-file.ts';
export { Secret } from './secret.ts';
