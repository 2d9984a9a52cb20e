import { constants, open } from 'node:fs/promises';

/**
 * Reads a regular file of at most `limit` bytes.
 * @throws an error with a `code` of the system, or ours where it is too large or not a file.
 */
export async function readBoundedFile(file: string, limit: number): Promise<Buffer> {
  // Without O_NONBLOCK a named pipe in its place would wait for a writer for ever.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new UnreadableFileError('not a regular file');
    const buffer = Buffer.alloc(limit + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      length += bytesRead;
      if (bytesRead === 0) return buffer.subarray(0, length);
      if (length > limit) throw new UnreadableFileError(`larger than ${limit} bytes`);
    }
  } finally {
    await handle.close();
  }
}

/** Why a file could not be read, in a word or two, for a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof UnreadableFileError) return error.message;
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

class UnreadableFileError extends Error {}
