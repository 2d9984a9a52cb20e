/** The reference registry on loopback, with its own storage, certificates and passwords. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { createTlsFiles } from './certificates.ts';
import type { TlsFiles } from './certificates.ts';
import { ensureParts, freePort, startProcess } from './parts/index.mjs';
import type { RunningProcess } from './parts/index.mjs';

export interface DockerRegistryOptions {
  /** The one account that may do everything. */
  readonly basic?: { readonly user: string; readonly password: string };
  /** Who issues the tokens that the registry wants. */
  readonly bearer?: TokenIssuer;
  /** `generated`: a certificate of a private authority made for this registry. */
  readonly tls?: 'generated' | TlsFiles;
  /** Whether manifests can be deleted; default true. */
  readonly deleteEnabled?: boolean;
  /** Default `docker-registry`, the version of the system; `distribution-3` is the current one, built when missing. */
  readonly program?: 'docker-registry' | 'distribution-3';
  /** Where it listens; default 127.0.0.1. */
  readonly address?: string;
  /** Further sections of its configuration file, for example `validation`. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** What a registry knows of the server that issues its tokens. */
export interface TokenIssuer {
  /** URL for tokens. */
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** PEM of the certificate that the tokens are signed with. */
  readonly certificateFile: string;
}

/** A running registry; it can be handed to the functions of `registry-push.ts` as it is. */
export interface DockerRegistry {
  /** `127.0.0.1:PORT`, or the port on another `address`; the same over restarts. */
  readonly host: string;
  readonly scheme: 'http' | 'https';
  /** Folder of the filesystem driver: `docker/registry/v2/...` lies below. */
  readonly storage: string;
  /** With `tls`: the authority's certificate. */
  readonly caFile?: string;
  /** With `tls`: the PEM in `caFile`. */
  readonly ca?: string;
  /** With `basic`: the Authorization header of the account. */
  readonly auth?: string;
  /** An outage: ends the program and keeps the storage, until `restart`. */
  halt(): Promise<void>;
  /** Ends the program where it runs and starts it again. */
  restart(): Promise<void>;
  /**
   * Removes the blobs that no manifest names, with `removeUntagged` also the manifests that no tag names. Version 2
   * counts the platforms of a tagged index among those: the index stays, its manifests and their blobs go.
   */
  collectGarbage(options?: { readonly removeUntagged?: boolean }): Promise<void>;
  /** "METHOD /path?query status" of each request since the start; a line can come shortly after its answer. */
  requests(): readonly string[];
  /** The program's last lines, for the diagnosis of a test. */
  output(): string;
  /** Ends the program and removes its storage. */
  stop(): Promise<void>;
}

interface Setting {
  readonly program: string;
  readonly folder: string;
  readonly configFile: string;
  readonly address: string;
  readonly port: number;
  readonly requests: string[];
}

const ACCESS_LINE = /"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) /;

