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

const PRIVATE_NAME = 'signing-key.asc';
const PUBLIC_NAME = 'public-key.asc';

/**
 * Makes a key and writes it: the private one for its owner alone. Nothing that is there is replaced, and where the second
 * file cannot be written the first one goes again.
 * @throws CliError where one of the files exists.
 */
export async function generateKeyFiles(directory: string, options: KeyOptions): Promise<KeyFiles> {
  const privateKeyFile = path.join(directory, PRIVATE_NAME);
  const publicKeyFile = path.join(directory, PUBLIC_NAME);
  for (const file of [privateKeyFile, publicKeyFile]) await refuseExisting(file);
  const { privateKey, publicKey, fingerprint } = await generateKey(options);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await create(privateKeyFile, privateKey, 0o600);
  try {
    await create(publicKeyFile, publicKey, 0o644);
  } catch (error) {
    await rm(privateKeyFile, { force: true });
    throw error;
  }
  return { fingerprint, privateKeyFile, publicKeyFile };
}

/** Before the key is made: that takes a while, and says the same. */
async function refuseExisting(file: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (found !== undefined) throw exists(file);
}

async function create(file: string, content: string, mode: number): Promise<void> {
  try {
    await writeFile(file, content, { flag: 'wx', mode });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? exists(file) : error;
  }
}

function exists(file: string): CliError {
  return new CliError(EXIT.usage, `${file} exists and is not replaced; name another directory with --out`);
}
