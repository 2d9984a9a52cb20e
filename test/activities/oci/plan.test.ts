import { describe, expect, it } from 'vitest';
import { OCI_MANIFEST, copyImage, planCopy } from '../../../activities/oci/index.ts';
import { buildSampleImage, sha256 } from '../../support/sample-image.ts';
import type { SampleImage } from '../../support/sample-image.ts';
import { failureOf, openClient, reference, repository, startRegistry } from './fixture.ts';

const sizeOf = (image: SampleImage): number => [...image.blobs.values()].reduce((sum, blob) => sum + blob.length, 0);

describe('planCopy', () => {
  it('tells what is missing, without a write, and as the copy then does it', async () => {
    const [source, target] = [await startRegistry(), await startRegistry()];
    const image = await buildSampleImage({ layerBytes: 1000, mediaTypes: 'docker' });
    source.add('dev/web', image);
    const [there] = image.blobs;
    target.blobs.set(`prod/web@${there![0]}`, there![1]);
    const client = openClient();
    const options = {
      source: { client, reference: reference(source, `dev/web@${image.digest}`) },
      target: { client, repository: repository(target, 'prod/web') },
    };
    const plan = await planCopy(options);
    expect(plan).toMatchObject({
      digest: image.digest,
      bytesTotal: sizeOf(image),
      bytesToMove: sizeOf(image) - there![1].length,
      foreignLayers: [],
    });
    expect(plan.manifests).toEqual(
      image.everyManifest.map(({ digest, mediaType, bytes, platform }) => {
        return { digest, mediaType, size: bytes.length, ...(platform && { platform }), present: false };
      }),
    );
    expect(plan.blobs.find(({ digest }) => digest === there![0])?.state).toBe('present');
    expect(plan.blobs.filter(({ state }) => state === 'missing')).toHaveLength(image.blobs.size - 1);
    expect(new Set(target.requests.map(({ method }) => method))).toEqual(new Set(['HEAD']));
    expect(source.log().some((line) => line.includes('/blobs/'))).toBe(false);

    const result = await copyImage(options);
    expect(result.bytesCopied).toBe(plan.bytesToMove);
    const after = await planCopy(options);
    expect(after).toMatchObject({ bytesToMove: 0, bytesTotal: plan.bytesTotal });
    expect(after.manifests.every(({ present }) => present)).toBe(true);
  });

  it('moves nothing that can be mounted', async () => {
    const registry = await startRegistry();
    const image = await buildSampleImage({ layerBytes: 100 });
    registry.add('dev/web', image);
    const client = openClient();
    const plan = await planCopy({
      source: { client, reference: reference(registry, `dev/web@${image.digest}`) },
      target: { client, repository: repository(registry, 'prod/web') },
    });
    expect(plan.bytesToMove).toBe(0);
    expect(new Set(plan.blobs.map(({ state }) => state))).toEqual(new Set(['mountable']));
  });

  it('names the side that fails', async () => {
    const [source, target] = [await startRegistry(), await startRegistry()];
    const image = await buildSampleImage({ layerBytes: 100 });
    source.add('dev/web', image);
    target.on(/HEAD/, ({ reply }) => reply(403));
    const client = openClient();
    const targetEnd = { client, repository: repository(target, 'prod/web') };
    const from = { client, reference: reference(source, `dev/web@${image.digest}`) };
    expect(await failureOf(planCopy({ source: from, target: targetEnd }))).toMatchObject({
      code: 'access-denied',
      side: 'target',
    });
    const nowhere = { client, reference: reference(source, `dev/other@${image.digest}`) };
    expect(await failureOf(planCopy({ source: nowhere, target: targetEnd }))).toMatchObject({
      code: 'image-unknown',
      side: 'source',
    });
    const tagged = { client, reference: reference(source, 'dev/web:1') };
    expect(await failureOf(planCopy({ source: tagged, target: targetEnd }))).toMatchObject({
      code: 'reference-invalid',
    });
  });
});

describe('foreign layers', () => {
  it('are referenced and told, and neither fetched from their URL nor looked for anywhere', async () => {
    const [source, target, elsewhere] = [await startRegistry(), await startRegistry(), await startRegistry()];
    const blob = Buffer.from('a config');
    const urls = [`${elsewhere.origin}/layer`];
    const layer = (mediaType: string, content: string) => {
      return { mediaType, digest: sha256(Buffer.from(content)), size: content.length, urls };
    };
    const foreign = layer('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'windows');
    const nonDistributable = layer('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'fonts');
    const document = {
      schemaVersion: 2,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256(blob), size: blob.length },
      layers: [foreign, nonDistributable],
    };
    const bytes = Buffer.from(JSON.stringify(document));
    source.manifests.set(`dev/web@${sha256(bytes)}`, { bytes, mediaType: OCI_MANIFEST });
    source.blobs.set(`dev/web@${sha256(blob)}`, blob);
    const client = openClient();
    const options = {
      source: { client, reference: reference(source, `dev/web@${sha256(bytes)}`) },
      target: { client, repository: repository(target, 'prod/web') },
    };
    const plan = await planCopy(options);
    expect(plan.foreignLayers.map(({ digest }) => digest)).toEqual([foreign.digest, nonDistributable.digest]);
    expect(plan.bytesTotal).toBe(blob.length);
    await copyImage({ ...options, thorough: true });
    expect(target.manifests.get(`prod/web@${sha256(bytes)}`)?.bytes).toEqual(bytes);
    expect(elsewhere.requests).toEqual([]);
    const asked = [...source.log(), ...target.log()].filter((line) => line.includes(foreign.digest));
    expect(asked).toEqual([]);
  });
});
