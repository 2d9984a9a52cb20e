/** Apache httpd on loopback, with a configuration of its own: nothing of the system's is read or written. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { ensureParts, freePort, startProcess, waitUntil } from './parts/index.mjs';

/** A running httpd. */
export interface Httpd {
  /** `http://127.0.0.1:port`, or https where a certificate was given. */
  readonly url: string;
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly port: number;
  /** What httpd and its scripts complained about. */
  readonly errorLog: () => Promise<string>;
  /** Method, path and status of each request, a line each. */
  readonly accessLog: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

export interface HttpdOptions {
  /** A temp folder that exists; httpd keeps its files in a new folder below. */
  readonly folder: string;
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
}

/** Serves the files of a folder, for example a clone; nothing below `.git`, and no listings. */
export async function startStaticHttpd(options: HttpdOptions & { readonly documentRoot: string }): Promise<Httpd> {
  await grantToHttpd(options.documentRoot, 'read');
  const root = quoted(options.documentRoot);
  return start(options, [
    `DocumentRoot ${root}`,
    `<Directory ${root}>`,
    '  Options None',
    '  AllowOverride None',
    '  Require all granted',
    '</Directory>',
    '<DirectoryMatch "/\\.git(/|$)">',
    '  Require all denied',
    '</DirectoryMatch>',
  ]);
}

/**
 * Hosts every bare repository below `projectRoot` at `<url>/git/<path>`, for fetching and pushing, behind basic
 * authentication with `users` (name to password); without `users` for everybody.
 * A repository created later has to be given to httpd by {@link grantToHttpd}.
 */
export async function startGitHttpd(
  options: HttpdOptions & { readonly projectRoot: string; readonly users?: Readonly<Record<string, string>> },
): Promise<Httpd> {
  const parts = await ensureParts(['git-http-backend']);
  await grantToHttpd(options.projectRoot, 'write');
  const passwords = path.join(await mkdtemp(path.join(options.folder, 'passwords-')), 'htpasswd');
  const users = Object.entries(options.users ?? {});
  const hash = (password: string): string => createHash('sha1').update(password).digest('base64');
  await writeFile(passwords, users.map(([user, password]) => `${user}:{SHA}${hash(password)}\n`).join(''));
  await grantToHttpd(path.dirname(passwords), 'read');
  const access =
    users.length === 0
      ? ['  Require all granted']
      : ['  AuthType Basic', '  AuthName "git"', `  AuthUserFile ${quoted(passwords)}`, '  Require valid-user'];
  // The repositories may belong to whoever runs the tests, and httpd to its own user.
  const settings = { 'safe.directory': '*', 'http.receivepack': 'true' };
  return start(options, [
    `SetEnv GIT_PROJECT_ROOT ${quoted(options.projectRoot)}`,
    'SetEnv GIT_HTTP_EXPORT_ALL 1',
    'SetEnv GIT_CONFIG_NOSYSTEM 1',
    `SetEnv GIT_CONFIG_COUNT ${Object.keys(settings).length}`,
    ...Object.entries(settings).flatMap(([key, value], index) => [
      `SetEnv GIT_CONFIG_KEY_${index} ${quoted(key)}`,
      `SetEnv GIT_CONFIG_VALUE_${index} ${quoted(value)}`,
    ]),
    `ScriptAlias /git/ ${quoted(`${parts['git-http-backend']}/`)}`,
    '<Location "/git/">',
    ...access,
    '</Location>',
  ]);
}

/**
 * Lets httpd's own user read, or also write, what lies below a folder. Only as root, where httpd gives up its rights;
 * otherwise it runs as whoever runs the tests.
 */
export async function grantToHttpd(folder: string, right: 'read' | 'write'): Promise<void> {
  if (process.getuid?.() !== 0) return;
  execFileSync('chmod', ['-R', right === 'read' ? 'a+rX' : 'a+rwX', folder]);
  const temp = path.resolve(os.tmpdir());
  for (let above = path.dirname(folder); above.startsWith(`${temp}${path.sep}`); above = path.dirname(above)) {
    await chmod(above, (await stat(above)).mode | 0o011);
  }
  if (right !== 'write') return;
  const names = ['.', ...(await readdir(folder, { recursive: true }))];
  for (const repository of names.map((name) => path.join(folder, name))) {
    if (!existsSync(path.join(repository, 'HEAD')) || !existsSync(path.join(repository, 'objects'))) continue;
    execFileSync('git', ['config', '--file', path.join(repository, 'config'), 'core.sharedRepository', '0666']);
  }
}

async function start(options: HttpdOptions, site: readonly string[]): Promise<Httpd> {
  const { apache2 } = await ensureParts(['apache2']);
  const root = await mkdtemp(path.join(options.folder, 'httpd-'));
  await mkdir(path.join(root, 'run'));
  await grantToHttpd(root, 'read');
  const port = await freePort();
  const configuration = path.join(root, 'httpd.conf');
  await writeFile(configuration, [...describeServer(root, port, options), ...site, ''].join('\n'));
  const scheme = options.tls === undefined ? 'http' : 'https';
  const errorLog = (): Promise<string> => readFile(path.join(root, 'error.log'), 'utf8').catch(() => '');
  const running = await startProcess(apache2, ['-d', root, '-f', configuration, '-DFOREGROUND'], {
    name: 'httpd',
    // Written when httpd has bound its port, by its first process.
    ready: () => existsSync(path.join(root, 'run', 'httpd.pid')),
  }).catch(async (error: unknown) => {
    throw new Error(`start httpd: ${await errorLog()}`, { cause: error });
  });
  await waitUntil(() => isListening(port), { what: 'httpd to listen' });
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    address: `127.0.0.1:${port}`,
    port,
    errorLog,
    accessLog: () => readFile(path.join(root, 'access.log'), 'utf8').catch(() => ''),
    stop: () => running.stop(),
  };
}

