/** Sign, publish, serve, confirm, each as a pipeline's step with mounted Secrets; skopeo has the last word. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { root } from '../support/bootstrap.mjs';
import { startDockerRegistry } from '../support/docker-registry.ts';
import type { DockerRegistry } from '../support/docker-registry.ts';
import { openRepository, runGit } from '../support/git-host.ts';
import type { GitHostRepository } from '../support/git-host.ts';
import { writeHook } from '../support/git-host-repository.ts';
import { grantToHttpd, startGitHttpd, startStaticHttpd } from '../support/httpd.ts';
import type { Httpd } from '../support/httpd.ts';
import { ensureParts } from '../support/parts/index.mjs';
import { pushSampleImage } from '../support/registry-push.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import type { SampleImage } from '../support/sample-image.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';

const folder = useTempFolder({ per: 'suite' });
const run = promisify(execFile);
const LOADER = path.join(root, 'test/support/typescript-loader.mjs');
let registry: DockerRegistry;
let image: SampleImage;
let git: Httpd;
let served: Httpd;
let sshd: ChildProcess | undefined;
let sshPort = 0;

beforeAll(async () => {
  await ensureParts(['skopeo', 'git-http-backend', 'sshd']);
  await mkdir(folder.join('git'));
  for (const name of ['http', 'ssh', 'killed']) {
    const directory = folder.join('git', `${name}.git`);
    await runGit(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', directory]);
    await openRepository(directory, '').commit('main', { 'README.md': 'signatures\n' });
    await runGit(['-C', directory, 'config', 'http.receivepack', 'true']);
  }
  await runGit(['clone', '--quiet', folder.join('git/http.git'), folder.join('clone')]);
  [registry, git, served, image] = await Promise.all([
    startDockerRegistry(),
    startGitHttpd({ folder: folder.path, projectRoot: folder.join('git'), users: { ci: 'pass:word/%' } }),
    startStaticHttpd({ folder: folder.path, documentRoot: folder.join('clone') }),
    buildSampleImage({ layers: 1, layerBytes: 1024 }),
  ]);
  await startSshd();
  await mountSecret('basic', { username: 'ci', password: 'pass:word/%' });
  for (const name of ['acme/web', 'acme/unsigned']) await pushSampleImage(registry.host, name, '1', image);
  for (const name of ['prod', 'other']) {
    await step('keys', 'generate', '--user', `${name} <${name}@example.com>`, '--type', 'rsa3072', '--out', name);
  }
  await step('sign', reference(), '--key', 'prod/signing-key.asc', '--output-dir', 'out');
}, 300_000);

afterAll(async () => {
  sshd?.kill();
  await Promise.allSettled([registry.stop(), git.stop(), served.stop()]);
});

const reference = () => `${registry.host}/acme/web:1`;
const repositoryOf = (name: string): GitHostRepository => openRepository(folder.join('git', `${name}.git`), '');
const signaturesIn = async (name: string) =>
  Object.keys(await repositoryOf(name).files('main')).filter((file) => file.startsWith('images/'));

async function step(...args: readonly string[]) {
  const env = { HOME: folder.path, PATH: process.env['PATH'] ?? '' };
  const terminal = { ...fakeTerminal({ cwd: folder.path, env }), now: () => Date.now() };
  const code = await runFake(args, { terminal });
  return { code, out: terminal.out(), err: terminal.err() };
}

const publishArguments = (name: string, ...more: readonly string[]) => [
  ...['publish', reference(), '--signatures', 'out', '--key', 'prod/public-key.asc', '-o', 'json'],
  ...['--repository', `${git.url}/git/${name}.git`, '--basic-auth-dir', 'basic', ...more],
];
const confirm = (...more: readonly string[]) => confirmBy('prod', ...more);
const confirmBy = (key: string, ...more: readonly string[]) =>
  step(
    ...['confirm', reference(), '--served-at', `${served.url}/images`, '--key', `${key}/public-key.asc`, '-o', 'json'],
    ...['--replica', served.address, '--signatures', 'out', '--within', '0', ...more],
  );

/** As Kubernetes mounts one: links into a folder of the version, readable by owner and group. */
async function mountSecret(name: string, files: Readonly<Record<string, string>>): Promise<void> {
  const version = folder.join(name, '..2026_11_28');
  await mkdir(version, { recursive: true });
  await symlink('..2026_11_28', folder.join(name, '..data'));
  for (const [file, text] of Object.entries(files)) {
    await writeFile(path.join(version, file), text);
    await chmod(path.join(version, file), 0o440);
    await symlink(path.join('..data', file), folder.join(name, file));
  }
}

async function startSshd(): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  sshPort = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
  for (const name of ['host-key', 'client-key']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', folder.join(name)]);
  }
  const options = [
    ...['ListenAddress 127.0.0.1', `Port ${sshPort}`, `HostKey ${folder.join('host-key')}`, 'PidFile none'],
    ...[`AuthorizedKeysFile ${folder.join('client-key.pub')}`, 'StrictModes no', 'UsePAM no'],
    ...['PasswordAuthentication no', 'PermitRootLogin prohibit-password'],
  ];
  await writeFile(folder.join('sshd_config'), `${options.join('\n')}\n`);
  await mkdir('/run/sshd', { recursive: true }).catch(() => undefined);
  sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', folder.join('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    sshd?.once('exit', (code) => reject(new Error(`sshd ended with ${code ?? 'a signal'}`)));
    sshd?.stderr?.on('data', (text: Buffer) => String(text).includes('listening') && resolve());
  });
  const hostKey = await readFile(folder.join('host-key.pub'), 'utf8');
  // A Secret that was made from a file by hand often has no line feed at its end.
  const key = (await readFile(folder.join('client-key'), 'utf8')).trimEnd();
  await mountSecret('ssh', { 'ssh-privatekey': key, known_hosts: `[127.0.0.1]:${sshPort} ${hostKey}` });
}

