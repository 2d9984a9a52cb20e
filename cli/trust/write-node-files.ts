import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { usageError } from '../failure.ts';
import type { NodeFile } from '../../activities/trust/index.ts';

/** What became of the directory. */
export type WrittenDirectory = 'written' | 'replaced' | 'unchanged';

interface Target {
  readonly directory: string;
  /** Replaces files of ours that are there; what else lies in the directory stays. */
  readonly force: boolean;
}

/**
 * Writes the files as a whole: a directory that is not there, or empty, appears with all of them or not at all. Where it
 * holds something else it is refused, or, by force, each file is replaced by itself, those that name others last.
 * @throws CliError where the directory is refused or cannot be written.
 */
export async function writeNodeFiles(
  files: readonly NodeFile[],
  { directory, force }: Target,
): Promise<WrittenDirectory> {
  const present = await listFiles(directory);
  if (present.length === 0) return await writing(directory, () => createDirectory(files, directory));
  if (await holdsExactly(files, directory, present)) return 'unchanged';
  if (!force) {
    const shown = present.slice(0, 3).join(', ');
    throw usageError(
      `${directory} holds other files (${shown}${present.length > 3 ? ', …' : ''}); expected an empty or new directory; --force replaces those that are generated and leaves the others`,
    );
  }
  return await writing(directory, () => replaceFiles(files, directory));
}

async function createDirectory(files: readonly NodeFile[], directory: string): Promise<WrittenDirectory> {
  await mkdir(path.dirname(directory), { recursive: true });
  const draft = `${directory}.${randomUUID()}`;
  try {
    // mkdir is subject to the umask, and nodes read these files as somebody else.
    await mkdir(draft);
    await chmod(draft, 0o755);
    for (const file of files) await writeFile(await placeOf(file, draft), file.bytes, { mode: 0o644 });
    await rename(draft, directory);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return 'written';
}

async function replaceFiles(files: readonly NodeFile[], directory: string): Promise<WrittenDirectory> {
  for (const file of files) {
    const place = await placeOf(file, directory);
    const draft = `${place}.${randomUUID()}`;
    try {
      await writeFile(draft, file.bytes, { mode: 0o644, flag: 'wx' });
      await rename(draft, place);
    } finally {
      await rm(draft, { force: true });
    }
  }
  return 'replaced';
}

async function placeOf(file: NodeFile, directory: string): Promise<string> {
  const place = path.join(directory, file.path);
  await mkdir(path.dirname(place), { recursive: true, mode: 0o755 });
  return place;
}

async function holdsExactly(
  files: readonly NodeFile[],
  directory: string,
  present: readonly string[],
): Promise<boolean> {
  if (present.length !== files.length) return false;
  const same = files.map(async (file) => {
    if (!present.includes(file.path)) return false;
    return (await readFile(path.join(directory, file.path))).equals(file.bytes);
  });
  return (await Promise.all(same)).every((one) => one);
}

/** Everything below that is no directory, with slashes, sorted; nothing where the directory is not there. */
async function listFiles(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory());
    return files.map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name))).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unwritable(directory, error);
  }
}

async function writing<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw unwritable(directory, error);
  }
}

function unwritable(directory: string, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) return error as Error;
  return usageError(`--output-dir ${directory}: ${code}; expected a directory that can be written`);
}
