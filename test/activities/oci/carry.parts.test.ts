import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { carryArtifacts, copyImage, findReferrers, planCopy, selectPlatform } from '../../../activities/oci/index.ts';
import type { CarriedArtifact, CarryOptions } from '../../../activities/oci/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import { ensureParts } from '../../support/parts/index.mjs';
import { startReferrersRegistry } from '../../support/referrers-registry.ts';
import { fetchManifestRaw, pushSampleImage, tagOf } from '../../support/registry-push.ts';
import { buildSampleArtifact } from '../../support/sample-artifact.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import type { SampleImage, SampleManifest } from '../../support/sample-image.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { failureOf, openClient, reference, repository } from './fixture.ts';

interface Registry {
  readonly host: string;
  readonly requests: () => readonly string[];
  readonly stop: () => Promise<void>;
}

type Kind = 'docker-registry' | 'distribution-3' | 'referrers-registry';

const folder = useTempFolder();
const registries = new Map<Kind, Registry>();
let count = 0;

beforeAll(async () => {
  registries.set('docker-registry', await startDockerRegistry());
  registries.set('distribution-3', await startDockerRegistry({ program: 'distribution-3' }));
  registries.set('referrers-registry', await startReferrersRegistry());
});

afterAll(async () => {
  for (const registry of registries.values()) await registry.stop();
});

interface Setting {
  readonly source: Registry;
  readonly target: Registry;
  /** Repositories of this test alone. */
  readonly from: string;
  readonly to: string;
  readonly image: SampleImage;
  readonly options: CarryOptions;
}

/** An image that was copied from the one to the other. */
async function prepare(sourceKind: Kind, targetKind: Kind): Promise<Setting> {
  const [source, target] = [registries.get(sourceKind)!, registries.get(targetKind)!];
  const [from, to] = [`dev/web${++count}`, `prod/web${count}`];
  const image = await buildSampleImage({ layerBytes: 1000 });
  await pushSampleImage(source.host, from, '1.0', image);
  const client = openClient();
  const options = {
    source: { client, reference: reference(source, `${from}@${image.digest}`) },
    target: { client, repository: repository(target, to) },
  };
  return { source, target, from, to, image, options };
}

/** oras, which attaches and lists as the specification has it, with the API or without. */
async function oras(...args: readonly string[]): Promise<string> {
  const { oras: program } = await ensureParts(['oras']);
  const home = { HOME: folder.path, PATH: process.env['PATH'] };
  return (await promisify(execFile)(program, [...args], { cwd: folder.path, env: home })).stdout;
}

async function attach(registry: Registry, name: string, subject: Digest, type: string): Promise<void> {
  const file = `${type.replace(/\W/g, '-')}.txt`;
  await writeFile(folder.join(file), `a ${type} of ${subject}`);
  const place = ['--plain-http', `${registry.host}/${name}@${subject}`, `${file}:text/plain`];
  await oras('attach', '--artifact-type', type, '--annotation', `kind=${type}`, ...place);
}

interface Discovered {
  readonly artifactType: string;
  readonly digest: string;
}

/** What oras finds attached. */
async function discover(registry: Registry, name: string, subject: Digest): Promise<readonly Discovered[]> {
  const found = await oras('discover', '--plain-http', '--format', 'json', `${registry.host}/${name}@${subject}`);
  const { manifests } = JSON.parse(found) as { manifests: Discovered[] | null };
  return manifests ?? [];
}

async function digestsAt(registry: Registry, name: string, subject: Digest): Promise<readonly string[]> {
  return (await discover(registry, name, subject)).map(({ digest }) => digest).sort();
}

const outcomes = (carried: readonly CarriedArtifact[]): unknown => carried.map(({ outcome }) => outcome);
const nameFor = (digest: Digest): string => digest.replace(':', '-');