/** What a node with our policy makes of one platform. */
async function pull(name: string, architecture: string): Promise<string> {
  const { skopeo } = await ensureParts(['skopeo']);
  const home = await mkdtemp(folder.join('home-'));
  const containers = path.join(home, '.config/containers');
  await mkdir(path.join(containers, 'registries.d'), { recursive: true });
  const keyPath = folder.join('prod/public-key.asc');
  const demand = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath }];
  const policy = { default: [{ type: 'reject' }], transports: { docker: { [registry.host]: demand } } };
  await writeFile(path.join(containers, 'policy.json'), JSON.stringify(policy));
  const lookaside = `docker:\n  ${registry.host}:\n    lookaside: ${served.url}/images\n`;
  await writeFile(path.join(containers, 'registries.d/registry.yaml'), lookaside);
  const args = ['--override-arch', architecture, 'copy', '-q', '--src-tls-verify=false'];
  return await new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: home };
    const target = `dir:${path.join(home, 'pulled')}`;
    execFile(skopeo, [...args, `docker://${registry.host}/${name}:1`, target], { env }, (error, _, log) => {
      resolve(error === null ? 'accepted' : log);
    });
  });
}

describe('the steps of a pipeline', () => {
  it('carry a signature from the key to the node, over http', async () => {
    expect(await pull('acme/web', 'amd64')).toContain('no signature exists');
    expect((await confirm()).code).toBe(EXIT.unfinished);
    const { code, err } = await step(...publishArguments('http', '--result', 'commit=commit'));
    expect({ code, err }).toEqual({ code: EXIT.success, err: '' });
    const commit = await readFile(folder.join('commit'), 'utf8');
    expect((await repositoryOf('http').git('rev-parse', 'main')).trim()).toBe(commit);
    // Published, and not served yet.
    expect((await confirm()).code).toBe(EXIT.unfinished);
    await runGit(['-C', folder.join('clone'), 'pull', '--quiet']);
    await grantToHttpd(folder.join('clone'), 'read');
    const confirmed = await confirm('--result', 'accepted=accepted');
    expect(confirmed).toMatchObject({ code: EXIT.success });
    expect(await readFile(folder.join('accepted'), 'utf8')).toBe('true');
    for (const architecture of ['amd64', 'arm64']) expect(await pull('acme/web', architecture)).toBe('accepted');
    expect(await pull('acme/unsigned', 'amd64')).toContain('no signature exists');
    const again = await step(...publishArguments('http'));
    expect(JSON.parse(again.out)).toMatchObject({ outcome: 'unchanged', commit });
    const other = await confirmBy('other');
    expect(other.code).toBe(EXIT.failure);
  }, 300_000);

  it('publish over ssh with a key that its group may read', async () => {
    const url = `ssh://${os.userInfo().username}@127.0.0.1:${sshPort}${folder.join('git/ssh.git')}`;
    const key = ['--key', 'prod/public-key.asc', '--ssh-dir', 'ssh', '--repository', url];
    const publish = () => step('publish', reference(), '--signatures', 'out', ...key, '-o', 'json');
    expect(await publish()).toMatchObject({ code: EXIT.success, err: '' });
    expect(await signaturesIn('ssh')).toHaveLength(3);
    expect(JSON.parse((await publish()).out)).toMatchObject({ outcome: 'unchanged' });
  }, 300_000);

  it('lose and double nothing where publish is killed while it pushes, and when two run at once', async () => {
    const started = folder.join('started');
    const directory = folder.join('git/killed.git');
    await mkdir(path.join(directory, 'hooks'));
    await writeHook(directory, 'pre-receive', `touch '${started}'; sleep 3`);
    await grantToHttpd(directory, 'write');
    await chmod(folder.path, 0o777);
    const killed = spawnPublish();
    while (!existsSync(started)) await new Promise((resolve) => setTimeout(resolve, 50));
    killed.kill('SIGKILL');
    await new Promise((resolve) => killed.once('exit', resolve));
    const codes = await Promise.all([spawnPublish(), spawnPublish()].map(exitCodeOf));
    expect(codes).toEqual([0, 0]);
    // The push of the one that was killed may still have landed: the host had it already.
    const files = await signaturesIn('killed');
    expect(files).toHaveLength(3);
    expect(files.every((file) => file.endsWith('/signature-1'))).toBe(true);
    await repositoryOf('killed').git('fsck', '--strict');
  }, 300_000);
});

function spawnPublish(): ChildProcess {
  const env = { ...process.env, HOME: folder.path, COUNTERSIGN_USER: 'ci@example.com' };
  const args = ['--import', LOADER, path.join(root, 'cli/main.ts'), ...publishArguments('killed')];
  return spawn(process.execPath, args, { cwd: folder.path, env, stdio: 'ignore' });
}

async function exitCodeOf(child: ChildProcess): Promise<number | null> {
  return await new Promise((resolve) => child.once('exit', resolve));
}
