/** A real Pulp on loopback: registry, signature extension and API, once with tokens and once with passwords. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, freePort, startProcess, waitUntil, withLock } from '../parts/index.mjs';
import type { RunningProcess } from '../parts/index.mjs';
import { ensurePulp } from './install.mjs';
import type { PulpPrograms } from './install.mjs';
import { startFront } from './front.ts';
import type { Front } from './front.ts';
import { DATABASE_USER, createCluster, startPostgres } from './postgres.ts';

export const ADMIN = { user: 'admin', password: 'loopback admin' } as const;

/** A running Pulp. */
export interface PulpServer {
  /** `127.0.0.1:PORT` of the registry that wants bearer tokens of its own token server. */
  readonly tokenHost: string;
  /** `127.0.0.1:PORT` of the same registry that wants passwords. */
  readonly basicHost: string;
  /** A folder of this run, for files that Pulp's processes read. */
  readonly folder: string;
  /** Runs `pulpcore-manager`. */
  readonly manage: (args: readonly string[], env?: NodeJS.ProcessEnv) => Promise<string>;
  /** The last lines of every process, for the diagnosis of a test. */
  readonly output: () => string;
  /** Ends every process and removes the folder. */
  readonly stop: () => Promise<void>;
}

interface Setting {
  readonly programs: PulpPrograms;
  readonly folder: string;
  readonly ports: { readonly postgres: number; readonly redis: number; readonly content: number };
  readonly token: ApiPorts;
  readonly basic: ApiPorts;
}

interface ApiPorts {
  readonly own: number;
  /** Under which it is known. */
  readonly front: number;
}

const READY_TIMEOUT_MS = 120_000;

