import { describe, expect, it } from 'vitest';
import { OCI_INDEX, carryArtifacts, copyImage, planArtifacts } from '../../../activities/oci/index.ts';
import type { CarriedArtifact, CarryOptions } from '../../../activities/oci/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { buildReferrersList, buildSampleArtifact } from '../../support/sample-artifact.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import type { SampleImage, SampleManifest } from '../../support/sample-image.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, repository, startRegistry } from './fixture.ts';

interface Setting {
  readonly source: ScriptedRegistry;
  readonly target: ScriptedRegistry;
  readonly image: SampleImage;
  readonly options: CarryOptions;
}

/** An image that was copied; neither registry keeps a list of referrers. */
async function prepare(): Promise<Setting> {
  const [source, target] = [await startRegistry(), await startRegistry()];
  const image = await buildSampleImage({ layerBytes: 100, layers: 1 });
  source.add('dev/web', image);
  const client = openClient();
  const options = {
    source: { client, reference: reference(source, `dev/web@${image.digest}`) },
    target: { client, repository: repository(target, 'prod/web') },
  };
  await copyImage(options);
  return { source, target, image, options };
}

const tagOf = (digest: Digest): string => digest.replace(':', '-');

/** Adds artifacts and the list of them. */
function attach(source: ScriptedRegistry, subject: SampleManifest, artifacts: readonly SampleImage[]): void {
  for (const artifact of artifacts) source.add('dev/web', artifact);
  const list = buildReferrersList(artifacts.map(({ index }) => index));
  source.manifests.set(`dev/web:${tagOf(subject.digest)}`, list);
}

function listOf(target: ScriptedRegistry, subject: Digest): readonly Record<string, unknown>[] {
  const list = target.manifests.get(`prod/web:${tagOf(subject)}`);
  if (list === undefined) return [];
  return (JSON.parse(list.bytes.toString()) as { manifests: Record<string, unknown>[] }).manifests;
}

const outcomes = (carried: readonly CarriedArtifact[]): unknown => carried.map(({ outcome }) => outcome);

