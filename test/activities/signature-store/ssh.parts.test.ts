import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGitSignatureStore } from '../../../activities/signature-store/index.ts';
import type { GitSignatureStoreOptions, SignatureStore } from '../../../activities/signature-store/index.ts';
import { openRepository, runGit } from '../../support/git-host.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { digestOf, PATH, publishInput } from './store-fixture.ts';

const folder = useTempFolder();
const run = promisify(execFile);
let daemon: ChildProcess | undefined;
let port = 0;

beforeEach(async () => {
  port = await freePort();
  for (const name of ['host-key', 'client key', 'stranger']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', folder.join(name)]);
  }
  const configuration = `
ListenAddress 127.0.0.1
Port ${port}
HostKey ${folder.join('host-key')}
AuthorizedKeysFile ${folder.join('authorized_keys')}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
`;
  await writeFile(folder.join('sshd_config'), configuration);
  await writeFile(folder.join('authorized_keys'), await readFile(folder.join('client key.pub')));
  await writeFile(
    folder.join('known hosts'),
    `[127.0.0.1]:${port} ${await readFile(folder.join('host-key.pub'), 'utf8')}`,
  );
  // sshd refuses to run without its folder, which Debian's service unit makes.
  await mkdir('/run/sshd', { recursive: true }).catch(() => undefined);
  daemon = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', folder.join('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    daemon?.once('exit', (code) => reject(new Error(`sshd ended with ${code ?? 'a signal'}`)));
    daemon?.stderr?.on('data', (text: Buffer) => String(text).includes('listening') && resolve());
  });
});

afterEach(async () => {
  const ended = new Promise((resolve) => daemon?.once('exit', resolve));
  daemon?.kill();
  await ended;
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const found = (server.address() as AddressInfo).port;
  await new Promise((resolve) => server.close(resolve));
  return found;
}

async function open(changed: Partial<GitSignatureStoreOptions> = {}): Promise<SignatureStore> {
  const directory = folder.join('it’s a repository.git');
  await runGit(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', directory]);
  await openRepository(directory, '').commit('main', { 'README.md': 'x' });
  return createGitSignatureStore({
    url: `ssh://${os.userInfo().username}@127.0.0.1:${port}${encodeURI(directory)}`,
    branch: 'main',
    directory: 'images',
    cacheDirectory: folder.join('cache'),
    sshKeyFile: folder.join('client key'),
    knownHostsFile: folder.join('known hosts'),
    identity: { name: 'Countersign', email: 'countersign@prod.example' },
    ...changed,
  });
}

describe('a repository over ssh', () => {
  it('takes proposals and publications', async () => {
    const store = await open();
    const proposal = await store.propose(publishInput());
    await store.publish(publishInput({ proposal }));
    await store.discard(proposal);
    expect((await store.signatures(PATH, digestOf('a'))).map(String)).toEqual(['signature one']);
  });

  it('is denied with a key it does not know', async () => {
    const store = await open({ sshKeyFile: folder.join('stranger') });
    await expect(store.head()).rejects.toMatchObject({ code: 'repository-denied' });
  });

  it('is not trusted under another host key', async () => {
    const other = await readFile(folder.join('stranger.pub'), 'utf8');
    await writeFile(folder.join('known hosts'), `[127.0.0.1]:${port} ${other}`);
    await expect((await open()).head()).rejects.toMatchObject({ code: 'repository-denied' });
    await writeFile(folder.join('known hosts'), '');
    await expect((await open()).head()).rejects.toMatchObject({ code: 'repository-denied' });
  });

  it('is unavailable when nobody listens', async () => {
    const store = await open({ url: `ssh://root@127.0.0.1:${await freePort()}/x.git` });
    await expect(store.head()).rejects.toMatchObject({ code: 'repository-unavailable' });
  });
});
