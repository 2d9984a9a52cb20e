import { describe, expect, it } from 'vitest';
import { OCI_INDEX, findReferrers } from '../../../activities/oci/index.ts';
import type { ReferrerDescriptor } from '../../../activities/oci/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { buildReferrersList, buildSampleArtifact } from '../../support/sample-artifact.ts';
import { buildSampleImage, sha256 } from '../../support/sample-image.ts';
import type { SampleImage, SampleManifest } from '../../support/sample-image.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, repository, startRegistry } from './fixture.ts';

interface Setting {
  readonly registry: ScriptedRegistry;
  readonly image: SampleImage;
}

async function prepare(): Promise<Setting> {
  const registry = await startRegistry();
  const image = await buildSampleImage({ layerBytes: 100, layers: 1 });
  registry.add('dev/web', image);
  return { registry, image };
}

function find(registry: ScriptedRegistry, digest: Digest): Promise<readonly ReferrerDescriptor[]> {
  return findReferrers(openClient(), repository(registry, 'dev/web'), digest);
}

/** Makes the registry answer with these lists; for all else it says that there is nothing. */
function serveLists(registry: ScriptedRegistry, lists: ReadonlyMap<string, SampleManifest>): void {
  registry.on(/^GET \/v2\/dev\/web\/referrers\//, ({ request, reply }) => {
    const asked = request.url?.split('/').at(-1) ?? '';
    const { bytes } = lists.get(asked) ?? buildReferrersList([]);
    reply(200, { 'content-type': OCI_INDEX }, bytes);
  });
}

const tagOf = (digest: Digest): string => digest.replace(':', '-');

