import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { copyImage } from '../../../activities/oci/index.ts';
import type { CopyOptions } from '../../../activities/oci/index.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import type { DockerRegistry, DockerRegistryOptions } from '../../support/docker-registry.ts';
import { ensureParts } from '../../support/parts/index.mjs';
import {
  deleteManifest,
  fetchManifestRaw,
  hasBlob,
  moveTag,
  pushSampleImage,
  tagOf,
} from '../../support/registry-push.ts';
import { buildSampleImage, sha256 } from '../../support/sample-image.ts';
import type { SampleImage, SampleImageOptions } from '../../support/sample-image.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { failureOf, openClient, reference, repository } from './fixture.ts';

const folder = useTempFolder();
const started: { stop: () => Promise<void> }[] = [];

afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

async function startRegistries(count: number, options: DockerRegistryOptions = {}): Promise<readonly DockerRegistry[]> {
  const registries = await Promise.all(Array.from({ length: count }, () => startDockerRegistry(options)));
  started.push(...registries);
  return registries;
}

interface Setting {
  readonly source: DockerRegistry;
  readonly target: DockerRegistry;
  readonly image: SampleImage;
  readonly options: CopyOptions;
}

async function prepare(imageOptions: SampleImageOptions = {}): Promise<Setting> {
  const [source, target] = (await startRegistries(2)) as [DockerRegistry, DockerRegistry];
  const image = await buildSampleImage(imageOptions);
  await pushSampleImage(source, 'dev/web', '1.0', image);
  const client = openClient();
  const options = {
    source: { client, reference: reference(source, `dev/web@${image.digest}`) },
    target: { client, repository: repository(target, 'prod/web') },
  };
  return { source, target, image, options };
}

async function expectWhole(target: DockerRegistry, image: SampleImage): Promise<void> {
  for (const { digest, bytes, mediaType } of image.everyManifest) {
    expect(await fetchManifestRaw(target, 'prod/web', digest)).toEqual({ digest, bytes, mediaType });
  }
  for (const digest of image.blobs.keys()) expect(await hasBlob(target, 'prod/web', digest)).toBe(true);
}

