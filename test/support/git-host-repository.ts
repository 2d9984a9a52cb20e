/** A bare repository of a test's git host, and what its administrator or a rival does to it. */
import { execFile } from 'node:child_process';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** What a rival's commit does to a path: new text, another mode and object, or nothing left. */
export type FileChange = string | Uint8Array | { readonly mode: string; readonly oid: string } | null;

export interface GitHostRepository {
  readonly url: string;
  /** The bare repository. */
  readonly directory: string;
  /** Runs git in the repository, as its administrator would. */
  git(...args: readonly string[]): Promise<string>;
  setPreReceive(text: string | undefined): Promise<void>;
  setReadOnly(readOnly: boolean): void;
  /** One line for each reference of each push that was accepted: `old new ref`. */
  pushes(): Promise<readonly string[]>;
  /** Commits on a branch behind everybody's back; returns the commit. */
  commit(branch: string, changes: Readonly<Record<string, FileChange>>, message?: string): Promise<string>;
  /** Blob id by path on a branch or commit. */
  files(revision: string): Promise<Readonly<Record<string, string>>>;
  /** The bytes of a file. */
  read(revision: string, file: string): Promise<Buffer>;
}

/** What of the host belongs to one repository. */
export interface HostedRepository {
  readOnly: boolean;
}

/** Nothing of the user's own git configuration. */
export const GIT_ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};
const SOMEBODY = {
  GIT_AUTHOR_NAME: 'Somebody Else',
  GIT_AUTHOR_EMAIL: 'somebody@else.example',
  GIT_COMMITTER_NAME: 'Somebody Else',
  GIT_COMMITTER_EMAIL: 'somebody@else.example',
};

/** Runs git with an environment of its own and returns what it printed. */
export async function runGit(
  args: readonly string[],
  { environment = {}, input }: { environment?: Record<string, string>; input?: Uint8Array | string } = {},
): Promise<string> {
  const running = promisify(execFile)('git', args, {
    env: { ...GIT_ENVIRONMENT, ...environment },
    maxBuffer: 64 * 1024 * 1024,
  });
  // A command that reads nothing may have ended before we write.
  running.child.stdin?.on('error', () => undefined);
  running.child.stdin?.end(input ?? '');
  return (await running).stdout;
}

/** Writes a hook for `/bin/sh`. */
export async function writeHook(directory: string, name: string, text: string): Promise<void> {
  const file = path.join(directory, 'hooks', name);
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
}

/** A bare repository on disk, whoever serves it. */
export function openRepository(
  directory: string,
  url: string,
  hosted: HostedRepository = { readOnly: false },
): GitHostRepository {
  const git = (...args: readonly string[]): Promise<string> => runGit(args, { environment: { GIT_DIR: directory } });
  return {
    url,
    directory,
    git,
    setPreReceive: (text) =>
      text === undefined
        ? rm(path.join(directory, 'hooks', 'pre-receive'), { force: true })
        : writeHook(directory, 'pre-receive', text),
    setReadOnly: (readOnly) => (hosted.readOnly = readOnly),
    pushes: async () => {
      const log = await readFile(path.join(directory, 'pushes.log'), 'utf8').catch(() => '');
      return log.split('\n').filter(Boolean);
    },
    commit: (branch, changes, message = 'A change by somebody else\n') =>
      commitDirectly(directory, branch, { changes, message }),
    files: async (revision) => {
      const lines = (await git('ls-tree', '-r', '-z', revision)).split('\0').filter(Boolean);
      return Object.fromEntries(
        lines.map((line) => [line.slice(line.indexOf('\t') + 1), line.split(/[ \t]/)[2] ?? '']),
      );
    },
    read: async (revision, file) => {
      const found = await promisify(execFile)('git', ['cat-file', 'blob', `${revision}:${file}`], {
        env: { ...GIT_ENVIRONMENT, GIT_DIR: directory },
        encoding: 'buffer',
      });
      return found.stdout;
    },
  };
}

async function commitDirectly(
  directory: string,
  branch: string,
  { changes, message }: { changes: Readonly<Record<string, FileChange>>; message: string },
): Promise<string> {
  const index = path.join(directory, `index-${Math.random().toString(36).slice(2)}`);
  const environment = { ...SOMEBODY, GIT_DIR: directory, GIT_INDEX_FILE: index };
  const git = async (args: readonly string[], input?: Uint8Array | string): Promise<string> =>
    (await runGit(args, { environment, ...(input !== undefined && { input }) })).trim();
  const parent = await git(['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`]).catch(() => undefined);
  if (parent !== undefined) await git(['read-tree', parent]);
  const blobs = new Map<string | Uint8Array, string>();
  const lines: string[] = [];
  for (const [file, change] of Object.entries(changes)) {
    if (change === null) {
      lines.push(`0 ${'0'.repeat(40)}\t${file}`);
    } else if (typeof change === 'string' || change instanceof Uint8Array) {
      const oid = blobs.get(change) ?? (await git(['hash-object', '-w', '--stdin'], change));
      blobs.set(change, oid);
      lines.push(`100644 ${oid}\t${file}`);
    } else {
      lines.push(`${change.mode} ${change.oid}\t${file}`);
    }
  }
  await git(['update-index', '-z', '--add', '--index-info'], lines.map((line) => `${line}\0`).join(''));
  const tree = await git(['write-tree']);
  const parents = parent === undefined ? [] : ['-p', parent];
  const commit = await git(['commit-tree', ...parents, '-F', '-', tree], message);
  await git(['update-ref', `refs/heads/${branch}`, commit]);
  await rm(index, { force: true });
  return commit;
}