describe('findReferrers', () => {
  it('asks the registry for each manifest, and for what was found in turn', async () => {
    const { registry, image } = await prepare();
    const sbom = buildSampleArtifact({ subject: image.manifests[1]!, artifactType: 'application/spdx+json' });
    const signature = buildSampleArtifact({ subject: sbom.index, artifactType: 'application/vnd.example.signature' });
    const lists = new Map([
      [image.manifests[1]!.digest, buildReferrersList([{ ...sbom.index, artifactType: 'application/spdx+json' }])],
      [sbom.digest, buildReferrersList([signature.index])],
    ]);
    serveLists(registry, lists);
    expect(await find(registry, image.digest)).toEqual([
      {
        digest: sbom.digest,
        mediaType: sbom.index.mediaType,
        size: sbom.index.bytes.length,
        artifactType: 'application/spdx+json',
        how: 'referrer',
        subject: image.manifests[1]!.digest,
      },
      expect.objectContaining({ digest: signature.digest, subject: sbom.digest }),
    ]);
    const asked = registry.log().filter((line) => line.includes('/referrers/'));
    expect(asked).toHaveLength(image.everyManifest.length + 2);
  });

  it.each([
    ['404', 404, 'application/json'],
    ['405', 405, 'application/json'],
    ['a page for people', 200, 'text/html'],
  ])('reads the list under the tag where the registry answers %s', async (_, status, type) => {
    const { registry, image } = await prepare();
    registry.on(/\/referrers\//, ({ reply }) => reply(status, { 'content-type': type }, '<html>'));
    const sbom = buildSampleArtifact({ subject: image.index });
    registry.add('dev/web', sbom);
    registry.manifests.set(`dev/web:${tagOf(image.digest)}`, buildReferrersList([sbom.index]));
    expect(await find(registry, image.digest)).toEqual([
      expect.objectContaining({ digest: sbom.digest, how: 'referrer', subject: image.digest }),
    ]);
  });

  it('finds the tags of cosign, also of what was found', async () => {
    const { registry, image } = await prepare();
    const layerType = 'application/vnd.dev.cosign.simplesigning.v1+json';
    const configType = 'application/vnd.oci.image.config.v1+json';
    const [platform] = image.manifests;
    const sbom = buildSampleArtifact({ content: 'sbom' });
    const signature = buildSampleArtifact({ content: 'signature', layerType, configType });
    registry.add('dev/web', sbom, `${tagOf(platform!.digest)}.sbom`);
    registry.add('dev/web', signature, `${tagOf(image.digest)}.sig`);
    registry.add('dev/web', signature, `${tagOf(sbom.digest)}.sig`);
    const found = await find(registry, image.digest);
    expect(found.map(({ how, tag, digest, subject }) => [how, tag, digest, subject])).toEqual([
      ['cosign-tag', `${tagOf(image.digest)}.sig`, signature.digest, image.digest],
      ['cosign-tag', `${tagOf(platform!.digest)}.sbom`, sbom.digest, platform!.digest],
      ['cosign-tag', `${tagOf(sbom.digest)}.sig`, signature.digest, sbom.digest],
    ]);
    expect(found[0]?.artifactType).toBe(layerType);
  });

  it('follows the pages of a list', async () => {
    const { registry, image } = await prepare();
    const artifacts = ['one', 'two', 'three'].map((content) => buildSampleArtifact({ subject: image.index, content }));
    registry.on(new RegExp(`/referrers/${image.digest}`), ({ request, reply }) => {
      const page = Number(new URL(request.url ?? '', 'http://registry').searchParams.get('page') ?? '0');
      const link = `</v2/dev/web/referrers/${image.digest}?page=${page + 1}>; rel="next"`;
      const headers = { 'content-type': `${OCI_INDEX}; charset=utf-8`, ...(page < 2 && { link }) };
      reply(200, headers, buildReferrersList([artifacts[page]!.index]).bytes);
    });
    const found = await find(registry, image.digest);
    expect(found.map(({ digest }) => digest)).toEqual(artifacts.map(({ digest }) => digest));
  });

  it('fails where a page is missing: what it had listed would be left behind', async () => {
    const { registry, image } = await prepare();
    registry.on(new RegExp(`/referrers/${image.digest}`), ({ request, reply }) => {
      const link = `<${request.url ?? ''}?page=2>; rel="next"`;
      if (request.url?.endsWith('?page=2') === true) reply(404);
      else reply(200, { 'content-type': OCI_INDEX, link }, buildReferrersList([]).bytes);
    });
    expect(await failureOf(find(registry, image.digest))).toMatchObject({ code: 'registry-refused' });
  });

  it.each([
    ['in one list', 1001, 1, '1000 referrers'],
    ['in all lists together', 400, 3, '1000 attached'],
  ])('refuses more than a thousand %s', async (_, entries, lists, said) => {
    const { registry, image } = await prepare();
    const fakes = (seed: number) =>
      Array.from({ length: entries }, (_entry, at) => ({
        ...image.index,
        digest: sha256(Buffer.from(`${seed} ${at}`)),
      }));
    const served = image.everyManifest
      .slice(0, lists)
      .map((one, at) => [one.digest, buildReferrersList(fakes(at))] as const);
    serveLists(registry, new Map(served));
    const failure = await failureOf(find(registry, image.digest));
    expect(failure).toMatchObject({ code: 'manifest-unsupported', message: expect.stringContaining(said) });
  });

  it('ends with pages that never end', async () => {
    const { registry, image } = await prepare();
    registry.on(/\/referrers\//, ({ reply, request }) => {
      reply(200, { 'content-type': OCI_INDEX, link: `<${request.url ?? ''}>; rel=next` }, buildReferrersList([]).bytes);
    });
    const failure = await failureOf(find(registry, image.digest));
    expect(failure).toMatchObject({ code: 'manifest-unsupported', message: expect.stringContaining('20 pages') });
  });

  it('does not go to another place for the next page', async () => {
    const { registry, image } = await prepare();
    const other = await startRegistry();
    registry.on(/\/referrers\//, ({ reply }) => {
      const link = `<${other.origin}/v2/dev/web/referrers/more>; rel="next"`;
      reply(200, { 'content-type': OCI_INDEX, link }, buildReferrersList([]).bytes);
    });
    expect(await failureOf(find(registry, image.digest))).toMatchObject({ code: 'registry-refused' });
    expect(other.requests).toEqual([]);
  });

  it('refuses a list of more than 4 MiB', async () => {
    const { registry, image } = await prepare();
    const endless = Buffer.alloc(5 * 1024 * 1024, ' ');
    registry.on(/\/referrers\//, ({ reply }) => reply(200, { 'content-type': OCI_INDEX }, endless));
    expect(await failureOf(find(registry, image.digest))).toMatchObject({ code: 'manifest-unsupported' });
  });

  it('refuses a list with something that is no digest, and asks for nothing of it', async () => {
    const { registry, image } = await prepare();
    const evil = { ...buildSampleArtifact().index, digest: 'sha256:../../../etc/passwd' as Digest };
    serveLists(registry, new Map([[image.digest, buildReferrersList([evil])]]));
    expect(await failureOf(find(registry, image.digest))).toMatchObject({ code: 'manifest-unsupported' });
    expect(registry.log().some((line) => line.includes('passwd'))).toBe(false);
  });

  it('ends with artifacts that are attached to each other in a circle, and with too long a chain', async () => {
    const { registry, image } = await prepare();
    const fakes = Array.from({ length: 6 }, (_, at) => ({ ...image.index, digest: sha256(Buffer.from(String(at))) }));
    const chain = fakes.map((one, at) => [one.digest, buildReferrersList(fakes.slice(at + 1, at + 2))] as const);
    serveLists(registry, new Map([[image.digest, buildReferrersList([fakes[4]!])], ...chain.slice(4)]));
    expect(await find(registry, image.digest)).toHaveLength(2);
    const circle = [fakes[1]!.digest, buildReferrersList([fakes[0]!])] as const;
    serveLists(registry, new Map([[image.digest, buildReferrersList([fakes[0]!])], chain[0]!, circle]));
    expect(await find(registry, image.digest)).toHaveLength(3);
    serveLists(registry, new Map([[image.digest, buildReferrersList([fakes[0]!])], ...chain]));
    expect(await failureOf(find(registry, image.digest))).toMatchObject({ code: 'manifest-unsupported' });
  });
});
