import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generateKey } from '../../activities/signing/index.ts';
import type { KeyOptions } from '../../activities/signing/index.ts';
import { CliError } from '../failure.ts';
import { EXIT } from '../exit-codes.ts';

/** A key that was made; the JSON of `keys generate`. */
export interface KeyFiles {
  readonly fingerprint: string;
  readonly privateKeyFile: string;
  readonly publicKeyFile: string;
}

/** A file that must not exist yet. */
export interface NewFile {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
}

/** As it is called in a folder of secrets. */
export const PRIVATE_NAME = 'signing-key.asc';
/** The file that `publicKeys` of the configuration names. */
export const PUBLIC_NAME = 'public-key.asc';

/**
 * Makes a key and writes it: the private one for its owner alone. Nothing that is there is replaced.
 * @throws CliError where one of the files exists.
 */
export async function generateKeyFiles(directory: string, options: KeyOptions): Promise<KeyFiles> {
  const privateKeyFile = path.join(directory, PRIVATE_NAME);
  const publicKeyFile = path.join(directory, PUBLIC_NAME);
  // Before the key is made: that takes a while, and writing says the same.
  for (const file of [privateKeyFile, publicKeyFile]) await refuseExisting(file);
  const { privateKey, publicKey, fingerprint } = await generateKey(options);
  await writeNewFiles(directory, [
    { name: PRIVATE_NAME, content: privateKey, mode: 0o600 },
    { name: PUBLIC_NAME, content: publicKey, mode: 0o644 },
  ]);
  return { fingerprint, privateKeyFile, publicKeyFile };
}

/**
 * Writes all files or none: where one cannot be written, those before it go again.
 * @throws CliError where one of them exists.
 */
export async function writeNewFiles(directory: string, files: readonly NewFile[]): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  try {
    for (const { name, content, mode } of files) {
      const file = path.join(directory, name);
      await create(file, content, mode);
      written.push(file);
    }
  } catch (error) {
    for (const file of written) await rm(file, { force: true });
    throw error;
  }
}

async function refuseExisting(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found !== undefined) throw exists(file);
}

async function create(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  try {
    await writeFile(file, content, { flag: 'wx', mode });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? exists(file) : error;
  }
}

function exists(file: string): CliError {
  return new CliError(EXIT.usage, `${file} exists and is not replaced; name another directory with --out`);
}