/** Starts everything from a migrated database, which is made once per version and kept in the cache. */
export async function startPulp(): Promise<PulpServer> {
  const programs = await ensurePulp();
  const folder = await mkdtemp(path.join(await realpath(os.tmpdir()), 'cs-pulp-'));
  const running: RunningProcess[] = [];
  const fronts: Front[] = [];
  const output = (): string => running.map((process) => `── ${process.name} ──\n${process.output()}`).join('\n');
  const stop = async (): Promise<void> => {
    for (const front of fronts.splice(0)) await front.stop();
    // The database last: Pulp's processes say goodbye to it.
    for (const process of running.splice(0).reverse()) await process.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  try {
    const setting = await choosePorts(programs, folder, fronts);
    await prepareFolder(setting);
    await startAll(setting, running);
    return {
      tokenHost: `127.0.0.1:${setting.token.front}`,
      basicHost: `127.0.0.1:${setting.basic.front}`,
      folder,
      manage: (args, env) => manage(setting, args, env),
      output,
      stop,
    };
  } catch (error) {
    const words = output();
    await stop();
    throw new Error(`start Pulp: ${error instanceof Error ? error.message : String(error)}\n${words}`, {
      cause: error,
    });
  }
}

async function choosePorts(programs: PulpPrograms, folder: string, fronts: Front[]): Promise<Setting> {
  const api = async (): Promise<ApiPorts> => {
    const own = await freePort();
    const front = await startFront(own);
    fronts.push(front);
    return { own, front: front.port };
  };
  const ports = { postgres: await freePort(), redis: await freePort(), content: await freePort() };
  return { programs, folder, ports, token: await api(), basic: await api() };
}

async function startAll(setting: Setting, running: RunningProcess[]): Promise<void> {
  const { programs, folder, ports } = setting;
  const template = path.join(cacheFolder('pulp'), `template-${programs.version}`);
  await withLock('pulp-template', async () => {
    if (!existsSync(template)) await makeTemplate(setting, template);
  });
  await cp(template, path.join(folder, 'database'), { recursive: true, preserveTimestamps: true });
  await giveAway(folder);
  const data = path.join(folder, 'database', 'cluster');
  running.push(await startPostgres({ programs: programs.postgres, data, port: ports.postgres }));
  running.push(await startRedis(setting));
  const start = async (program: string, args: readonly string[], mode: 'token' | 'basic' = 'token') => {
    const env = environmentOf(setting, mode);
    const file = path.join(programs.pulp, program);
    running.push(await startProcess(file, args, { name: `${program} ${mode}`, env, cwd: folder }));
  };
  await start('pulpcore-content', ['--bind', `127.0.0.1:${ports.content}`, '--workers', '1']);
  await start('pulpcore-worker', []);
  await start('pulpcore-api', ['--bind', `127.0.0.1:${setting.token.own}`, '--workers', '2']);
  await start('pulpcore-api', ['--bind', `127.0.0.1:${setting.basic.own}`, '--workers', '1'], 'basic');
  for (const port of [setting.token.front, setting.basic.front]) {
    await waitUntil(() => isOnline(port), { what: 'Pulp to be online', timeoutMs: READY_TIMEOUT_MS, pollMs: 250 });
  }
}

/** Migrating takes half a minute; a copy of what comes out takes one second. */
async function makeTemplate(setting: Setting, template: string): Promise<void> {
  const { programs, folder, ports } = setting;
  const made = path.join(folder, 'template');
  await mkdir(made);
  const options = { programs: programs.postgres, data: path.join(made, 'cluster'), port: ports.postgres };
  await createCluster(options);
  await writeFile(path.join(made, 'fields.key'), randomBytes(32).toString('base64'));
  await cp(path.join(made, 'fields.key'), keyFile(setting));
  const postgres = await startPostgres(options);
  try {
    const createdb = path.join(programs.postgres, 'createdb');
    const address = ['-h', '127.0.0.1', '-p', String(ports.postgres), '-U', DATABASE_USER];
    await promisify(execFile)(createdb, [...address, 'pulp']);
    await manage(setting, ['migrate', '--noinput']);
    await manage(setting, ['reset-admin-password', '--password', ADMIN.password]);
  } finally {
    await postgres.stop();
  }
  await rm(keyFile(setting));
  const draft = `${template}.${randomBytes(4).toString('hex')}`;
  await cp(made, draft, { recursive: true });
  await rename(draft, template);
  await rm(made, { recursive: true, force: true });
}

/** Copies belong to whoever copies; the database server wants its own. */
async function giveAway(folder: string): Promise<void> {
  const database = path.join(folder, 'database');
  await cp(path.join(database, 'fields.key'), path.join(folder, 'fields.key'));
  await chmod(path.join(database, 'cluster'), 0o700);
  if (process.getuid?.() === 0) await promisify(execFile)('chown', ['-R', 'postgres:postgres', database]);
}

async function startRedis({ programs, folder, ports }: Setting): Promise<RunningProcess> {
  const args = ['--bind', '127.0.0.1', '--port', String(ports.redis), '--save', '', '--appendonly', 'no'];
  return await startProcess(programs.redis, [...args, '--dir', folder], { name: 'redis' });
}

async function isOnline(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/pulp/api/v3/status/`);
  const status = (await answer.json()) as Record<string, unknown>;
  const online = ['online_workers', 'online_api_apps', 'online_content_apps'].map((name) => status[name]);
  return online.every((list) => Array.isArray(list) && list.length > 0);
}

async function manage(setting: Setting, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const program = path.join(setting.programs.pulp, 'pulpcore-manager');
  const options = { env: { ...environmentOf(setting, 'token'), ...env }, cwd: setting.folder };
  return (await promisify(execFile)(program, [...args], options)).stdout;
}

async function prepareFolder(setting: Setting): Promise<void> {
  const { folder } = setting;
  await chmod(folder, 0o755);
  for (const name of ['media', 'static', 'work', 'upload']) await mkdir(path.join(folder, name));
  const key = ['ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', path.join(folder, 'token.key')];
  await promisify(execFile)('openssl', key);
  const files = ['-in', path.join(folder, 'token.key'), '-out', path.join(folder, 'token.pub')];
  await promisify(execFile)('openssl', ['ec', '-pubout', ...files]);
  // One for both: they redirect to the same server of content, by addresses signed with it.
  const secret = randomBytes(32).toString('base64');
  for (const mode of ['token', 'basic'] as const) {
    await writeFile(settingsFile(setting, mode), settingsText(setting, mode, secret));
  }
}

function settingsText(setting: Setting, mode: 'token' | 'basic', secret: string): string {
  const { folder, ports } = setting;
  const own = setting[mode].front;
  const values: Record<string, unknown> = {
    SECRET_KEY: secret,
    ALLOWED_HOSTS: ['*'],
    CONTENT_ORIGIN: `http://127.0.0.1:${ports.content}`,
    DATABASES: {
      default: {
        ENGINE: 'django.db.backends.postgresql',
        NAME: 'pulp',
        USER: DATABASE_USER,
        HOST: '127.0.0.1',
        PORT: String(ports.postgres),
      },
    },
    DB_ENCRYPTION_KEY: keyFile(setting),
    REDIS_URL: `redis://127.0.0.1:${ports.redis}/0`,
    DEPLOY_ROOT: folder,
    MEDIA_ROOT: path.join(folder, 'media'),
    STATIC_ROOT: path.join(folder, 'static'),
    WORKING_DIRECTORY: path.join(folder, 'work'),
    FILE_UPLOAD_TEMP_DIR: path.join(folder, 'upload'),
    TOKEN_SERVER: `http://127.0.0.1:${own}/token/`,
    TOKEN_SIGNATURE_ALGORITHM: 'ES256',
    PUBLIC_KEY_PATH: path.join(folder, 'token.pub'),
    PRIVATE_KEY_PATH: path.join(folder, 'token.key'),
  };
  // Lists, objects and texts of JSON are Python, too.
  const lines = Object.entries(values).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const flags = [`TOKEN_AUTH_DISABLED = ${mode === 'basic' ? 'True' : 'False'}`, 'ANALYTICS = False'];
  return `${[...lines, ...flags].join('\n')}\n`;
}

function environmentOf(setting: Setting, mode: 'token' | 'basic'): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG } = process.env;
  return { PATH, HOME, LANG, PULP_SETTINGS: settingsFile(setting, mode) };
}

function settingsFile({ folder }: Setting, mode: string): string {
  return path.join(folder, `settings-${mode}.py`);
}

function keyFile({ folder }: Setting): string {
  return path.join(folder, 'fields.key');
}