/** Starts a registry on a free port, with empty storage in a new temp folder; `stop` it after the test. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const name = options.program ?? 'docker-registry';
  const program = (await ensureParts([name]))[name];
  const folder = await mkdtemp(path.join(await realpath(os.tmpdir()), 'cs-registry-'));
  try {
    const storage = path.join(folder, 'storage');
    // The garbage collector fails where nothing was ever pushed.
    await mkdir(path.join(storage, 'docker/registry/v2/repositories'), { recursive: true });
    await mkdir(path.join(storage, 'docker/registry/v2/blobs'));
    const tls = options.tls === 'generated' ? await createTlsFiles(folder) : options.tls;
    const { address = '127.0.0.1' } = options;
    const port = await freePort();
    const configFile = path.join(folder, 'config.yml');
    const auth = await describeAuth(options, folder);
    const config = {
      ...describe(options, storage),
      http: describeHttp(`${address}:${port}`, tls),
      auth,
      ...options.configuration,
    };
    // JSON is YAML.
    await writeFile(configFile, JSON.stringify(config));
    const registry = await run({ program, folder, configFile, address, port, requests: [] });
    return { ...registry, storage, ...accessOf(options, tls) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

function describe({ deleteEnabled = true }: DockerRegistryOptions, storage: string): Record<string, unknown> {
  return {
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: false } },
    // No cache of descriptors: what garbage collection takes away is gone for everybody.
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: deleteEnabled } },
  };
}

function describeHttp(addr: string, tls: TlsFiles | undefined): Record<string, unknown> {
  // With a fixed secret an upload goes on after a restart.
  const plain = { addr, secret: 'loopback only' };
  return tls === undefined ? plain : { ...plain, tls: { certificate: tls.certificateFile, key: tls.keyFile } };
}

async function describeAuth({ basic, bearer }: DockerRegistryOptions, folder: string): Promise<unknown> {
  if (basic !== undefined && bearer !== undefined)
    throw new Error('start a registry: either basic or bearer, not both');
  if (bearer !== undefined) {
    const { realm, service, issuer, certificateFile } = bearer;
    return { token: { realm, service, issuer, rootcertbundle: certificateFile } };
  }
  if (basic === undefined) return undefined;
  const file = path.join(folder, 'htpasswd');
  await writeFile(file, await hashPassword(basic));
  return { htpasswd: { realm: 'registry', path: file } };
}

/** A line of an htpasswd file. Registries take bcrypt only. */
async function hashPassword({ user, password }: { readonly user: string; readonly password: string }): Promise<string> {
  const { htpasswd } = await ensureParts(['htpasswd']);
  const child = spawn(htpasswd, ['-niB', '-C', '4', user], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.end(password);
  const [line, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`hash the password of the registry's account: htpasswd ended with ${String(code)}`);
  return line;
}

function accessOf(
  { basic }: DockerRegistryOptions,
  tls: TlsFiles | undefined,
): Pick<DockerRegistry, 'scheme' | 'ca' | 'caFile' | 'auth'> {
  const encoded = Buffer.from(`${basic?.user ?? ''}:${basic?.password ?? ''}`).toString('base64');
  return {
    scheme: tls === undefined ? 'http' : 'https',
    ...(tls !== undefined && { ca: tls.ca, caFile: tls.caFile }),
    ...(basic !== undefined && { auth: `Basic ${encoded}` }),
  };
}

async function run(setting: Setting): Promise<Omit<DockerRegistry, 'storage' | 'scheme'>> {
  const { program, configFile, folder, address, port, requests } = setting;
  let running = await serve(setting);
  const restart = async (): Promise<void> => {
    await running.stop();
    running = await serve(setting);
  };
  return {
    host: `${address}:${port}`,
    halt: () => running.stop(),
    restart,
    collectGarbage: async ({ removeUntagged = false } = {}) => {
      await running.stop();
      const flags = removeUntagged ? ['-m'] : [];
      // It tells about every blob.
      const limits = { env: environment(), maxBuffer: 64 * 1024 * 1024 };
      const collected = promisify(execFile)(program, ['garbage-collect', ...flags, configFile], limits);
      await collected.finally(restart);
    },
    requests: () => [...requests],
    output: () => running.output(),
    stop: async () => {
      await running.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

function serve({ program, configFile, address, port, requests }: Setting): Promise<RunningProcess> {
  return startProcess(program, ['serve', configFile], {
    name: 'docker-registry',
    env: environment(),
    ready: () => canConnect(address, port),
    onLine: (line) => {
      const [, method, target, status] = ACCESS_LINE.exec(line) ?? [];
      if (method !== undefined) requests.push(`${method} ${target ?? ''} ${status ?? ''}`);
    },
  });
}

/** Variables named REGISTRY_... would override the configuration; version 3 would send traces to a collector. */
function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('REGISTRY_'));
  return { ...Object.fromEntries(inherited), OTEL_TRACES_EXPORTER: 'none' };
}

/** Without a request, so that the list of requests holds those of the test alone. */
function canConnect(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
