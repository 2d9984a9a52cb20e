import { beforeAll, describe, expect, it } from 'vitest';
import { generatePolicy, judgeImage, parsePolicy } from '../../../activities/trust/index.ts';
import type { ImageToJudge, ManifestSource } from '../../../activities/trust/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { formatReference, parseReference } from '../../../workflows/domain/reference.ts';
import { digestOf, makeSigner } from './signers.ts';
import type { Signer } from './signers.ts';

const IMAGE = 'registry.example.com/acme/web:1';
const OCI = 'application/vnd.oci.image.';
let alice: Signer;
let bob: Signer;
beforeAll(async () => {
  [alice, bob] = await Promise.all([makeSigner(), makeSigner()]);
});

function json(value: unknown): { bytes: Buffer; digest: Digest } {
  const bytes = Buffer.from(JSON.stringify(value));
  return { bytes, digest: digestOf(bytes) };
}
const image = (name: string) =>
  json({ schemaVersion: 2, mediaType: `${OCI}manifest.v1+json`, config: {}, layers: [], name });
const index = (...entries: { digest: Digest; architecture: string }[]) =>
  json({
    schemaVersion: 2,
    mediaType: `${OCI}index.v1+json`,
    manifests: entries.map(({ digest, architecture }) => ({
      mediaType: 'x',
      digest,
      size: 1,
      platform: { os: 'linux', architecture },
    })),
  });
const amd64 = image('amd64');
const arm64 = image('arm64');
const list = index({ ...amd64, architecture: 'amd64' }, { ...arm64, architecture: 'arm64' });

/** A registry that holds manifests by digest and one tag. */
function registry(tagged: { digest: Digest }, ...manifests: { bytes: Buffer; digest: Digest }[]) {
  const asked: string[] = [];
  const client: ManifestSource = {
    fetchManifest: (reference) => {
      asked.push(formatReference(reference));
      const digest = reference.digest ?? tagged.digest;
      const found = manifests.find((manifest) => manifest.digest === digest);
      return found === undefined ? Promise.reject(new Error(`unknown ${digest}`)) : Promise.resolve(found);
    },
  };
  return { client, asked };
}
function judge(
  client: ManifestSource,
  signatures: Record<string, readonly Uint8Array[]>,
  more: Partial<ImageToJudge> = {},
) {
  const keys = [{ fileName: 'alice.asc', bytes: alice.publicKey }];
  const servedAt = 'https://unused.example.com';
  const { policyJson } = generatePolicy([{ registry: 'registry.example.com/acme', keys, servedAt }]);
  return judgeImage({
    client,
    reference: parseReference(IMAGE),
    policy: parsePolicy(Buffer.from(policyJson), 'policy.json'),
    lookasideBase: servedAt,
    now: new Date(),
    readSignatures: (digest) => Promise.resolve(signatures[digest] ?? []),
    ...more,
  });
}

