import { chmod, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inspect } from 'node:util';

import { expect } from 'vitest';

import { SecretsError, readSecrets } from '../../worker/secrets/index.ts';
import type { SecretFileName } from '../../worker/secrets/index.ts';

/** Stands for every secret; it may be shown nowhere. */
export const CANARY = 'hunter2canary';
/** In the form of a signing key. */
export const KEY = `-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n${CANARY}\n-----END PGP PRIVATE KEY BLOCK-----\n`;
/** In the form of an ssh key. */
export const SSH_KEY = `-----BEGIN OPENSSH PRIVATE KEY-----\n${opensshBody('none')}\n-----END OPENSSH PRIVATE KEY-----\n`;
/** In the form of a certificate. */
export const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

/** The body of an OpenSSH key with this cipher. */
export function opensshBody(cipher: string): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(cipher.length);
  return Buffer.concat([Buffer.from('openssh-key-v1\0'), length, Buffer.from(cipher + CANARY)]).toString('base64');
}

/** Contents by name. */
export type Files = Partial<Record<string, string | Buffer>>;

/** Writes secret files. */
export async function writeSecrets(folder: string, files: Files, mode = 0o400): Promise<void> {
  for (const [name, content = ''] of Object.entries(files)) {
    const file = path.join(folder, name);
    await rm(file, { force: true });
    await writeFile(file, content);
    await chmod(file, mode);
  }
}

/** The problems with the folder cut off; none of them, in no form, may show the canary. */
export async function secretProblems(folder: string, required?: readonly SecretFileName[]): Promise<string[]> {
  const options = required === undefined ? {} : { required };
  const error: unknown = await readSecrets('prod', folder, options).catch((thrown: unknown) => thrown);
  if (!(error instanceof SecretsError)) throw new Error('expected the secrets to be refused');
  const shown = [error.message, error.stack, inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error)];
  expect(shown.join('\n')).not.toContain(CANARY);
  expect(error.message).toContain('the secrets of prod cannot be used:\n');
  return error.problems.map(({ file, message }) => `${path.relative(folder, file)}: ${message}`);
}