function describeServer(root: string, port: number, { tls }: HttpdOptions): readonly string[] {
  const names = ['mpm_prefork', 'unixd', 'log_config', 'authn_core', 'authn_file', 'authz_core', 'authz_user'];
  const modules = [...names, 'auth_basic', 'alias', 'cgi', 'env', ...(tls === undefined ? [] : ['ssl'])];
  return [
    `ServerRoot ${quoted(root)}`,
    ...modules.flatMap(loadModule),
    `DefaultRuntimeDir ${quoted(path.join(root, 'run'))}`,
    `PidFile ${quoted(path.join(root, 'run', 'httpd.pid'))}`,
    `ErrorLog ${quoted(path.join(root, 'error.log'))}`,
    `CustomLog ${quoted(path.join(root, 'access.log'))} "%m %U %>s"`,
    'LogLevel warn',
    'ServerName 127.0.0.1',
    `Listen 127.0.0.1:${port}`,
    'StartServers 2',
    'PassEnv PATH',
    'Timeout 30',
    ...(process.getuid?.() === 0 ? [`User ${httpdUser()}`, `Group "#${httpdGroup()}"`] : []),
    ...(tls === undefined
      ? []
      : [
          'SSLEngine on',
          `SSLCertificateFile ${quoted(tls.certificateFile)}`,
          `SSLCertificateKeyFile ${quoted(tls.keyFile)}`,
        ]),
  ];
}

/** Debian and Fedora keep modules in different places, and build different ones in. */
function loadModule(name: string): readonly string[] {
  const folders = [
    '/usr/lib/apache2/modules',
    '/usr/lib64/httpd/modules',
    '/usr/libexec/apache2',
    '/usr/lib/httpd/modules',
  ];
  const file = folders.map((folder) => path.join(folder, `mod_${name}.so`)).find((candidate) => existsSync(candidate));
  if (file === undefined) return [];
  return [`<IfModule !mod_${name}.c>`, `  LoadModule ${name}_module ${quoted(file)}`, '</IfModule>'];
}

function httpdUser(): string {
  return idOf('www-data') === undefined ? 'nobody' : 'www-data';
}

function httpdGroup(): string {
  return idOf(httpdUser()) ?? '65534';
}

function idOf(user: string): string | undefined {
  try {
    return execFileSync('id', ['-g', user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