describe('judgeImage', () => {
  it('judges every platform of an index under the reference that was asked for', async () => {
    const { client, asked } = registry(list, list, amd64, arm64);
    const verdict = await judge(client, {
      [amd64.digest]: [await alice.sign(IMAGE, amd64.digest)],
      [arm64.digest]: [await alice.sign(IMAGE, arm64.digest)],
      [list.digest]: [await alice.sign(IMAGE, list.digest)],
    });
    expect(verdict).toMatchObject({
      accepted: true,
      digest: list.digest,
      platforms: [
        { digest: amd64.digest, platform: 'linux/amd64', verdict: { accepted: true } },
        { digest: arm64.digest, platform: 'linux/arm64', verdict: { accepted: true } },
      ],
      index: { accepted: true, scope: 'registry.example.com/acme' },
    });
    const repository = 'registry.example.com/acme/web';
    expect(asked).toEqual([IMAGE, `${repository}@${amd64.digest}`, `${repository}@${arm64.digest}`]);
  });

  it('does not need the signature of the index, and is not helped by it', async () => {
    const { client } = registry(list, list, amd64, arm64);
    const platforms = {
      [amd64.digest]: [await alice.sign(IMAGE, amd64.digest)],
      [arm64.digest]: [await alice.sign(IMAGE, arm64.digest)],
    };
    expect(await judge(client, platforms)).toMatchObject({ accepted: true, index: { accepted: false } });
    const onlyIndex = { [list.digest]: [await alice.sign(IMAGE, list.digest)] };
    expect(await judge(client, onlyIndex)).toMatchObject({ accepted: false, index: { accepted: true } });
  });

  it('refuses when one platform is not signed, and says which', async () => {
    const { client } = registry(list, list, amd64, arm64);
    const verdict = await judge(client, {
      [amd64.digest]: [await alice.sign(IMAGE, amd64.digest)],
      [arm64.digest]: [await bob.sign(IMAGE, arm64.digest), await alice.sign(IMAGE, amd64.digest)],
    });
    expect(verdict.accepted).toBe(false);
    expect(verdict.platforms.map((platform) => platform.verdict.accepted)).toEqual([true, false]);
    expect(verdict.platforms[1]!.verdict.reason).toMatch(/signature 1: .*not in the key ring; signature 2: it is for/);
  });

  it('judges a digest under a tag that does not point there yet', async () => {
    const { client, asked } = registry(arm64, amd64, arm64);
    const signatures = { [amd64.digest]: [await alice.sign(IMAGE, amd64.digest)] };
    expect(await judge(client, signatures, { digest: amd64.digest })).toMatchObject({
      accepted: true,
      digest: amd64.digest,
      platforms: [{ digest: amd64.digest }],
    });
    expect(asked).toEqual([`registry.example.com/acme/web@${amd64.digest}`]);
    expect((await judge(client, signatures)).accepted).toBe(false);
  });

  it('goes into an index within an index', async () => {
    const outer = index({ digest: list.digest, architecture: 'any' });
    const { client } = registry(outer, outer, list, amd64, arm64);
    const signatures = { [amd64.digest]: [await alice.sign(IMAGE, amd64.digest)] };
    const verdict = await judge(client, signatures);
    expect(verdict.platforms.map(({ platform, verdict: { accepted } }) => [platform, accepted])).toEqual([
      ['linux/amd64', true],
      ['linux/arm64', false],
    ]);
  });

  it('asks for the tag once, and judges what it got although the registry then answers otherwise', async () => {
    const signed = image('signed');
    const swapped = image('swapped');
    const tagged = [signed, swapped, signed, swapped].values();
    const asked: string[] = [];
    const client: ManifestSource = {
      fetchManifest: (reference) => {
        asked.push(formatReference(reference));
        const byDigest = [signed, swapped].find(({ digest }) => digest === reference.digest);
        return Promise.resolve(byDigest ?? tagged.next().value ?? swapped);
      },
    };
    const blob = await alice.sign(IMAGE, signed.digest);
    const verdict = await judge(client, { [signed.digest]: [blob], [swapped.digest]: [blob] });
    expect(verdict).toMatchObject({ accepted: true, digest: signed.digest });
    expect(asked.filter((reference) => !reference.includes('@'))).toEqual([IMAGE]);
    // The one that comes second is refused with the very signature of the first.
    expect(await judge(client, { [signed.digest]: [blob], [swapped.digest]: [blob] })).toMatchObject({
      accepted: false,
      digest: swapped.digest,
    });
  });

  it('binds key, digest and reference: a signature with one of them changed is refused', async () => {
    const { client } = registry(amd64, amd64);
    const good = await alice.sign(IMAGE, amd64.digest);
    expect((await judge(client, { [amd64.digest]: [good] })).accepted).toBe(true);
    const changed = await Promise.all([
      bob.sign(IMAGE, amd64.digest),
      alice.sign(IMAGE, arm64.digest),
      alice.sign('registry.example.com/acme/web:2', amd64.digest),
    ]);
    for (const blob of changed) expect((await judge(client, { [amd64.digest]: [blob] })).accepted).toBe(false);
    // Nor do several that are right in one thing each make up for one that is right in all.
    expect((await judge(client, { [amd64.digest]: changed })).accepted).toBe(false);
  });

  it('refuses bytes that do not have the digest they were asked for by', async () => {
    const forged = { ...amd64, bytes: Buffer.from(arm64.bytes) };
    const signatures = { [amd64.digest]: [await alice.sign(IMAGE, amd64.digest)] };
    await expect(judge(registry(forged, forged).client, signatures)).rejects.toMatchObject({
      code: 'content-mismatch',
    });
    const { client } = registry(list, list, forged, arm64);
    await expect(judge(client, signatures)).rejects.toMatchObject({ code: 'content-mismatch' });
  });

  it.each([
    ['that is image and index', { schemaVersion: 2, layers: [], manifests: [] }],
    ['whose type contradicts it', { mediaType: `${OCI}manifest.v1+json`, manifests: [] }],
    ['of an image typed as index', { mediaType: `${OCI}index.v1+json`, layers: [] }],
    ['of schema version 1', { schemaVersion: 1, fsLayers: [], history: [] }],
    ['without entries', { schemaVersion: 2, manifests: [] }],
    ['whose entries are no digests', { manifests: [{ digest: 'sha256:../../x' }] }],
  ])('refuses a manifest %s', async (_, content) => {
    const manifest = json(content);
    await expect(judge(registry(manifest, manifest).client, {})).rejects.toMatchObject({
      code: 'manifest-unsupported',
    });
  });

  it('passes on that signatures could not be read, which is no verdict', async () => {
    const failing = () => Promise.reject(new Error('server down'));
    const { client } = registry(amd64, amd64);
    await expect(judge(client, {}, { readSignatures: failing })).rejects.toThrow('server down');
  });

  it('takes an image without a store as unsigned', async () => {
    const { client } = registry(amd64, amd64);
    const input: ImageToJudge = {
      client,
      reference: parseReference(IMAGE),
      policy: parsePolicy(Buffer.from('{"default":[{"type":"insecureAcceptAnything"}]}'), 'p'),
      lookasideBase: () => undefined,
      now: new Date(),
    };
    expect(await judgeImage(input)).toMatchObject({ accepted: true, platforms: [{ verdict: { signatures: [] } }] });
  });
});
