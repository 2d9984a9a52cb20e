import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { findPolicyFile, findRegistriesD } from '../../../activities/trust/index.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

const folder = useTempFolder();
const OWN = 'home/.config/containers';
const SYSTEM = 'etc/containers';

async function put(...files: readonly string[]): Promise<{ home: string; root: string }> {
  for (const directory of [OWN, SYSTEM]) await mkdir(folder.join(directory), { recursive: true });
  for (const file of files) {
    if (file.endsWith('.d')) await mkdir(folder.join(file));
    else await writeFile(folder.join(file), '');
  }
  return { home: folder.join('home'), root: folder.path };
}

describe('findPolicyFile', () => {
  it("takes the user's own before the system's, be it right or not", async () => {
    const node = await put(`${OWN}/policy.json`, `${SYSTEM}/policy.json`);
    expect(await findPolicyFile(node)).toBe(folder.join(`${OWN}/policy.json`));
  });

  it("takes the system's where the user has none", async () => {
    expect(await findPolicyFile(await put(`${SYSTEM}/policy.json`))).toBe(folder.join(`${SYSTEM}/policy.json`));
  });

  it('fails where there is none, as readers then do', async () => {
    await expect(findPolicyFile(await put())).rejects.toMatchObject({ code: 'configuration-invalid' });
  });
});

describe('findRegistriesD', () => {
  it("takes the user's own alone, also an empty one", async () => {
    const node = await put(`${OWN}/registries.d`, `${SYSTEM}/registries.d`);
    expect(await findRegistriesD(node)).toBe(folder.join(`${OWN}/registries.d`));
  });

  it("takes the system's where the user has none, be it there or not", async () => {
    expect(await findRegistriesD(await put())).toBe(folder.join(`${SYSTEM}/registries.d`));
  });
});