describe('carryArtifacts between real registries, judged by oras', () => {
  it.each<[Kind, Kind]>([
    ['docker-registry', 'distribution-3'],
    ['distribution-3', 'referrers-registry'],
    ['referrers-registry', 'docker-registry'],
    ['referrers-registry', 'referrers-registry'],
  ])('carries from %s to %s what oras attached to an image, a platform and an artifact', async (one, other) => {
    const { source, target, from, to, image, options } = await prepare(one, other);
    const [platform] = image.manifests as [SampleManifest];
    await attach(source, from, image.digest, 'application/vnd.example.sbom');
    await attach(source, from, image.digest, 'application/vnd.example.scan');
    await attach(source, from, platform.digest, 'application/vnd.example.provenance');
    const sbom = (await digestsAt(source, from, image.digest))[0] as Digest;
    await attach(source, from, sbom, 'application/vnd.example.signature');
    await pushSampleImage(source.host, from, `${nameFor(image.digest)}.sig`, buildSampleArtifact());

    await copyImage(options);
    const carried = await carryArtifacts(options);
    expect(outcomes(carried)).toEqual(Array.from({ length: 5 }, () => 'copied'));
    // In their own words: the registry with the API lists the types of their configs.
    const types = carried.map(({ artifactType }) => artifactType?.split('.').at(-1));
    expect(types.sort()).toEqual(['application/spdx+json', 'provenance', 'sbom', 'scan', 'signature']);
    for (const subject of [image.digest, platform.digest, sbom]) {
      const expected = await digestsAt(source, from, subject);
      expect(expected.length).toBeGreaterThan(0);
      expect(await digestsAt(target, to, subject)).toEqual(expected);
    }
    for (const { digest } of carried) {
      expect(await fetchManifestRaw(target.host, to, digest)).toEqual(
        await fetchManifestRaw(source.host, from, digest),
      );
    }
    expect(await tagOf(target.host, to, `${nameFor(image.digest)}.sig`)).toBe(buildSampleArtifact().digest);
    expect(outcomes(await carryArtifacts(options))).toEqual(Array.from({ length: 5 }, () => 'present'));
  });

  it.each<Kind>(['docker-registry', 'distribution-3', 'referrers-registry'])(
    'adds to what oras attached at %s before',
    async (kind) => {
      const { source, target, from, to, image, options } = await prepare('distribution-3', kind);
      await attach(source, from, image.digest, 'application/vnd.example.carried');
      await copyImage(options);
      await attach(target, to, image.digest, 'application/vnd.example.own');
      await carryArtifacts(options);
      await attach(target, to, image.digest, 'application/vnd.example.later');
      const found = await discover(target, to, image.digest);
      expect(found).toHaveLength(3);
      if (kind === 'referrers-registry') return;
      const types = found.map(({ artifactType }) => artifactType.split('.').at(-1));
      expect(types.sort()).toEqual(['carried', 'later', 'own']);
    },
  );

  it('lists what several carry at once, and nobody loses', async () => {
    const { source, target, from, to, image, options } = await prepare('distribution-3', 'docker-registry');
    await attach(source, from, image.digest, 'application/vnd.example.a');
    await attach(source, from, image.digest, 'application/vnd.example.b');
    await copyImage(options);
    await Promise.all([carryArtifacts(options), carryArtifacts(options), carryArtifacts(options)]);
    const expected = await digestsAt(source, from, image.digest);
    expect(expected).toHaveLength(2);
    expect(await digestsAt(target, to, image.digest)).toEqual(expected);
  });
});

describe('other wishes, on real registries', () => {
  it.each<Kind>(['docker-registry', 'distribution-3'])('plans on %s what the copy then does', async (kind) => {
    const { target, to, image, options } = await prepare('docker-registry', kind);
    const plan = await planCopy(options);
    expect(plan.manifests.some(({ present }) => present)).toBe(false);
    const asked = (): readonly string[] => target.requests().filter((line) => line.includes(`/v2/${to}/`));
    await expect.poll(() => asked().length).toBe(image.blobs.size + image.everyManifest.length);
    expect(asked().filter((line) => !line.startsWith('HEAD '))).toEqual([]);
    const { bytesCopied, bytesTotal } = await copyImage(options);
    expect(plan).toMatchObject({ bytesToMove: bytesCopied, bytesTotal, digest: image.digest });
    expect(await planCopy(options)).toMatchObject({ bytesToMove: 0 });
  });

  it('copies one platform by its own digest', async () => {
    const { target, to, image, options, from, source } = await prepare('docker-registry', 'distribution-3');
    const { client } = options.source;
    const selected = await selectPlatform(client, reference(source, `${from}:1.0`), 'linux/aarch64');
    expect(selected.digest).toBe(image.manifests[1]!.digest);
    await copyImage({ ...options, source: { client, reference: selected }, tag: '1.0' });
    expect(await tagOf(target.host, to, '1.0')).toBe(selected.digest);
    const alone = reference(target, `${to}:1.0`);
    expect((await selectPlatform(client, alone, 'linux/arm64')).digest).toBe(selected.digest);
    expect(await failureOf(selectPlatform(client, alone, 'linux/amd64'))).toMatchObject({ code: 'image-unknown' });
  });

  it('finds nothing at an image to which nothing is attached', async () => {
    for (const kind of registries.keys()) {
      const { options, image } = await prepare(kind, kind);
      expect(await findReferrers(options.source.client, options.source.reference, image.digest)).toEqual([]);
    }
  });
});
