import { describe, expect, it } from 'vitest';
import { copyImage } from '../../../activities/oci/index.ts';
import { buildSampleImage, sha256 } from '../../support/sample-image.ts';
import type { SampleImage } from '../../support/sample-image.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, repository, startRegistry } from './fixture.ts';

function copy(from: ScriptedRegistry, to: ScriptedRegistry, { digest }: SampleImage) {
  return copyImage({
    source: { client: openClient(), reference: reference(from, `dev/web@${digest}`) },
    target: { client: openClient(), repository: repository(to, 'prod/web') },
  });
}

describe('a source that lies', () => {
  it.each([
    ['100', 100],
    ['2,000,000', 2_000_000],
  ])('about a layer of %s bytes leaves nothing at the target', async (_, layerBytes) => {
    const [source, target] = [await startRegistry(), await startRegistry()];
    const image = await buildSampleImage({ layerBytes, single: true, layers: 1, platforms: ['linux/amd64'] });
    source.add('dev/web', image);
    const [largest] = [...image.blobs].toSorted(([, one], [, other]) => other.length - one.length);
    if (largest === undefined) throw new Error('expected a layer');
    source.blobs.set(`dev/web@${largest[0]}`, Buffer.alloc(largest[1].length, 7));
    expect(await failureOf(copy(source, target, image))).toMatchObject({ code: 'content-mismatch', side: 'source' });
    expect(target.manifests.size).toBe(0);
    expect([...target.blobs.keys()]).not.toContain(`prod/web@${largest[0]}`);
    await expect.poll(() => target.uploads.size).toBe(0);
  });

  it('about the size of a layer, by petabytes, costs nothing and leaves nothing', async () => {
    const [source, target] = [await startRegistry(), await startRegistry()];
    const image = await buildSampleImage({ layerBytes: 100, single: true, layers: 1, platforms: ['linux/amd64'] });
    const manifest = JSON.parse(image.index.bytes.toString()) as { layers: { size: number }[] };
    for (const layer of manifest.layers) layer.size = Number.MAX_SAFE_INTEGER;
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = sha256(bytes);
    source.add('dev/web', image);
    source.manifests.set(`dev/web@${digest}`, { bytes, mediaType: image.index.mediaType });
    const before = process.memoryUsage.rss();
    const failure = await failureOf(copy(source, target, { ...image, digest }));
    expect(failure).toMatchObject({ code: 'content-mismatch' });
    expect(process.memoryUsage.rss() - before).toBeLessThan(256 * 1024 * 1024);
    expect(target.manifests.size).toBe(0);
  });
});

describe('a target that says it has mounted what it has not', () => {
  async function start(isStubborn: boolean) {
    const registry = await startRegistry();
    const image = await buildSampleImage({ layerBytes: 100, single: true, platforms: ['linux/amd64'] });
    registry.add('dev/web', image);
    registry.on(/^POST .*mount=/, ({ reply }) => reply(201));
    if (isStubborn)
      registry.on(/^PUT .*manifests/, ({ reply }) => reply(400, {}, '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}'));
    return { registry, image };
  }

  it('is sent the blobs after all', async () => {
    const { registry, image } = await start(false);
    await copy(registry, registry, image);
    expect(registry.manifests.has(`prod/web@${image.digest}`)).toBe(true);
    for (const digest of image.blobs.keys()) expect(registry.blobs.has(`prod/web@${digest}`)).toBe(true);
  });

  it('is given up where it goes on saying so', async () => {
    const { registry, image } = await start(true);
    expect(await failureOf(copy(registry, registry, image))).toMatchObject({
      registryCodes: ['MANIFEST_BLOB_UNKNOWN'],
    });
    expect(registry.requests.length).toBeLessThan(40);
  });
});
