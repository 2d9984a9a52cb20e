import { beforeAll, describe, expect, it } from 'vitest';
import { coverImage, explainTrust, parsePolicy } from '../../../activities/trust/index.ts';
import type { ImageToExplain, ManifestSource } from '../../../activities/trust/index.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { digestOf, makeSigner } from './signers.ts';
import type { Signer } from './signers.ts';

const NAME = 'registry.example.com/acme/web';
let alice: Signer;
let bob: Signer;
beforeAll(async () => {
  [alice, bob] = await Promise.all([makeSigner(), makeSigner()]);
});

const manifest = (content: object) => {
  const bytes = Buffer.from(JSON.stringify(content));
  return { bytes, digest: digestOf(bytes) };
};
const image = (name: string) =>
  manifest({ mediaType: 'application/vnd.oci.image.manifest.v1+json', config: {}, layers: [], name });
const [amd64, arm64] = [image('amd64'), image('arm64')];
const list = manifest({
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [amd64, arm64].map(({ digest }, index) => ({
    digest,
    platform: { os: 'linux', architecture: ['amd64', 'arm64'][index] },
  })),
});
const client: ManifestSource = {
  fetchManifest: ({ digest }) =>
    Promise.resolve([list, amd64, arm64].find((one) => one.digest === (digest ?? list.digest)) ?? list),
};

function ask(signatures: Record<string, readonly Uint8Array[]>, more: Partial<ImageToExplain> = {}): ImageToExplain {
  const keyData = alice.publicKey.toString('base64');
  const policy = {
    default: [{ type: 'reject' }],
    transports: { docker: { 'registry.example.com/acme': [{ type: 'signedBy', keyType: 'GPGKeys', keyData }] } },
  };
  return {
    client,
    reference: parseReference(`${NAME}:1`),
    policy: parsePolicy(Buffer.from(JSON.stringify(policy)), '/etc/containers/policy.json'),
    lookasideBase: 'https://me:secret@signatures.example.com/x?token=secret',
    now: new Date(),
    readSignatures: (digest) => Promise.resolve(signatures[digest] ?? []),
    ...more,
  };
}

describe('coverImage', () => {
  it('tells for each platform who signed it for what, how it can be pulled, and what must be signed', async () => {
    const signatures = {
      [amd64.digest]: [await alice.sign(`${NAME}:1`, amd64.digest)],
      [arm64.digest]: [await alice.sign(`${NAME}:2`, arm64.digest), await bob.sign(`${NAME}:1`, arm64.digest)],
      [list.digest]: [await alice.sign(`${NAME}:1`, list.digest)],
    };
    const coverage = await coverImage(ask(signatures));
    expect(coverage).toMatchObject({
      reference: `${NAME}:1`,
      digest: list.digest,
      accepted: false,
      signaturesIn: 'store',
    });
    const rows = coverage.manifests.map((one) => [
      one.platform ?? one.kind,
      one.signatureCounts,
      one.asAsked.verdict.accepted,
      one.byImageDigest.verdict.accepted,
      one.byOwnDigest?.verdict.accepted,
    ]);
    expect(rows).toEqual([
      ['linux/amd64', true, true, true, true],
      // By tag it was signed under another one; by digest any tag of the repository will do.
      ['linux/arm64', true, false, true, true],
      ['index', false, true, true, undefined],
    ]);
    expect(coverage.manifests[1]!.signatures).toMatchObject([
      { accepted: false, fingerprint: alice.key.fingerprint, dockerReference: `${NAME}:2` },
      { accepted: false, reason: expect.stringContaining('not in the key ring') as string },
    ]);
    expect(coverage.manifests[1]!.byImageDigest.reference).toBe(`${NAME}@${list.digest}`);
    expect(coverage.mustSign).toEqual([arm64.digest]);
  });

  it('asks for no signature where none would help', async () => {
    const policy = parsePolicy(Buffer.from('{"default":[{"type":"reject"}]}'), 'p');
    expect(await coverImage(ask({}, { policy }))).toMatchObject({ accepted: false, mustSign: [] });
  });

  it('drops the tag of a reference that has a digest, too, as podman and CRI-O do', async () => {
    const reference = parseReference(`${NAME}:9@${amd64.digest}`);
    const signatures = { [amd64.digest]: [await alice.sign(`${NAME}:1`, amd64.digest)] };
    expect(await coverImage(ask(signatures, { reference }))).toMatchObject({
      reference: `${NAME}@${amd64.digest}`,
      accepted: true,
    });
  });
});

describe('explainTrust', () => {
  it('says which scope counted of which, what is demanded, and where signatures are looked for', async () => {
    const registriesD = {
      docker: new Map([
        ['registry.example.com/acme', { 'lookaside-staging': 'file:///staging' }],
        ['registry.example.com', { sigstore: 'https://me:secret@old.example.com/s?token=secret' }],
      ]),
      defaultDocker: { lookaside: 'https://default.example.com' },
    };
    const explanation = await explainTrust(ask({}, { registriesD }));
    expect(explanation).toMatchObject({
      reference: `${NAME}:1`,
      policyFile: '/etc/containers/policy.json',
      accepted: false,
    });
    expect(explanation.scopes.map(({ scope, configured, counts }) => [scope, configured, counts])).toEqual([
      [`${NAME}:1`, false, false],
      [NAME, false, false],
      ['registry.example.com/acme', true, true],
      ['registry.example.com', false, false],
      ['*.example.com', false, false],
      ['*.com', false, false],
      ['docker', false, false],
      ['default', true, false],
    ]);
    expect(explanation.requirements).toEqual([
      {
        type: 'signedBy',
        keys: ['keyData'],
        identity: 'matchRepoDigestOrExact',
        demands: expect.stringMatching(/one of the keys in keyData.*exactly the tag/) as string,
      },
    ]);
    const { store } = explanation;
    expect(store).toMatchObject({
      from: 'registry.example.com',
      key: 'sigstore',
      base: 'https://old.example.com/s',
      notes: [],
    });
    expect(store.candidates.filter(({ configured }) => configured).map(({ scope, counts }) => [scope, counts])).toEqual(
      [
        ['registry.example.com/acme', false],
        ['registry.example.com', true],
        ['default-docker', false],
      ],
    );
    expect(store.urls[0]).toEqual({
      digest: amd64.digest,
      url: `https://old.example.com/s/acme/web@${amd64.digest.replace(':', '=')}/signature-1`,
    });
    expect(JSON.stringify(explanation)).not.toContain('secret');
  });

  it('names the built-in directory where nothing is configured, and sigstore attachments where they are on', async () => {
    const registriesD = { docker: new Map(), defaultDocker: { 'use-sigstore-attachments': true } };
    expect((await explainTrust(ask({}, { registriesD }))).store).toMatchObject({
      base: 'file:///var/lib/containers/sigstore',
      from: 'built-in',
      notes: [expect.stringContaining('use-sigstore-attachments') as string],
    });
  });

  it('is plain data', async () => {
    const explanation = await explainTrust(ask({}));
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
    expect(explanation.store).toMatchObject({ from: 'given', base: 'https://signatures.example.com/x' });
  });
});
