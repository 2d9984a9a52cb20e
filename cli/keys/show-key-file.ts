import { readFile } from 'node:fs/promises';
import { describeKeyFile, keyWarnings, readerVerdicts } from '../../activities/signing/index.ts';
import type { KeyDescription, ReaderVerdict } from '../../activities/signing/index.ts';
import { usageError } from '../failure.ts';

/** A key and what readers make of it. */
export interface ShownKey extends KeyDescription {
  readonly readers: readonly ReaderVerdict[];
  readonly warnings: readonly string[];
}

/** The keys of a file; the JSON of `keys show`. */
export interface ShownKeyFile {
  readonly file: string;
  readonly keys: readonly ShownKey[];
}

/** @throws CliError for a file that cannot be read, SigningError for one that holds no key. */
export async function showKeyFile(file: string, now: Date): Promise<ShownKeyFile> {
  const keys = await describeKeyFile({ name: file, bytes: await readKeyFile(file) });
  return {
    file,
    keys: keys.map((key) => ({ ...key, readers: readerVerdicts(key, now), warnings: keyWarnings(key, now) })),
  };
}

/** @throws CliError `usage`. */
export async function readKeyFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw usageError(`${file}: cannot be read (${code})`);
  }
}
