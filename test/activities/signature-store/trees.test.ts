import { describe, expect, it } from 'vitest';
import { addFiles } from '../../../activities/signature-store/signature-tree.ts';
import { parseTree, serializeTree, withEntry } from '../../../activities/signature-store/tree.ts';
import { runGit } from '../../support/git-host.ts';
import { digestOf, PATH, pathOf, publishInput, useStores } from './store-fixture.ts';

const stores = useStores();
const directory = pathOf(1).slice(0, -'/signature-1'.length);

async function blob(): Promise<string> {
  return Object.values(await stores.repository.files('main'))[0] ?? '';
}

describe('something else in the way of a signature', () => {
  it.each([
    ['a symbolic link in place of our directory', 'images', '120000'],
    ['a symbolic link in place of a namespace', 'images/acme', '120000'],
    ['a symbolic link in place of a manifest’s directory', directory, '120000'],
    ['a symbolic link in place of a signature', `${directory}/signature-1`, '120000'],
    ['a file in place of our directory', 'images', '100644'],
    ['a file in place of a namespace', 'images/acme/shop', '100755'],
    ['a directory in place of a signature', `${directory}/signature-2/x`, '100644'],
    ['a submodule in place of our directory', 'images', '160000'],
    ['a submodule beside us', 'images/acme/module', '160000'],
    ['a list of submodules', '.gitmodules', '100644'],
    ['another spelling of our directory', 'Images/x', '100644'],
    ['another spelling of a namespace', 'images/ACME/x', '100644'],
  ])('is refused: %s', async (_name, file, mode) => {
    const oid = mode === '160000' ? 'a'.repeat(40) : await blob();
    const before = await stores.repository.commit('main', { [file]: { mode, oid } });
    const store = await stores.open();
    const failure = await store.publish(publishInput()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'repository-conflict' });
    const [named = ''] = (failure as { paths: string[] }).paths;
    expect(file.startsWith(named)).toBe(true);
    expect(String(failure)).toContain(named);
    await expect(store.propose(publishInput())).rejects.toMatchObject({ code: 'repository-conflict' });
    await expect(store.signatures(PATH, digestOf('a'))).rejects.toMatchObject({ code: 'repository-conflict' });
    expect(await stores.repository.git('rev-parse', 'main')).toBe(`${before}\n`);
  });

  // Names that git's own commands would not write; a hostile pusher does not use them.
  it.each(['.git', '.GIT', 'git~1', '.git ', '.g\u200cit', '.git::$INDEX_ALLOCATION', '..', '.', 'a\\b'])(
    'is refused: the name %j',
    async (name) => {
      const entry = { mode: '100644', name: Buffer.from(name).toString('latin1'), oid: await blob() };
      const environment = { GIT_DIR: stores.repository.directory };
      const write = ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'];
      const tree = await runGit(write, { environment, input: serializeTree([entry]) });
      const identity = ['-c', 'user.name=E', '-c', 'user.email=e@e.example'];
      const commit = await stores.repository.git(...identity, 'commit-tree', tree.trim(), '-m', 'evil');
      await stores.repository.git('update-ref', 'refs/heads/main', commit.trim());
      await expect((await stores.open()).publish(publishInput())).rejects.toMatchObject({
        code: 'repository-conflict',
      });
    },
  );

  it('is refused: a blob larger than readers take', async () => {
    await stores.repository.commit('main', { [pathOf(1)]: Buffer.alloc(4 * 1024 * 1024 + 1) });
    await expect((await stores.open()).publish(publishInput())).rejects.toMatchObject({ code: 'repository-conflict' });
  });

  it('leaves other files in the directory of a manifest alone', async () => {
    await stores.repository.commit('main', { [`${directory}/README`]: 'x', [`${directory}/signature-01`]: 'y' });
    const store = await stores.open();
    await store.publish(publishInput());
    expect(Object.keys(await stores.repository.files('main')).filter((file) => file.startsWith(directory))).toEqual(
      ['README', 'signature-01', 'signature-1'].map((name) => `${directory}/${name}`),
    );
  });

  it('does not matter at the root, when signatures lie there', async () => {
    const store = await stores.open({ directory: '' });
    await store.publish(publishInput());
    expect(await stores.repository.files('main')).toHaveProperty([pathOf(1).slice('images/'.length)]);
  });
});

describe('addFiles', () => {
  it('never replaces what is there, whatever was read before', async () => {
    const there = { mode: '100644', name: 'signature-1', oid: '1'.repeat(40) };
    const objects = {
      readTree: () => Promise.resolve([there]),
      writeTree: () => Promise.reject(new Error('wrote a tree')),
      readBlobs: () => Promise.resolve([]),
      writeBlob: () => Promise.resolve(''),
    };
    const files = [{ path: ['signature-1'], oid: '2'.repeat(40) }];
    await expect(addFiles(objects, 'a tree', { files })).rejects.toMatchObject({
      code: 'repository-conflict',
      paths: ['signature-1'],
    });
  });
});

describe('a tree object', () => {
  it('is written in the order that git wants', async () => {
    const files = { 'a-b': 'x', 'a/b': 'x', 'a.b': 'x', a0: 'x', B: 'x', ä: 'x' };
    await stores.repository.commit('main', files);
    const written = await stores.repository.git('rev-parse', 'main^{tree}');
    const environment = { GIT_DIR: stores.repository.directory };
    const lines = (await runGit(['ls-tree', '-z', 'main'], { environment })).split('\0').filter(Boolean).reverse();
    const entries = lines.map((line) => ({
      mode: line.startsWith('040000') ? '40000' : '100644',
      name: Buffer.from(line.slice(line.indexOf('\t') + 1)).toString('latin1'),
      oid: line.split(/[ \t]/)[2] ?? '',
    }));
    const write = ['hash-object', '-t', 'tree', '--stdin'];
    expect(await runGit(write, { environment, input: serializeTree(entries) })).toBe(written);
    const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);
    expect(parseTree(serializeTree(entries)).sort(byName)).toEqual(entries.sort(byName));
  });

  it('takes one more entry, or another one in its place', () => {
    const one = { mode: '100644', name: 'one', oid: '1'.repeat(40) };
    const other = { ...one, oid: '2'.repeat(40) };
    expect(withEntry([one], { ...other, name: 'two' })).toHaveLength(2);
    expect(withEntry([one], other)).toEqual([other]);
  });

  it.each(['100644', '100644 name', `100644 name\0${'x'.repeat(19)}`])('is not %j', (bytes) => {
    expect(() => parseTree(Buffer.from(bytes))).toThrow(RangeError);
  });
});
