import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { findCredentials, readAuthFile } from '../../cli/images/docker-credentials.ts';
import { useTempFolder } from '../support/temp-folder.ts';

const folder = useTempFolder();
const REPOSITORY = { domain: 'r.example.com', path: 'acme/web' };
const CREDENTIAL = { kind: 'password', user: 'ann', password: 'secret' };
const AUTHS = JSON.stringify({ auths: { 'r.example.com': { auth: Buffer.from('ann:secret').toString('base64') } } });

/** As Kubernetes mounts a Secret: each file is a link into a folder that is replaced as a whole. */
async function mountSecret(name: string): Promise<string> {
  await mkdir(folder.join('secret/..2026_11_28'), { recursive: true });
  await writeFile(folder.join('secret/..2026_11_28', name), AUTHS);
  await symlink('..2026_11_28', folder.join('secret/..data'));
  await symlink(`..data/${name}`, folder.join('secret', name));
  return folder.join('secret');
}

describe.each(['config.json', '.dockerconfigjson'])('a mounted Secret with %s', (name) => {
  it('is read from its folder by --authfile', async () => {
    const credentials = await readAuthFile(await mountSecret(name), '--authfile');
    expect(await credentials.lookup(REPOSITORY)).toEqual(CREDENTIAL);
  });

  it('is read from its folder by REGISTRY_AUTH_FILE', async () => {
    const credentials = await findCredentials({ env: { REGISTRY_AUTH_FILE: await mountSecret(name) } });
    expect(await credentials.lookup(REPOSITORY)).toEqual(CREDENTIAL);
  });
});

describe('a folder without credentials', () => {
  it('is refused by --authfile, with the names that were looked for', async () => {
    await expect(readAuthFile(folder.path, '--authfile')).rejects.toThrow(
      `--authfile ${folder.path}: expected config.json or .dockerconfigjson in this folder, found neither`,
    );
  });

  it('is refused by REGISTRY_AUTH_FILE, since somebody meant credentials', async () => {
    const credentials = await findCredentials({ env: { REGISTRY_AUTH_FILE: folder.path } });
    await expect(credentials.lookup(REPOSITORY)).rejects.toThrow('it may hold credentials');
  });
});