async function skopeo(...args: readonly string[]): Promise<Buffer> {
  const parts = await ensureParts(['skopeo']);
  const policy = folder.join('policy.json');
  await writeFile(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const { stdout } = await promisify(execFile)(parts.skopeo, ['--policy', policy, ...args], { encoding: 'buffer' });
  return stdout;
}

describe('copyImage between real registries', () => {
  it.each([
    ['a two-platform OCI index', {}],
    ['a two-platform Docker list', { mediaTypes: 'docker' as const }],
    ['an index in an index', { nested: true, platforms: ['linux/amd64', 'linux/arm64/v8', 'linux/s390x'] }],
  ])('copies %s, and skopeo sees the same bytes', async (_, imageOptions) => {
    const { target, image, options } = await prepare(imageOptions);
    const result = await copyImage(options);
    expect(result).toMatchObject({ digest: image.digest, blobsCopied: image.blobs.size, blobsSkipped: 0 });
    await expectWhole(target, image);
    expect(await tagOf(target, 'prod/web', '1.0')).toBeUndefined();
    const raw = await skopeo(
      'inspect',
      '--raw',
      '--tls-verify=false',
      `docker://${target.host}/prod/web@${image.digest}`,
    );
    expect(raw.equals(image.index.bytes)).toBe(true);
    // skopeo itself copies no index in an index.
    if ('nested' in imageOptions) return;
    const pulled = `dir:${folder.join('pulled')}`;
    await skopeo('copy', '--all', '--src-tls-verify=false', `docker://${target.host}/prod/web@${image.digest}`, pulled);
  });

  it('copies an image that skopeo pushed', async () => {
    const { source, target, image, options } = await prepare();
    const from = `docker://${source.host}/dev/web:1.0`;
    const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    await skopeo('copy', '--all', ...insecure, '--format', 'v2s2', from, `docker://${source.host}/dev/web:docker`);
    const digest = (await options.source.client.resolve(reference(source, 'dev/web:docker')))!;
    expect(digest).not.toBe(image.digest);
    await copyImage({ ...options, source: { ...options.source, reference: reference(source, `dev/web@${digest}`) } });
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${target.host}/prod/web@${digest}`);
    expect(sha256(raw)).toBe(digest);
  });

  it('mounts in the same registry and moves no byte', async () => {
    const { source, image, options } = await prepare();
    const before = source.requests().length;
    const target = { ...options.target, repository: repository(source, 'prod/web') };
    const result = await copyImage({ ...options, target });
    expect(result).toMatchObject({ blobsMounted: image.blobs.size, blobsCopied: 0, bytesCopied: 0 });
    await expectWhole(source, image);
    const requests = source.requests().slice(before);
    expect(requests.filter((line) => line.startsWith('GET') && line.includes('/blobs/'))).toEqual([]);
  });

  it('does not send finished blobs again after it was stopped', async () => {
    const { target, image, options } = await prepare({ layers: 4, layerBytes: 2_000_000 });
    const controller = new AbortController();
    const stopped = failureOf(
      copyImage({
        ...options,
        concurrency: 1,
        signal: controller.signal,
        onProgress: ({ blobsDone }) => {
          if (blobsDone === 3) controller.abort(new Error('stopped'));
        },
      }),
    );
    expect((await stopped).message).toBe('stopped');
    const sent = (): number => target.requests().filter((line) => /^PUT .*\/blobs\/uploads\/.* 201$/.test(line)).length;
    await expect.poll(sent).toBe(3);
    const result = await copyImage(options);
    expect(result).toMatchObject({ blobsSkipped: 3, blobsCopied: image.blobs.size - 3 });
    await expectWhole(target, image);
    await expect.poll(sent).toBe(image.blobs.size);
  });

  it('goes on after the target was killed in the middle', async () => {
    const { target, image, options } = await prepare({ layers: 4, layerBytes: 2_000_000 });
    const failure = await failureOf(
      copyImage({
        ...options,
        concurrency: 1,
        onProgress: ({ blobsDone }) => {
          if (blobsDone === 2) void target.halt();
        },
      }),
    );
    expect(failure).toMatchObject({ code: 'registry-unavailable', side: 'target' });
    await target.restart();
    expect((await copyImage(options)).blobsSkipped).toBeGreaterThanOrEqual(2);
    await expectWhole(target, image);
  });

  it('restores what garbage collection took, when it is thorough', async () => {
    const { target, image, options } = await prepare();
    await copyImage(options);
    // The collector fails in a repository without any tag.
    await pushSampleImage(target, 'prod/web', 'other', await buildSampleImage({ seed: 'other' }));
    await target.collectGarbage({ removeUntagged: true });
    expect(await fetchManifestRaw(target, 'prod/web', image.digest)).toBeUndefined();
    const result = await copyImage({ ...options, thorough: true });
    expect(result).toMatchObject({ blobsCopied: image.blobs.size });
    await expectWhole(target, image);
  });

  it('restores the platforms of a tagged index that garbage collection took', async () => {
    const { target, image, options } = await prepare();
    await copyImage({ ...options, tag: '1.0' });
    await target.collectGarbage({ removeUntagged: true });
    expect(await fetchManifestRaw(target, 'prod/web', image.digest)).toBeDefined();
    await copyImage({ ...options, thorough: true });
    await expectWhole(target, image);
  });

  it('names the source where its image is gone', async () => {
    const { source, image, options } = await prepare();
    await deleteManifest(source, 'dev/web', image.manifests[0]!.digest);
    expect(await failureOf(copyImage(options))).toMatchObject({ code: 'image-unknown', side: 'source' });
  });
});

describe('RegistryClient on a real registry', () => {
  it('moves a tag to a manifest that is there', async () => {
    const { source, image, options } = await prepare();
    const { client } = options.source;
    const other = await buildSampleImage({ seed: 'other' });
    await pushSampleImage(source, 'dev/web', '2.0', other);
    await moveTag(source, 'dev/web', '1.0', other.digest);
    expect(await client.resolve(reference(source, 'dev/web:1.0'))).toBe(other.digest);
    const manifest = await client.fetchManifest(reference(source, `dev/web@${image.digest}`));
    await client.putManifest(repository(source, 'dev/web'), manifest, '1.0');
    expect(await tagOf(source, 'dev/web', '1.0')).toBe(image.digest);
    expect(await client.hasManifest(repository(source, 'dev/web'), image.digest)).toBe(true);
  });

  it('never takes the manifest when it is asked to delete a tag', async () => {
    const { source, image, options } = await prepare();
    const { client } = options.source;
    await moveTag(source, 'dev/web', 'also', image.digest);
    const outcome = await client.deleteTag(reference(source, 'dev/web:1.0'));
    const left = await client.resolve(reference(source, 'dev/web:1.0'));
    expect([outcome, left]).toEqual(left === undefined ? ['deleted', undefined] : ['unsupported', image.digest]);
    expect(await client.resolve(reference(source, 'dev/web:also'))).toBe(image.digest);
    expect(await client.deleteTag(reference(source, 'dev/web:none'))).toBe('absent');
  });
});
