import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import vm from 'node:vm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../cli/exit-codes.ts';
import type { loadCopyAlone } from '../../cli/load-copy-alone.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import type { DockerRegistry } from '../support/docker-registry.ts';
import { ensureParts } from '../support/parts/index.mjs';
import { fetchManifestRaw, pushSampleImage } from '../support/registry-push.ts';
import { buildSampleImage, sha256 } from '../support/sample-image.ts';
import type { SampleImage } from '../support/sample-image.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { runFake } from './fixtures.ts';
import { fakeTerminal } from './fake-terminal.ts';

const folder = useTempFolder();
const ACCOUNT = { user: 'ann', password: 'correct horse' };
const FOREIGN = {
  docker: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  oci: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
};
let source: DockerRegistry;
let target: DockerRegistry;

beforeAll(async () => {
  // As old registries were run: layers may be at URLs, and manifests of schema 1 are taken.
  const configuration = {
    validation: { manifests: { urls: { allow: ['.*'] } } },
    compatibility: { schema1: { enabled: true } },
  };
  source = await startDockerRegistry({ configuration });
  target = await startDockerRegistry({ program: 'distribution-3', basic: ACCOUNT, tls: 'generated', configuration });
});

afterAll(async () => {
  await source.stop();
  await target.stop();
});

/** With the options that reach the target. */
async function copy(from: string, to: string, ...more: readonly string[]) {
  const terminal = fakeTerminal({ cwd: folder.path, env: { HOME: folder.path } });
  await writeFile(folder.join('creds'), `${ACCOUNT.user}:${ACCOUNT.password}\n`);
  const reach = ['--dest-creds-file', 'creds', '--ca-file', `${target.host}=${target.caFile ?? ''}`];
  const args = ['copy', `${source.host}/${from}`, `${target.host}/${to}`, ...reach, ...more];
  const code = await runFake(args, { terminal });
  return { code, out: terminal.out(), err: terminal.err() };
}

