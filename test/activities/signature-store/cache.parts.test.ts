import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SignatureStore } from '../../../activities/signature-store/index.ts';
import { runGit } from '../../support/git-host.ts';
import { digestOf, numbered, PATH, pathOf, publishInput, useStores } from './store-fixture.ts';

const stores = useStores();

describe('the cache', () => {
  const cacheDirectory = (): string => stores.join('cache');
  async function warm(): Promise<{ store: SignatureStore; repository: string }> {
    const store = await stores.open({ cacheDirectory: cacheDirectory() });
    await store.publish(numbered(1));
    const name = (await readdir(cacheDirectory())).find((entry) => entry.endsWith('.git')) ?? '';
    return { store, repository: path.join(cacheDirectory(), name) };
  }
  async function damage(folder: string, pattern: RegExp): Promise<void> {
    const files = (await readdir(folder, { recursive: true })).filter((file) => pattern.test(file));
    expect(files).not.toEqual([]);
    for (const file of files) await writeFile(path.join(folder, file), 'garbage');
  }

  it.each([
    ['an empty HEAD', (repository: string) => writeFile(path.join(repository, 'HEAD'), '')],
    ['a garbage configuration', (repository: string) => writeFile(path.join(repository, 'config'), '[[[')],
    ['garbage packs', (repository: string) => damage(path.join(repository, 'objects'), /\.pack$/)],
    ['garbage indexes of packs', (repository: string) => damage(path.join(repository, 'objects'), /\.idx$/)],
    ['garbage objects', (repository: string) => damage(path.join(repository, 'objects'), /^..\/.{38}$/)],
    ['a forgotten lock', (repository: string) => writeFile(path.join(repository, 'refs/countersign/served.lock'), '')],
    ['a garbage reference', (repository: string) => damage(path.join(repository, 'refs'), /served$/)],
  ])('with %s is begun anew', async (_name, change) => {
    const { repository } = await warm();
    await change(repository);
    await stores.repository.commit('main', { 'README.md': 'newer' });
    const store = await stores.open({ cacheDirectory: cacheDirectory() });
    const { numbers } = await store.publish(numbered(2));
    expect(numbers[0]?.number).toBe(2);
    expect((await store.signatures(PATH, digestOf('a'))).map(String)).toEqual(['signature 1', 'signature 2']);
  });

  it('that vanishes under a running store is begun anew', async () => {
    const { store, repository } = await warm();
    await damage(path.join(repository, 'objects'), /\.pack$/);
    await stores.repository.commit('main', { [pathOf(2)]: 'of a rival' });
    expect((await store.publish(numbered(2))).numbers[0]?.number).toBe(3);
  });

  it('that is thrown away takes nothing else of its directory along', async () => {
    await mkdir(cacheDirectory());
    await writeFile(path.join(cacheDirectory(), 'precious'), 'kept');
    const { repository } = await warm();
    await writeFile(path.join(repository, 'HEAD'), '');
    await (await stores.open({ cacheDirectory: cacheDirectory() })).head();
    await (await stores.open({ cacheDirectory: cacheDirectory() })).publish(numbered(2));
    expect(await readFile(path.join(cacheDirectory(), 'precious'), 'utf8')).toBe('kept');
  });

  it('holds neither trees nor blobs of others, nor a work tree', async () => {
    const other = `images/acme/other@sha256=${'c'.repeat(64)}/signature-1`;
    await stores.repository.commit('main', { [other]: 'of another image' });
    const { repository } = await warm();
    const blob = (await stores.repository.files('main'))[other] ?? '';
    const packed = await readdir(path.join(repository, 'objects/pack'));
    expect(packed.filter((name) => name.endsWith('.promisor')).length).toBeGreaterThan(0);
    expect(await readdir(repository)).not.toContain('index');
    const options = { environment: { GIT_DIR: repository }, input: `${blob}\n` };
    expect(await runGit(['cat-file', '--batch-check'], options)).toBe(`${blob} missing\n`);
  });
});

describe('a host', () => {
  it.each([
    ['that knows no filters', ['uploadpack.allowFilter', 'false']],
    ['that forbids treeless clones', ['uploadpackfilter.tree.allow', 'false']],
    ['that forbids every filter', ['uploadpackfilter.allow', 'false']],
  ])('%s serves as well', async (_name, [key = '', value = '']) => {
    await stores.repository.git('config', key, value);
    await stores.repository.commit('main', { [pathOf(1)]: 'of another tag' });
    const store = await stores.open();
    const proposal = await store.propose(publishInput());
    expect((await store.publish(publishInput({ proposal }))).numbers[0]?.number).toBe(2);
    expect(await (await stores.open()).signatures(PATH, digestOf('a'))).toHaveLength(2);
  });

  it('that speaks the old protocol, and gives only what a reference points to, serves as well', async () => {
    const old = await stores.host.createRepository('old', { isOldProtocol: true });
    await old.commit('main', { [pathOf(1)]: 'of another tag' });
    const store = await stores.open({ url: old.url });
    const proposal = await store.propose(publishInput());
    expect((await store.publish(publishInput({ proposal }))).numbers[0]?.number).toBe(2);
    expect(await (await stores.open({ url: old.url })).signatures(PATH, digestOf('a'))).toHaveLength(2);
  });
});