describe('carryArtifacts', () => {
  it('copies referrers and lists them with their type and annotations', async () => {
    const { source, target, image, options } = await prepare();
    const annotations = { 'org.example.scanner': 'one' };
    const sbom = buildSampleArtifact({ subject: image.index, artifactType: 'application/spdx+json', annotations });
    const old = buildSampleArtifact({ subject: image.index, configType: 'application/vnd.example.old' });
    attach(source, image.index, [sbom, old]);
    const carried = await carryArtifacts(options);
    expect(outcomes(carried)).toEqual(['copied', 'copied']);
    expect(carried[0]).toMatchObject({ digest: sbom.digest, how: 'referrer', subject: image.digest });
    expect(listOf(target, image.digest)).toEqual([
      {
        mediaType: sbom.index.mediaType,
        digest: sbom.digest,
        size: sbom.index.bytes.length,
        artifactType: 'application/spdx+json',
        annotations,
      },
      expect.objectContaining({ digest: old.digest, artifactType: 'application/vnd.example.old' }),
    ]);
    const puts = target.log().filter((line) => line.startsWith('PUT')).length;
    expect(outcomes(await carryArtifacts(options))).toEqual(['present', 'present']);
    expect(target.log().filter((line) => line.startsWith('PUT'))).toHaveLength(puts);
  });

  it('leaves what the target lists already as it is', async () => {
    const { source, target, image, options } = await prepare();
    const own = buildSampleArtifact({ subject: image.index, content: 'own' });
    const carried = buildSampleArtifact({ subject: image.index, content: 'carried' });
    target.add('prod/web', own);
    const entry = { ...own.index, artifactType: 'application/vnd.example' };
    target.manifests.set(`prod/web:${tagOf(image.digest)}`, buildReferrersList([entry]));
    const before = listOf(target, image.digest);
    attach(source, image.index, [carried]);
    await carryArtifacts(options);
    expect(listOf(target, image.digest)).toEqual([...before, expect.objectContaining({ digest: carried.digest })]);
  });

  it('writes its list again when another client has put its own in between', async () => {
    const { source, target, image, options } = await prepare();
    const own = buildSampleArtifact({ subject: image.index, content: 'own' });
    const rival = buildSampleArtifact({ subject: image.index, content: 'rival' });
    target.add('prod/web', rival);
    attach(source, image.index, [own]);
    const tag = tagOf(image.digest);
    target.on(new RegExp(`PUT .*/manifests/${tag}`), async ({ proceed, round }) => {
      await proceed();
      if (round < 2) target.manifests.set(`prod/web:${tag}`, buildReferrersList([rival.index]));
    });
    expect(outcomes(await carryArtifacts(options))).toEqual(['copied']);
    expect(listOf(target, image.digest).map(({ digest }) => digest)).toEqual([rival.digest, own.digest]);
  });

  it('says so when others write over its list each time', async () => {
    const { source, target, image, options } = await prepare();
    attach(source, image.index, [buildSampleArtifact({ subject: image.index })]);
    target.on(/PUT .*\/manifests\/sha256-/, ({ reply }) => reply(201));
    const [carried] = await carryArtifacts(options);
    expect(carried).toMatchObject({ outcome: 'conflict', reason: expect.stringContaining('another client') });
  });

  it('keeps something else under the tag of the list', async () => {
    const { source, target, image, options } = await prepare();
    attach(source, image.index, [buildSampleArtifact({ subject: image.index })]);
    const other = buildSampleArtifact({ content: 'other' });
    target.add('prod/web', other, tagOf(image.digest));
    expect(outcomes(await carryArtifacts(options))).toEqual(['conflict']);
    expect(target.manifests.get(`prod/web:${tagOf(image.digest)}`)?.bytes).toEqual(other.index.bytes);
  });

  it('writes no list where the registry takes note of the subject, and puts again what it has not noted', async () => {
    const { source, target, image, options } = await prepare();
    const sbom = buildSampleArtifact({ subject: image.index });
    attach(source, image.index, [sbom]);
    const noted: SampleManifest[] = [];
    target.on(/\/referrers\//, ({ reply }) => {
      reply(200, { 'content-type': OCI_INDEX }, buildReferrersList(noted).bytes);
    });
    const puts: string[] = [];
    target.on(/^PUT .*\/manifests\//, async ({ request, response, proceed }) => {
      puts.push(request.url?.split('/').at(-1) ?? '');
      response.setHeader('oci-subject', image.digest);
      await proceed();
    });
    expect(outcomes(await carryArtifacts(options))).toEqual(['copied']);
    expect(puts).toEqual([sbom.digest, sbom.digest]);
    noted.push(sbom.index);
    expect(outcomes(await carryArtifacts(options))).toEqual(['present']);
    expect(puts).toHaveLength(2);
  });

  it('carries tags of cosign, and never moves one', async () => {
    const { source, target, image, options } = await prepare();
    const [signature, attestation, theirs] = ['signature', 'attestation', 'theirs'].map((content) =>
      buildSampleArtifact({ content }),
    ) as [SampleImage, SampleImage, SampleImage];
    source.add('dev/web', signature, `${tagOf(image.digest)}.sig`);
    source.add('dev/web', attestation, `${tagOf(image.digest)}.att`);
    target.add('prod/web', theirs, `${tagOf(image.digest)}.att`);
    const told: CarriedArtifact[] = [];
    const carried = await carryArtifacts({ ...options, onArtifact: (one) => told.push(one) });
    expect(carried).toEqual([
      expect.objectContaining({ outcome: 'copied', tag: `${tagOf(image.digest)}.sig`, how: 'cosign-tag' }),
      expect.objectContaining({ outcome: 'conflict', tag: `${tagOf(image.digest)}.att` }),
    ]);
    expect(new Set(told)).toEqual(new Set(carried));
    expect(target.manifests.get(`prod/web:${tagOf(image.digest)}.sig`)?.bytes).toEqual(signature.index.bytes);
    expect(target.manifests.get(`prod/web:${tagOf(image.digest)}.att`)?.bytes).toEqual(theirs.index.bytes);
    expect(outcomes(await carryArtifacts(options))).toEqual(['present', 'conflict']);
  });

  it('refuses what does not refer to its subject, tells what is missing, and carries the rest', async () => {
    const { source, target, image, options } = await prepare();
    const stranger = buildSampleArtifact({ content: 'stranger' });
    const gone = buildSampleArtifact({ subject: image.index, content: 'gone' });
    const good = buildSampleArtifact({ subject: image.index, content: 'good' });
    attach(source, image.index, [stranger, gone, good]);
    source.manifests.delete(`dev/web@${gone.digest}`);
    expect(outcomes(await carryArtifacts(options))).toEqual(['refused', 'missing', 'copied']);
    expect(target.manifests.has(`prod/web@${stranger.digest}`)).toBe(false);
    expect(listOf(target, image.digest).map(({ digest }) => digest)).toEqual([good.digest]);
  });

  it('goes on where the target does not take one of them, and ends where it is not there', async () => {
    const { source, target, image, options } = await prepare();
    const [bad, good] = ['bad', 'good'].map((content) => buildSampleArtifact({ subject: image.index, content }));
    attach(source, image.index, [bad!, good!]);
    target.on(new RegExp(`PUT .*/manifests/${bad!.digest}`), ({ reply }) => reply(400));
    expect(outcomes(await carryArtifacts(options))).toEqual(['refused', 'copied']);
    target.on(/blobs|manifests/, ({ cut }) => cut());
    const failure = await failureOf(carryArtifacts(options));
    expect(failure).toMatchObject({ code: 'registry-unavailable', side: 'target' });
  });

  it('counts as copied what lacked its manifest alone', async () => {
    const { source, target, image, options } = await prepare();
    const sbom = buildSampleArtifact({ subject: image.index });
    attach(source, image.index, [sbom]);
    for (const [digest, blob] of sbom.blobs) target.blobs.set(`prod/web@${digest}`, blob);
    expect(await carryArtifacts(options)).toEqual([expect.objectContaining({ outcome: 'copied', bytesCopied: 0 })]);
  });

  it('is planned without a write', async () => {
    const { source, target, image, options } = await prepare();
    const sbom = buildSampleArtifact({ subject: image.index, content: 'sbom of some length' });
    attach(source, image.index, [sbom]);
    source.add('dev/web', buildSampleArtifact(), `${tagOf(image.digest)}.sig`);
    target.add('prod/web', buildSampleArtifact({ content: 'theirs' }), `${tagOf(image.digest)}.sig`);
    const before = target.requests.length;
    const planned = await planArtifacts(options);
    expect(planned).toEqual([
      expect.objectContaining({ digest: sbom.digest, outcome: 'copied', bytesToMove: 19 }),
      expect.objectContaining({ how: 'cosign-tag', outcome: 'conflict', bytesToMove: 0 }),
    ]);
    const methods = target.requests.slice(before).map(({ method }) => method);
    expect(new Set(methods)).toEqual(new Set(['GET', 'HEAD']));
  });
});