async function skopeo(...args: readonly string[]): Promise<string> {
  const parts = await ensureParts(['skopeo']);
  await writeFile(folder.join('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const all = ['--policy', folder.join('policy.json'), '--insecure-policy', ...args];
  return (await promisify(execFile)(parts.skopeo, all)).stdout;
}

describe('countersign copy between real registries', () => {
  it('plans, copies with credentials over TLS, and has nothing left to do', async () => {
    const image = await buildSampleImage({ layerBytes: 5000 });
    await pushSampleImage(source, 'dev/web', '1', image);
    const total = [...image.blobs.values()].reduce((sum, blob) => sum + blob.length, 0);
    const plan = await copy('dev/web:1', 'prod/web:1', '--dry-run', '--output', 'json');
    expect(JSON.parse(plan.out)).toMatchObject({ dryRun: true, bytesToMove: total, tagBefore: null });
    const done = await copy('dev/web:1', 'prod/web:1', '--jobs', '2', '--with-referrers', '--output', 'json');
    expect(done).toMatchObject({ code: EXIT.success });
    expect(JSON.parse(done.out)).toMatchObject({ digest: image.digest, bytesCopied: total, artifacts: [] });
    expect((await fetchManifestRaw(target, 'prod/web', '1'))?.bytes).toEqual(image.index.bytes);
    const again = await copy('dev/web:1', 'prod/web:1', '--dry-run', '--output', 'json');
    expect(JSON.parse(again.out)).toMatchObject({ bytesToMove: 0, tagBefore: image.digest });
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${source.host}/dev/web:1`);
    expect(sha256(Buffer.from(raw))).toBe(image.digest);
  });

  it.each(['docker', 'oci'] as const)('references foreign layers and reports them (%s)', async (mediaTypes) => {
    const base = await buildSampleImage({ single: true, platforms: ['windows/amd64'], mediaTypes });
    const image = withForeignLayer(base, FOREIGN[mediaTypes]);
    await pushSampleImage(source, 'dev/windows', '1', image);
    const { code, out } = await copy('dev/windows:1', 'prod/windows:1', '--output', 'json');
    expect(code).toBe(EXIT.success);
    const summary = JSON.parse(out) as { foreignLayers: { size: number }[]; bytesCopied: number; bytesTotal: number };
    expect(summary.foreignLayers).toEqual([expect.objectContaining({ size: 123_456_789 })]);
    expect(summary.bytesTotal).toBeLessThan(1_000_000);
    expect((await fetchManifestRaw(target, 'prod/windows', '1'))?.bytes).toEqual(image.index.bytes);
    expect((await copy('dev/windows:1', 'prod/windows:1', '--thorough')).out).toContain(
      '1 foreign layers, 123 MB: referenced',
    );
  });

  it('says what to do with an image that skopeo pushed as schema 1, and that its advice works', async () => {
    await pushSampleImage(source, 'dev/old', '2', await buildSampleImage({ single: true, platforms: ['linux/amd64'] }));
    const [from, to] = [`docker://${source.host}/dev/old:2`, `docker://${source.host}/dev/old:1`];
    const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    await skopeo('copy', ...insecure, '--format', 'v2s1', from, to);
    const refused = await copy('dev/old:1', 'prod/old:1');
    expect(refused.code).toBe(EXIT.failure);
    expect(refused.err).toContain('skopeo copy --format v2s2');
    await skopeo('copy', ...insecure, '--format', 'v2s2', to, to);
    expect((await copy('dev/old:1', 'prod/old:1')).code).toBe(EXIT.success);
  });
});

function withForeignLayer(image: SampleImage, mediaType: string): SampleImage {
  const document = JSON.parse(image.index.bytes.toString()) as { layers: object[] };
  const foreign = {
    mediaType,
    size: 123_456_789,
    digest: sha256(Buffer.from('not in any registry')),
    urls: ['https://layers.invalid/windows.tar.gz'],
  };
  const bytes = Buffer.from(JSON.stringify({ ...document, layers: [foreign, ...document.layers] }));
  const index = { ...image.index, bytes, digest: sha256(bytes) };
  return { ...image, index, digest: index.digest, manifests: [index], everyManifest: [index] };
}

describe('the packed copy', () => {
  const { Script } = vm;
  const dist = path.resolve(import.meta.dirname, '../../dist');
  const needed = ['cli/main.js', 'cli/exit-codes.js', 'cli/load-copy-alone.js', 'cli/services.js', 'cli/terminal.js'];

  it('needs no module but itself, and none that V8 has to compile anew', async () => {
    await mkdir(folder.join('packed'), { recursive: true });
    for (const file of [...needed, 'copy-alone.cjs', 'copy-alone.v8'])
      await cp(path.join(dist, file), folder.join('packed', file));
    await writeFile(folder.join('packed/package.json'), '{"type":"module"}');
    const packed = (await import(folder.join('packed/cli/load-copy-alone.js'))) as {
      loadCopyAlone: typeof loadCopyAlone;
    };
    const compiled = vi.spyOn(vm, 'Script').mockImplementation(function construct(...given) {
      return new Script(...given);
    });
    expect(packed.loadCopyAlone()).toBeTypeOf('function');
    expect(compiled.mock.results.map(({ value }) => (value as vm.Script).cachedDataRejected)).toEqual([false]);

    const image = await buildSampleImage({ layerBytes: 5000 });
    await pushSampleImage(source, 'dev/packed', '1', image);
    const args = ['copy', `${source.host}/dev/packed:1`, `${source.host}/qa/packed:1`, '--output', 'json'];
    const main = folder.join('packed/cli/main.js');
    const done = await promisify(execFile)(process.execPath, [main, ...args, '--plain-http', source.host]);
    expect(JSON.parse(done.stdout)).toMatchObject({ digest: image.digest });
    expect((await fetchManifestRaw(source, 'qa/packed', '1'))?.bytes).toEqual(image.index.bytes);
  });
});
