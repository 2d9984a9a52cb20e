import { constants, open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Stats } from 'node:fs';

/** No secret is larger; what is, was put there by mistake. */
export const MAX_SECRET_BYTES = 1024 * 1024;

/** What a secret file may be called. */
export const SECRET_FILES = [
  'signing-key.asc',
  'signing-key.passphrase',
  'registry.json',
  'git-credentials',
  'ssh-key',
  'known_hosts',
  'webhook-secret',
  'token',
  'ca.crt',
] as const;

/** The name of a secret file. */
export type SecretFileName = (typeof SECRET_FILES)[number];

/** What is held beside the secrets and is none may be read, though not written, by everybody. */
export type SecretFileKind = 'secret' | 'public';

/** What a file of this name is. */
export function kindOf(name: SecretFileName): SecretFileKind {
  return name === 'known_hosts' || name === 'ca.crt' ? 'public' : 'secret';
}

/** What became of reading one file. */
export type FileOutcome =
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'read'; readonly content: Buffer; readonly mode: number; readonly own: boolean };

/**
 * Reads one file with everything judged on the opened file itself, so that nothing can be exchanged in between.
 * Symbolic links are followed: a mounted Kubernetes Secret consists of them. Never throws.
 */
export async function readSecretFile(file: string, kind: SecretFileKind): Promise<FileOutcome> {
  let handle: FileHandle | undefined;
  try {
    // Without O_NONBLOCK a named pipe in its place would hold the start for ever.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat();
    const wrong = refuseStats(stats, kind);
    if (wrong !== undefined) return { kind: 'refused', message: wrong };
    const content = await readBounded(handle);
    if (content === undefined) return { kind: 'refused', message: TOO_LARGE };
    if (content.length === 0) return { kind: 'refused', message: EMPTY };
    return { kind: 'read', content, mode: stats.mode & 0o777, own: stats.uid === process.getuid?.() };
  } catch (error) {
    return refuseError(error as NodeJS.ErrnoException);
  } finally {
    await handle?.close();
  }
}

const EMPTY = 'is empty; expected content; write the secret into it, or remove the file';
const TOO_LARGE = `is larger than ${MAX_SECRET_BYTES} bytes; expected a small file; put the right file here`;

function refuseStats(stats: Stats, kind: SecretFileKind): string | undefined {
  if (!stats.isFile()) return 'is not a regular file; expected a file; put a file here, or a link to one';
  const forbidden = kind === 'public' ? 0o002 : 0o007;
  if ((stats.mode & forbidden) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    const what = kind === 'public' ? 'may be written' : 'may be read, written or run';
    return `${what} by every user of the machine (mode ${mode}); expected mode 0400 or 0440; run chmod o-rwx on it, or in Kubernetes set defaultMode: 0440 on the volume of the Secret`;
  }
  if (stats.size > MAX_SECRET_BYTES) return TOO_LARGE;
  return undefined;
}

/** Reads to the end, or returns undefined for more than a secret may have. */
async function readBounded(handle: FileHandle): Promise<Buffer | undefined> {
  const buffer = Buffer.alloc(MAX_SECRET_BYTES + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  return undefined;
}

function refuseError(error: NodeJS.ErrnoException): FileOutcome {
  if (error.code === 'ENOENT') return { kind: 'absent' };
  const message = `cannot be read (${error.code ?? 'unknown error'}); expected a file this process may read; correct its owner, group or mode, and those of the folders above`;
  return { kind: 'refused', message };
}
