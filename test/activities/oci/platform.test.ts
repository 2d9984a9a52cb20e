import { describe, expect, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST, normalizePlatform, selectPlatform } from '../../../activities/oci/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import type { ImageReference } from '../../../workflows/domain/reference.ts';
import { buildSampleImage, sha256 } from '../../support/sample-image.ts';
import type { SampleImageOptions } from '../../support/sample-image.ts';
import { failureOf, openClient, reference, startRegistry } from './fixture.ts';

describe('normalizePlatform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['Linux/X86_64', 'linux/amd64'],
    ['linux/x86-64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/arm64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/aarch64/v8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['macos/arm64', 'darwin/arm64'],
    ['windows/amd64', 'windows/amd64'],
    ['linux/s390x', 'linux/s390x'],
  ])('takes %s for %s', (written, normal) => {
    expect(normalizePlatform(written)).toBe(normal);
  });
});

async function select(platform: string, options: SampleImageOptions) {
  const registry = await startRegistry();
  const image = await buildSampleImage({ layerBytes: 10, layers: 1, ...options });
  registry.add('dev/web', image, '1');
  const from = reference(registry, 'dev/web:1');
  const selected = selectPlatform(openClient(), from, platform);
  return { registry, image, from, selected };
}

function digestFor(image: Awaited<ReturnType<typeof buildSampleImage>>, platform: string): Digest {
  return image.manifests.find((one) => one.platform === platform)!.digest;
}

describe('selectPlatform', () => {
  const platforms = ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v6', 'linux/arm/v7'];

  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/arm64', 'linux/arm64/v8'],
    ['linux/aarch64', 'linux/arm64/v8'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/v6', 'linux/arm/v6'],
  ])('finds %s as the manifest of %s, by its own digest', async (wanted, there) => {
    const { selected, image, from } = await select(wanted, { platforms });
    const { domain, path } = from;
    expect(await selected).toEqual({ domain, path, digest: digestFor(image, there) } satisfies Partial<ImageReference>);
  });

  it('finds it in an index in an index, and asks for no other image', async () => {
    const { selected, image, registry } = await select('linux/arm64', { platforms, nested: true });
    expect((await selected).digest).toBe(digestFor(image, 'linux/arm64/v8'));
    expect(registry.requests).toHaveLength(2);
  });

  it('names the platforms that there are', async () => {
    const { selected } = await select('linux/s390x', { platforms });
    const failure = await failureOf(selected);
    expect(failure).toMatchObject({ code: 'image-unknown' });
    expect(failure.message).toContain('there are "linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64"');
  });

  it('takes no older variant in the place of the one that is wanted', async () => {
    const { selected } = await select('linux/arm/v7', { platforms: ['linux/arm/v6', 'linux/amd64'] });
    expect(await failureOf(selected)).toMatchObject({ code: 'image-unknown' });
  });

  it('asks the config of an image that is no index', async () => {
    const right = await select('linux/arm64', { platforms: ['linux/arm64/v8'], single: true });
    expect((await right.selected).digest).toBe(right.image.digest);
    const wrong = await select('linux/amd64', { platforms: ['linux/arm64/v8'], single: true });
    const failure = await failureOf(wrong.selected);
    expect(failure).toMatchObject({ code: 'image-unknown', message: expect.stringContaining('linux/arm64') });
  });

  it.each(['linux', 'linux/', '/amd64', 'linux/arm/v7/x', 'linux/../x/y', 'linux/amd 64', ''])(
    'refuses %j, and asks nobody',
    async (wanted) => {
      const { selected, registry } = await select(wanted, { platforms });
      expect(await failureOf(selected)).toMatchObject({ code: 'reference-invalid' });
      expect(registry.requests).toEqual([]);
    },
  );

  it('does not choose between two of one platform, and passes by attestations and what is no image', async () => {
    const registry = await startRegistry();
    const [one, other] = [await buildSampleImage({ seed: 'one', single: true, platforms: ['windows/amd64'] })].concat([
      await buildSampleImage({ seed: 'other', single: true, platforms: ['windows/amd64'] }),
    ]);
    const describe = (image: typeof one, os: string, architecture: string) => {
      const { digest, mediaType, bytes } = image!.index;
      return { digest, mediaType, size: bytes.length, platform: { os, architecture } };
    };
    const put = (manifests: readonly unknown[], tag: string): ImageReference => {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
      registry.manifests.set(`dev/web:${tag}`, { bytes, mediaType: OCI_INDEX });
      return reference(registry, `dev/web:${tag}`);
    };
    const pair = [describe(one, 'windows', 'amd64'), describe(other, 'windows', 'amd64')];
    const failure = await failureOf(selectPlatform(openClient(), put(pair, 'pair'), 'windows/amd64'));
    expect(failure.message).toContain(`${one!.digest}, ${other!.digest}`);
    const strange = { mediaType: 'application/vnd.example', digest: sha256(Buffer.from('x')), size: 1 };
    const mixed = [describe(one, 'windows', 'amd64'), describe(other, 'unknown', 'unknown'), strange];
    const selected = await selectPlatform(openClient(), put(mixed, 'mixed'), 'windows/amd64');
    expect(selected.digest).toBe(one!.digest);
    const nobody = selectPlatform(openClient(), reference(registry, 'dev/web:mixed'), 'unknown/unknown');
    expect(await failureOf(nobody)).toMatchObject({ code: 'image-unknown' });
    const alone = put([describe(other, 'unknown', 'unknown')], 'alone');
    expect((await failureOf(selectPlatform(openClient(), alone, 'linux/amd64'))).message).toContain('no platform');
  });

  it.each([
    ['too large', { size: 5 * 1024 * 1024 }, 'image-unknown'],
    ['no JSON', { content: 'nonsense' }, 'manifest-unsupported'],
    ['without a platform', { content: '{}' }, 'image-unknown'],
  ])(
    'does not trust a config that is %s',
    async (_, { content = '{}', size }: { content?: string; size?: number }, code) => {
      const registry = await startRegistry();
      const config = Buffer.from(content);
      const described = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256(config) };
      const document = { schemaVersion: 2, config: { ...described, size: size ?? config.length }, layers: [] };
      const bytes = Buffer.from(JSON.stringify(document));
      registry.manifests.set('dev/web:1', { bytes, mediaType: OCI_MANIFEST });
      registry.blobs.set(`dev/web@${sha256(config)}`, config);
      const selected = selectPlatform(openClient(), reference(registry, 'dev/web:1'), 'linux/amd64');
      expect(await failureOf(selected)).toMatchObject({ code });
    },
  );
});
