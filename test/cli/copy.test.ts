import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRate } from '../../cli/commands/copy-flags.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import type { TextStream } from '../../cli/terminal.ts';
import { buildSampleArtifact } from '../support/sample-artifact.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import type { SampleImage } from '../support/sample-image.ts';
import { startScriptedRegistry } from '../support/scripted-registry.ts';
import type { ScriptedRegistry } from '../support/scripted-registry.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { runFake } from './fixtures.ts';
import { fakeTerminal } from './fake-terminal.ts';

const folder = useTempFolder();
let source: ScriptedRegistry;
let target: ScriptedRegistry;
let image: SampleImage;

beforeEach(async () => {
  [source, target] = await Promise.all([startScriptedRegistry(), startScriptedRegistry()]);
  image = await buildSampleImage({ platforms: ['linux/amd64', 'linux/arm64/v8'], layerBytes: 1000 });
  source.add('dev/web', image, '1');
});

afterEach(async () => {
  await Promise.all([source.stop(), target.stop()]);
});

async function run(args: readonly string[], stderr?: TextStream) {
  const terminal = fakeTerminal({ cwd: folder.path, env: { HOME: folder.path } });
  const code = await runFake(args, { terminal: { ...terminal, ...(stderr && { stderr }) } });
  return { code, out: terminal.out(), err: terminal.err() };
}

const from = (tag = ':1'): string => `${source.host}/dev/web${tag}`;
const to = (tag = ':1'): string => `${target.host}/prod/web${tag}`;
const copy = (...more: readonly string[]) => run(['copy', from(), to(), ...more]);
const tagOf = (digest: string): string => digest.replace(':', '-');

async function copyJson(...more: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await copy('--output', 'json', ...more);
  expect({ code, failed: err.includes('error') }).toEqual({ code: EXIT.success, failed: false });
  return JSON.parse(out) as Record<string, unknown>;
}

