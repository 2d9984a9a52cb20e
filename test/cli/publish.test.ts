import { mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import { startGitHost } from '../support/git-host.ts';
import type { GitHost, GitHostRepository } from '../support/git-host.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { fakeTerminal } from './fake-terminal.ts';
import { runFake } from './fixtures.ts';
import { startManifestRegistry } from './manifest-registry.ts';
import type { ManifestRegistry } from './manifest-registry.ts';
import type { PublishSummary } from '../../cli/publishing/publish-signatures.ts';

const folder = useTempFolder();
let host: GitHost;
let repository: GitHostRepository;
let registry: ManifestRegistry;
let minutes = 0;

async function run(...args: readonly string[]) {
  const env = {
    HOME: folder.path,
    TMPDIR: folder.join('tmp'),
    PATH: process.env['PATH'] ?? '',
    COUNTERSIGN_USER: 'ci',
  };
  const terminal = fakeTerminal({ cwd: folder.path, env, now: Date.now() + 1000 + 60_000 * minutes });
  const code = await runFake(args, { terminal });
  return { code, out: terminal.out(), err: terminal.err() };
}

const image = () => `${registry.host}/acme/web:1`;
const sign = (directory = 'out', key = 'prod', name = image()) =>
  run('sign', name, '--key', `${key}/signing-key.asc`, '--output-dir', directory);
const publishOf = (name: string, ...more: readonly string[]) =>
  run(
    ...['publish', name, '--signatures', 'out', '--repository', repository.url, '--key', 'prod/public-key.asc'],
    ...['--basic-auth-dir', 'basic', '-o', 'json', ...more],
  );
const publish = (...more: readonly string[]) => publishOf(image(), ...more);
const summaryOf = ({ out }: { readonly out: string }) => JSON.parse(out) as PublishSummary;
const directoryOf = (digest: string) => `acme/web@${digest.replace(':', '=')}`;
const published = async () => Object.keys(await repository.files('main')).filter((file) => file !== 'README.md');

beforeEach(async () => {
  minutes = 0;
  await Promise.all(['tmp', 'basic'].map((name) => mkdir(folder.join(name))));
  host = await startGitHost({ root: folder.join('host') });
  repository = await host.createRepository('signatures');
  await repository.commit('main', { 'README.md': 'signatures\n' });
  registry = await startManifestRegistry();
  await writeFile(folder.join('basic/username'), host.user);
  await writeFile(folder.join('basic/password'), `${host.password}\n`);
  for (const name of ['prod', 'other']) {
    await run('keys', 'generate', '--user', `${name} <${name}@example.com>`, '--type', 'ed25519', '--out', name);
  }
  await sign();
});
afterEach(async () => {
  await host.stop();
  await registry.close();
});

describe('countersign publish', () => {
  it('publishes the signatures of every platform and the index, once', async () => {
    const { code, out, err } = await publish(
      '--message',
      'first\nimage',
      '--result',
      'outcome=o',
      '--result',
      'added.length=n',
    );
    expect({ code, err }).toEqual({ code: EXIT.success, err: '' });
    const digests = [...registry.platforms, registry.index];
    const files = digests.map((digest) => ({
      ...{ digest, number: 1 },
      path: `images/${directoryOf(digest)}/signature-1`,
    }));
    expect(JSON.parse(out)).toEqual({
      ...{ image: image(), digest: registry.index, repository: repository.url, branch: 'main' },
      commit: (await repository.git('rev-parse', 'main')).trim(),
      ...{ added: files, present: [], refused: [], unsigned: [], outcome: 'published' },
    });
    expect(await readFile(folder.join('o'), 'utf8')).toBe('published');
    expect(await readFile(folder.join('n'), 'utf8')).toBe('3');
    for (const { path } of files) {
      const ours = await readFile(folder.join('out', path.slice('images/'.length)));
      expect((await repository.read('main', path)).equals(ours)).toBe(true);
    }
    const said = await repository.git('show', '-s', '--format=%an <%ae>%n%B', 'main');
    expect(said).toMatch(/^countersign <countersign@one-step\.invalid>\n/);
    expect(said).toContain('\n\nfirst image\n\nImage: ');
    expect(said).toContain('\nPublished-By: caller@example.com\n');
    const again = summaryOf(await publish());
    expect(again).toMatchObject({ outcome: 'unchanged', added: [], present: files });
    expect(await repository.pushes()).toHaveLength(1);
    expect(await readdir(folder.join('tmp'))).toEqual([]);
  });

  it('takes a signature of the same key that was made later for the same', async () => {
    await publish();
    minutes = 5;
    await rm(folder.join('out'), { recursive: true });
    await sign();
    expect(summaryOf(await publish())).toMatchObject({ outcome: 'unchanged' });
    await sign('out', 'other');
    const both = await publish('--key', 'prod/public-key.asc', 'other/public-key.asc');
    expect(summaryOf(both).added.map(({ number }) => number)).toEqual([2, 2, 2]);
  });

  it('tells what it would do, and pushes nothing', async () => {
    expect(summaryOf(await publish('--dry-run'))).toMatchObject({ outcome: 'to-publish', added: [{}, {}, {}] });
    expect(await published()).toEqual([]);
  });

  it('refuses what else lies there, by name', async () => {
    const place = `out/${directoryOf(registry.index)}`;
    const good = await readFile(folder.join(place, 'signature-1'));
    await writeFile(folder.join('secret'), good);
    await writeFile(folder.join(place, 'signature-2'), 'no signature');
    await symlink(folder.join('secret'), folder.join(place, 'signature-3'));
    await writeFile(folder.join(place, 'signature-4'), Buffer.alloc(10 * 1024 * 1024));
    await writeFile(
      folder.join(place, 'signature-5'),
      await readFile(folder.join(`out/${directoryOf(registry.platforms[0] ?? '')}/signature-1`)),
    );
    await writeFile(folder.join(place, 'signature-1.draft'), good);
    await mkdir(folder.join(place, 'signature-7'));
    await writeFile(folder.join(place, 'signature-8'), '');
    const { code, out, err } = await publish();
    expect(code).toBe(EXIT.success);
    expect(await published()).toHaveLength(3);
    const reasons = Object.fromEntries(
      summaryOf({ out }).refused.map((one) => [one.path.replace(/.*\//, ''), one.reason]),
    );
    expect(reasons).toEqual({
      'signature-1.draft': 'is not named signature-N',
      'signature-2': expect.any(String),
      'signature-3': 'is a symbolic link',
      'signature-4': 'has 10485760 bytes; no signature is that large',
      'signature-5': `claims digest ${registry.platforms[0] ?? ''}`,
      'signature-7': 'is not a regular file',
      'signature-8': expect.any(String),
    });
    expect(err.match(/^warning: .*is not published/gm)).toHaveLength(7);
  });

  it('publishes nothing where a manifest has only signatures of another key', async () => {
    await rm(folder.join('out'), { recursive: true });
    await sign('out', 'other');
    const { code, err } = await publish();
    expect(code).toBe(EXIT.refused);
    expect(err).toMatch(
      /no signature in .* is good; nothing is published\\n {2}acme\/web@sha256=.*not in the key ring/,
    );
    expect(await published()).toEqual([]);
  });

  it('publishes nothing that claims another tag', async () => {
    const { code, err } = await publishOf(`${registry.host}/acme/web:2@${registry.index}`);
    expect(code).toBe(EXIT.refused);
    expect(err).toContain(`claims ${image()}; expected ${registry.host}/acme/web:2`);
    expect(await published()).toEqual([]);
  });

  it('follows no directory out of the given one', async () => {
    const place = folder.join('out', directoryOf(registry.index));
    await mkdir(folder.join('elsewhere'));
    await rm(place, { recursive: true });
    await symlink(folder.join('elsewhere'), place);
    const { code, err } = await publish();
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('leads elsewhere by a symbolic link');
  });

  it('says where there is no signature, or no directory', async () => {
    await rm(folder.join('out'), { recursive: true });
    expect((await publish()).code).toBe(EXIT.usage);
    await mkdir(folder.join('out'));
    const { code, err } = await publish();
    expect(code).toBe(EXIT.notFound);
    expect(err).toContain('there is no signature of');
  });

  it('needs no registry for the signature of a digest alone', async () => {
    const [platform = ''] = registry.platforms;
    await registry.close();
    const { code, out } = await publishOf(`${image()}@${platform}`, '--without-registry');
    expect(code).toBe(EXIT.success);
    expect(summaryOf({ out }).added.map(({ digest }) => digest)).toEqual([platform]);
    expect((await publish('--without-registry')).code).toBe(EXIT.usage);
    expect((await publish()).code).toBe(EXIT.failure);
    registry = await startManifestRegistry();
  });

  it('ends with 11 where the host refuses, and with 13 where it is out of reach', async () => {
    await repository.setPreReceive('echo "protected branch" >&2; exit 1');
    expect((await publish()).code).toBe(EXIT.refused);
    await repository.setPreReceive(undefined);
    await writeFile(folder.join('basic/password'), 'wrong');
    const denied = await publish();
    expect(denied.code).toBe(EXIT.refused);
    expect(denied.err).not.toContain(host.password);
    await host.stop();
    expect((await publish()).code).toBe(EXIT.unreachable);
    await host.start();
    expect(await published()).toEqual([]);
    expect(await readdir(folder.join('tmp'))).toEqual([]);
  });

  it('lands beside another one that runs at the same time', async () => {
    await sign('out', 'other');
    const keys = ['prod', 'other'].map((key) => publish('--key', `${key}/public-key.asc`));
    const results = await Promise.all(keys);
    expect(results.map(({ code }) => code)).toEqual([EXIT.success, EXIT.success]);
    expect(await published()).toHaveLength(6);
    expect(results.map((one) => summaryOf(one).added.length)).toEqual([3, 3]);
  });

  it.each([
    [['--git-credentials', 'x'], 'expected one of --git-credentials, --basic-auth-dir and --ssh-dir'],
    [['--environment', 'prod'], 'expected no further option for that'],
    [['--branch', '../x'], 'expected a branch name'],
  ])('refuses %j', async (more, why) => {
    const { code, err } = await publish(...more);
    expect({ code, err }).toEqual({ code: EXIT.usage, err: expect.stringContaining(why) });
  });

  it('refuses a secret that is not what its directory should hold', async () => {
    await writeFile(folder.join('basic/password'), '');
    expect((await publish()).err).toContain('password: expected one line');
    await rm(folder.join('basic/password'));
    expect((await publish()).err).toContain('password cannot be read (ENOENT)');
    const none = await run('publish', image(), '--signatures', 'out');
    expect(none.err).toContain('expected --repository with --key, or --environment');
  });
});
