/** PostgreSQL on loopback, for a database that nobody will miss. */
import { execFile } from 'node:child_process';
import { chmod, chown, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { startProcess } from '../parts/index.mjs';
import type { RunningProcess } from '../parts/index.mjs';

export const DATABASE_USER = 'pulp';

/** The server refuses to run as root. */
const ACCOUNT = 'postgres';
const isRoot = process.getuid?.() === 0;

export interface PostgresOptions {
  /** Of the programs. */
  readonly programs: string;
  readonly data: string;
  readonly port: number;
}

/** Makes an empty database cluster with one superuser and no passwords. */
export async function createCluster({ programs, data }: Omit<PostgresOptions, 'port'>): Promise<void> {
  await ownedByAccount(path.dirname(data));
  const options = ['--auth', 'trust', '--username', DATABASE_USER, '--encoding', 'UTF8', '--locale', 'C.UTF-8'];
  await run(path.join(programs, 'initdb'), ['--pgdata', data, '--no-sync', ...options]);
}

/** Starts the server over an existing cluster; stop it after everything that uses it. */
export async function startPostgres({ programs, data, port }: PostgresOptions): Promise<RunningProcess> {
  await ownedByAccount(path.dirname(data));
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: path.dirname(data),
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: 100,
    log_min_messages: 'warning',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  await writeFile(path.join(data, 'postgresql.auto.conf'), lines.join(''));
  const [command, args] = asAccount(path.join(programs, 'postgres'), ['-D', data]);
  return await startProcess(command, args, {
    name: 'postgres',
    ready: async () => {
      const isReady = path.join(programs, 'pg_isready');
      await promisify(execFile)(isReady, ['-q', '-h', '127.0.0.1', '-p', String(port), '-d', 'postgres']);
      return true;
    },
  });
}

async function ownedByAccount(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  if (!isRoot) return;
  const ids = ['-u', '-g'].map(async (which) => Number((await promisify(execFile)('id', [which, ACCOUNT])).stdout));
  const [user = 0, group = 0] = await Promise.all(ids);
  await chown(folder, user, group);
}

async function run(program: string, programArgs: readonly string[]): Promise<void> {
  const [command, args] = asAccount(program, programArgs);
  // Whatever folder this process is in, the account may not enter it.
  await promisify(execFile)(command, args, { cwd: '/' });
}

/** Changing the user drops the wish to end with the parent, so it is said again. */
function asAccount(program: string, args: readonly string[]): [string, string[]] {
  if (!isRoot) return [program, [...args]];
  const account = ['--reuid', ACCOUNT, '--regid', ACCOUNT, '--init-groups', '--pdeathsig', 'INT'];
  return ['setpriv', [...account, '--', program, ...args]];
}