describe('countersign copy', () => {
  it('copies all platforms, sets the tag last, and tells what it did', async () => {
    const summary = await copyJson();
    expect(summary).toMatchObject({
      source: from(),
      target: to(),
      platform: null,
      digest: image.digest,
      manifests: image.everyManifest.map(({ digest }) => digest),
      blobsCopied: image.blobs.size,
      blobsSkipped: 0,
      blobsMounted: 0,
      foreignLayers: [],
      artifacts: null,
    });
    expect(target.manifests.get('prod/web:1')?.bytes).toEqual(image.index.bytes);
    const puts = target.log().filter((line) => line.startsWith('PUT'));
    expect(puts.at(-1)).toBe('PUT /v2/prod/web/manifests/1');
    const again = await copyJson();
    expect(again).toMatchObject({ bytesCopied: 0, wasThere: true });
  });

  it('takes references as skopeo writes them, and says what was copied', async () => {
    const flags = ['--all', '--preserve-digests', '--src-tls-verify=false', '--dest-tls-verify=false', '--jobs', '1'];
    const { code, out } = await run(['copy', `docker://${from()}`, `docker://${to()}`, ...flags]);
    expect(code).toBe(EXIT.success);
    expect(out).toContain(`copied ${image.digest}`);
    expect(out).toMatch(/5 blobs; 0 were there, 0 mounted/);
  });

  it('copies one platform by its own digest and cuts no index', async () => {
    const arm = image.manifests[1]!;
    const summary = await copyJson('--platform', 'linux/arm64');
    expect(summary).toMatchObject({ digest: arm.digest, platform: 'linux/arm64', manifests: [arm.digest] });
    expect(target.manifests.get('prod/web:1')?.bytes).toEqual(arm.bytes);
    expect([...target.manifests.keys()].sort()).toEqual([`prod/web:1`, `prod/web@${arm.digest}`].sort());
    expect(await copyJson('--platform', 'all')).toMatchObject({ digest: image.digest });
  });

  it('says which platforms there are, with the exit code of what is not there', async () => {
    const { code, err } = await copy('--platform', 'linux/s390x');
    expect(code).toBe(EXIT.notFound);
    expect(err).toContain('"linux/amd64", "linux/arm64"');
    expect(target.requests).toEqual([]);
  });

  it('only tells with --dry-run what there is to do', async () => {
    const signature = buildSampleArtifact();
    source.add('dev/web', signature, `${tagOf(image.digest)}.sig`);
    const plan = await copyJson('--dry-run', '--with-referrers');
    const bytes = [...image.blobs.values()].reduce((sum, blob) => sum + blob.length, 0);
    expect(plan).toMatchObject({ dryRun: true, bytesToMove: bytes, bytesTotal: bytes, tagBefore: null });
    expect(plan['artifacts']).toEqual([expect.objectContaining({ digest: signature.digest, outcome: 'copied' })]);
    expect(new Set(target.requests.map(({ method }) => method))).toEqual(new Set(['GET', 'HEAD']));
    const { out } = await copy('--dry-run', '--with-referrers');
    expect(out).toContain('to move: 5 blobs are missing, 0 there');
    expect(out).toContain(`${tagOf(image.digest)}.sig, 10 B, to copy`);
  });

  it('tells with --dry-run that the tag will move', async () => {
    const other = await buildSampleImage({ seed: 'other', layerBytes: 10 });
    target.add('prod/web', other, '1');
    expect(await copyJson('--dry-run')).toMatchObject({ tagBefore: other.digest });
    expect((await copy('--dry-run')).out).toContain(`stands for ${other.digest} now`);
  });

  it('carries what is attached before it sets the tag', async () => {
    source.add('dev/web', buildSampleArtifact(), `${tagOf(image.digest)}.sig`);
    const summary = await copyJson('--with-referrers');
    expect(summary['artifacts']).toEqual([expect.objectContaining({ how: 'cosign-tag', outcome: 'copied' })]);
    const puts = target.log().filter((line) => line.startsWith('PUT') && line.includes('/manifests/'));
    expect(puts.slice(-2)).toEqual([
      `PUT /v2/prod/web/manifests/${tagOf(image.digest)}.sig`,
      'PUT /v2/prod/web/manifests/1',
    ]);
  });

  it('ends with 1 where something that is attached could not be carried, and has copied the image', async () => {
    source.add('dev/web', buildSampleArtifact({ content: '\u001b[31mred' }), `${tagOf(image.digest)}.sig`);
    target.add('prod/web', buildSampleArtifact({ content: 'theirs' }), `${tagOf(image.digest)}.sig`);
    const { code, out, err } = await copy('--with-referrers');
    expect(code).toBe(EXIT.failure);
    expect(out).toContain('attached: 1 conflict');
    expect(err).toContain(`the target has another ${tagOf(image.digest)}.sig, which stays`);
    expect(target.manifests.get('prod/web:1')?.bytes).toEqual(image.index.bytes);
  });

  it('writes no control character that the publisher of an artifact put into its type', async () => {
    const evil = buildSampleArtifact({ artifactType: 'x\u001b[2Jy', content: 'evil' });
    source.add('dev/web', evil, `${tagOf(image.digest)}.sig`);
    const { out, err } = await copy('--with-referrers');
    expect(out + err).not.toContain('\u001b');
    expect(err).toContain('\\u{1b}[2J');
  });

  it('says what to do with an image of schema 1', async () => {
    const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
    source.on(/GET .*\/manifests\//, ({ reply }) => reply(200, { 'content-type': type }, '{"schemaVersion":1}'));
    for (const reference of [from(), from(`@${image.digest}`)]) {
      const { code, err } = await run(['copy', reference, to()]);
      expect(code).toBe(EXIT.failure);
      expect(err).toContain('Docker schema version 1');
      expect(err).toContain('skopeo copy --format v2s2');
    }
  });

  it.each([
    [['--jobs', '0'], '--jobs'],
    [['--jobs', '1.5'], '--jobs'],
    [['--jobs', '1000'], '--jobs'],
    [['--limit', 'fast'], '--limit'],
    [['--limit', '1'], '--limit'],
    [['--requests-per-second', '-1'], '--requests-per-second'],
    [['--platform', 'linux/amd64', '--all'], '--all or --platform'],
    [['--platform', 'linux'], 'OS/ARCH'],
    [['--src-tls-verify=no'], '--src-tls-verify'],
    [['--src-creds', 'user:secret'], '--src-creds-file'],
  ])('refuses %j as bad usage, and writes nothing', async (flags, said) => {
    const { code, err } = await copy(...flags);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain(said);
    expect(err).not.toContain('secret');
    expect(target.requests).toEqual([]);
  });

  it('does not drop verification, and names both ways out', async () => {
    const remote = 'registry.invalid:5000/web:1';
    const { code, err } = await run(['copy', remote, to(), '--src-tls-verify=false']);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('--plain-http registry.invalid:5000');
    expect(err).toContain('--ca-file registry.invalid:5000=FILE');
    const target = await run(['copy', from(), remote, '--dest-tls-verify=false']);
    expect(target.err).toContain('--dest-tls-verify=false');
    await writeFile(folder.join('ca.pem'), 'none');
    const host = source.host;
    const both = await run(['copy', from(), to(), '--src-tls-verify=false', '--ca-file', `${host}=ca.pem`]);
    expect(both.code).toBe(EXIT.usage);
    expect(both.err).toContain(`--plain-http ${host}`);
  });

  it('shows its progress on a terminal and clears it away, and keeps standard output for the result', async () => {
    let drawn = '';
    const stderr = { isTTY: true, columns: 60, rows: 10, write: (text: string) => (drawn += text) };
    const { code, out } = await run(['copy', from(), to(), '--output', 'json'], stderr);
    expect(code).toBe(EXIT.success);
    expect(drawn).toContain('of 5 blobs');
    expect(JSON.parse(out)).toMatchObject({ digest: image.digest });
  });

  it('writes lines where there is no terminal, and nothing with --quiet', async () => {
    expect((await copy()).err).toMatch(/100 %, .* 5 of 5 blobs/);
    expect(await copy('--quiet')).toEqual({ code: EXIT.success, out: '', err: '' });
  });

  it('tells in its help what people of other tools look for', async () => {
    const { out } = await run(['copy', '--help']);
    for (const flag of ['--platform', '--jobs', '--limit', '--with-referrers', '--dry-run', '--src-tls-verify']) {
      expect(out).toContain(flag);
    }
    expect(out).toContain('tried again');
    expect(out).not.toContain('--src-creds <');
  });
});

describe('parseRate', () => {
  it.each([
    ['20MiB', 20 * 1024 * 1024],
    ['20M', 20 * 1024 * 1024],
    ['500kB', 500_000],
    ['500 KB/s', 500_000],
    ['1.5MB', 1_500_000],
    ['4096', 4096],
    ['1GiB', 1024 ** 3],
  ])('reads %s', (text, rate) => {
    expect(parseRate(text)).toBe(rate);
  });

  it.each(['', '0', '-1', 'MiB', '1e9', '20 MiB 3', '20XB', '٣MiB', '1000', 'NaN', '9'.repeat(40)])(
    'refuses %j',
    (text) => {
      expect(() => parseRate(text)).toThrow('--limit');
    },
  );
});
