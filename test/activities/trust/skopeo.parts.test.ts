/** skopeo is the judge: what it accepts and refuses, we accept and refuse, over the same registry and server. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { generatePolicy, lookasideUrl } from '../../../activities/trust/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { startDockerRegistry } from '../../support/docker-registry.ts';
import type { DockerRegistry } from '../../support/docker-registry.ts';
import { pushSampleImage } from '../../support/registry-push.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import type { SampleImage } from '../../support/sample-image.ts';
import { Forger } from '../signing/crafting.ts';
import type { Crafted } from '../signing/crafting.ts';
import { makeSigner } from './signers.ts';
import type { Signer } from './signers.ts';
import { SkopeoJudge } from './skopeo-judge.ts';

const ARCHITECTURES = ['amd64', 'arm64'];
let registry: DockerRegistry;
let image: SampleImage;
let judge: SkopeoJudge;
let alice: Signer;
let bob: Signer;
let expired: Signer;
let forger: Forger;
let name: string;

beforeAll(async () => {
  const date = new Date(Date.now() - 10 * 86_400_000);
  [registry, image, judge, alice, bob, expired, forger] = await Promise.all([
    startDockerRegistry(),
    buildSampleImage({ layers: 1, layerBytes: 1024 }),
    SkopeoJudge.start(),
    makeSigner(),
    makeSigner(),
    makeSigner({ date, expiresInDays: 5 }),
    Forger.create(),
  ]);
  for (const [repository, tag] of [
    ['acme/web', '1'],
    ['acme/web', '2'],
    ['acme/other', '1'],
  ] as const) {
    await pushSampleImage(registry.host, repository, tag, image);
  }
  name = `${registry.host}/acme/web`;
  await judge.write('alice.asc', alice.publicKey);
  await judge.write('bob.asc', bob.publicKey);
  await judge.write('expired.asc', expired.publicKey);
  await judge.write('forger.asc', forger.key.publicKey);
  await judge.write('garbage.asc', 'garbage');
}, 120_000);
afterAll(async () => {
  await judge.stop();
  await registry.stop();
});
beforeEach(() => judge.served.clear());

const pathOf = (digest: Digest, number: number, repository = 'acme/web') =>
  new URL(lookasideUrl(judge.servedAt, repository, digest, number)).pathname;

/** Serves for each platform what `make` gives for its digest. */
async function serve(
  make: (digest: Digest) => Promise<readonly Uint8Array[]> | readonly Uint8Array[],
  repository = 'acme/web',
): Promise<void> {
  for (const { digest } of image.manifests) {
    for (const [index, blob] of (await make(digest)).entries()) {
      judge.served.set(pathOf(digest, index + 1, repository), blob);
    }
  }
}
function configuration(...fileNames: readonly string[]) {
  const keys = fileNames.map((fileName) => ({ fileName }));
  const trusted = { registry: `${registry.host}/acme`, keys, keyDirectory: judge.folder, servedAt: judge.servedAt };
  return generatePolicy([trusted]);
}
function policyOf(requirements: readonly object[]) {
  const policy = { default: [{ type: 'reject' }], transports: { docker: { [`${registry.host}/acme`]: requirements } } };
  return { ...configuration('alice.asc'), policyJson: JSON.stringify(policy) };
}
const signedBy = (file: string, more: object = {}) => ({
  type: 'signedBy',
  keyType: 'GPGKeys',
  keyPath: `${judge.folder}/${file}`,
  ...more,
});

/** Both judges' decisions for each platform. */
async function decisions(reference: string, config: { policyJson: string; registriesD: string }) {
  const parsed = parseReference(reference);
  const ours = await judge.judge(parsed, config);
  const pulls = [];
  for (const architecture of ARCHITECTURES) pulls.push(await judge.pull(parsed, config, architecture));
  return {
    ours: ours.platforms.map(({ verdict }) => verdict.accepted),
    skopeo: pulls.map(({ accepted }) => accepted),
    logs: pulls.map(({ log }) => log),
  };
}
async function expectBoth(reference: string, config: ReturnType<typeof configuration>, expected: boolean) {
  const { ours, skopeo, logs } = await decisions(reference, config);
  expect({ ours, skopeo }, logs.join('\n')).toEqual({ ours: [expected, expected], skopeo: [expected, expected] });
}

describe('skopeo and judgeImage', () => {
  it('accept what we sign, for every platform of the index', async () => {
    await serve(async (digest) => [await alice.sign(`${name}:1`, digest)]);
    await expectBoth(`${name}:1`, configuration('alice.asc'), true);
  });

  it('accept an embedded key, several keys, and a key ring in the policy', async () => {
    await serve(async (digest) => [await bob.sign(`${name}:1`, digest)]);
    await expectBoth(`${name}:1`, configuration('alice.asc', 'bob.asc'), true);
    const keys = [alice, bob].map(({ publicKey }, i) => ({ fileName: `${i}`, bytes: publicKey }));
    const embedded = generatePolicy([{ registry: `${registry.host}/acme`, keys, servedAt: judge.servedAt }]);
    await expectBoth(`${name}:1`, embedded, true);
  });

  it('accept one good signature behind others', async () => {
    await serve(async (digest) => [
      await bob.sign(`${name}:1`, digest),
      await alice.sign(`${name}:2`, digest),
      await alice.sign(`${name}:1`, digest),
    ]);
    await expectBoth(`${name}:1`, configuration('alice.asc'), true);
  });

  it('refuse what is not signed, and what is signed as index only', async () => {
    await expectBoth(`${name}:1`, configuration('alice.asc'), false);
    judge.served.set(pathOf(image.digest, 1), await alice.sign(`${name}:1`, image.digest));
    await expectBoth(`${name}:1`, configuration('alice.asc'), false);
  });

  it('refuse only the platform that is not signed', async () => {
    const [amd64] = image.manifests;
    judge.served.set(pathOf(amd64!.digest, 1), await alice.sign(`${name}:1`, amd64!.digest));
    const { ours, skopeo } = await decisions(`${name}:1`, configuration('alice.asc'));
    expect({ ours, skopeo }).toEqual({ ours: [true, false], skopeo: [true, false] });
  });

  it.each<[string, (digest: Digest) => Promise<readonly Uint8Array[]>]>([
    ['another key', async (digest) => [await bob.sign(`${name}:1`, digest)]],
    ['another tag', async (digest) => [await alice.sign(`${name}:2`, digest)]],
    ['another repository', async (digest) => [await alice.sign(`${registry.host}/acme/other:1`, digest)]],
    ['another host', async (digest) => [await alice.sign('registry.example.com/acme/web:1', digest)]],
    ['another digest', async () => [await alice.sign(`${name}:1`, image.digest)]],
    [
      'a changed signature',
      async (digest) => {
        const blob = Buffer.from(await alice.sign(`${name}:1`, digest));
        blob[blob.length - 1]! ^= 1;
        return [blob];
      },
    ],
    ['a blob of unknown form', async (digest) => [await alice.sign(`${name}:1`, digest), Buffer.from('<html></html>')]],
    ['an empty blob', async (digest) => [await alice.sign(`${name}:1`, digest), Buffer.alloc(0)]],
  ])('refuse %s', async (_, make) => {
    await serve(make);
    await expectBoth(`${name}:1`, configuration('alice.asc'), false);
  });

  it('refuse a key that has expired since it signed', async () => {
    const then = new Date(Date.now() - 8 * 86_400_000);
    await serve(async (digest) => [await expired.sign(`${name}:1`, digest, then)]);
    await expectBoth(`${name}:1`, configuration('expired.asc'), false);
  });

  it('refuse the same image under another tag and in another repository', async () => {
    await serve(async (digest) => [await alice.sign(`${name}:1`, digest)]);
    await serve(async (digest) => [await alice.sign(`${name}:1`, digest)], 'acme/other');
    await expectBoth(`${name}:2`, configuration('alice.asc'), false);
    await expectBoth(`${registry.host}/acme/other:1`, configuration('alice.asc'), false);
  });

  it('accept by digest whatever tag was signed', async () => {
    await serve(async (digest) => [await alice.sign(`${name}:other-tag`, digest)]);
    await expectBoth(`${name}@${image.digest}`, configuration('alice.asc'), true);
  });

  it('agree on the kinds of identity', async () => {
    await serve(async (digest) => [await alice.sign('vendor.example.com/shop/web:1', digest)]);
    const kinds: readonly (readonly [object, boolean])[] = [
      [{ type: 'matchExact' }, false],
      [{ type: 'matchRepository' }, false],
      [{ type: 'exactReference', dockerReference: 'vendor.example.com/shop/web:1' }, true],
      [{ type: 'exactReference', dockerReference: 'vendor.example.com/shop/web:2' }, false],
      [{ type: 'exactRepository', dockerRepository: 'vendor.example.com/shop/web' }, true],
      [{ type: 'remapIdentity', prefix: `${registry.host}/acme`, signedPrefix: 'vendor.example.com/shop' }, true],
      [{ type: 'remapIdentity', prefix: `${registry.host}/ac`, signedPrefix: 'vendor.example.com/shop' }, false],
    ];
    for (const [signedIdentity, expected] of kinds) {
      await expectBoth(`${name}:1`, policyOf([signedBy('alice.asc', { signedIdentity })]), expected);
    }
  });

  it('agree on several requirements and on keys that cannot be read', async () => {
    await serve(async (digest) => [await alice.sign(`${name}:1`, digest)]);
    const lists: readonly (readonly [readonly object[], boolean])[] = [
      [[{ type: 'insecureAcceptAnything' }], true],
      [[{ type: 'reject' }], false],
      [[signedBy('alice.asc'), signedBy('bob.asc')], false],
      [[signedBy('alice.asc'), { type: 'insecureAcceptAnything' }], true],
      [[signedBy('alice.asc'), { type: 'reject' }], false],
      [[signedBy('missing.asc')], false],
      [[signedBy('garbage.asc')], false],
      [[{ type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchRepository' } }], false],
    ];
    for (const [requirements, expected] of lists) await expectBoth(`${name}:1`, policyOf(requirements), expected);
  });

  it('agree that a store which fails fails the pull', async () => {
    await serve(async (digest) => [await alice.sign(`${name}:1`, digest)]);
    const config = configuration('alice.asc');
    for (const status of [500, 403, 204]) {
      for (const { digest } of image.manifests) judge.served.set(pathOf(digest, 2), status);
      await expect(judge.judge(parseReference(`${name}:1`), config)).rejects.toMatchObject({
        code: 'not-served',
        status,
      });
      expect((await judge.pull(parseReference(`${name}:1`), config, 'amd64')).accepted).toBe(false);
    }
  });

  it('read at most 127 signatures', async () => {
    const good = new Map<string, Uint8Array>();
    for (const { digest } of image.manifests) good.set(digest, await alice.sign(`${name}:1`, digest));
    const config = configuration('alice.asc');
    await serve((digest) => Array<Uint8Array>(127).fill(good.get(digest)!));
    await expectBoth(`${name}:1`, config, true);
  });
});

describe('a payload or message made by hand', () => {
  const payload = (digest: string, change: (json: string) => string = (json) => json) =>
    Buffer.from(
      change(
        `{"critical":{"identity":{"docker-reference":"${name}:1"},"image":{"docker-manifest-digest":"${digest}"},"type":"atomic container signature"},"optional":{"creator":"x","timestamp":1}}`,
      ),
    );
  /** Expectations of skopeo; where we are stricter, `stricter` says so. */
  const table: readonly (readonly [
    title: string,
    accepted: boolean,
    make: (digest: string) => Crafted,
    stricter?: true,
  ])[] = [
    ['in the reference form', true, (d) => ({ content: payload(d) })],
    ['with blanks', true, (d) => ({ content: payload(d, (json) => ` ${json.replaceAll(',', ' ,\n')}\t`) })],
    ['with escaped names', true, (d) => ({ content: payload(d, (json) => json.replace('"image"', '"im\\u0061ge"')) })],
    [
      'with an unknown optional member',
      true,
      (d) => ({ content: payload(d, (json) => json.replace('"creator"', '"c"')) }),
    ],
    [
      'with duplicates deep in optional',
      true,
      (d) => ({ content: payload(d, (json) => json.replace('"x"', '"x","o":{"a":1,"a":2}')) }),
    ],
    ['with timestamp null', true, (d) => ({ content: payload(d, (json) => json.replace(':1}', ':null}')) })],
    ['with timestamp 1e9', true, (d) => ({ content: payload(d, (json) => json.replace(':1}', ':1e9}')) })],
    ['with a future date', true, (d) => ({ content: payload(d), created: new Date(Date.now() + 86_400_000) })],
    ['of signature version 3', true, (d) => ({ content: payload(d), signatureVersion: 3 })],
    ['of text class', true, (d) => ({ content: payload(d), type: 1, literalFormat: 't' })],
    [
      'of text class with line breaks',
      true,
      (d) => ({ content: payload(d, (json) => `${json}\n`), type: 1, literalFormat: 't' }),
    ],
    ['with SHA-1', true, (d) => ({ content: payload(d), hash: [2, 'sha1'] }), true],
    ['with timestamp 0.5', false, (d) => ({ content: payload(d, (json) => json.replace(':1}', ':0.5}')) })],
    [
      'with timestamp 2^63',
      false,
      (d) => ({ content: payload(d, (json) => json.replace(':1}', ':9223372036854775808}')) }),
    ],
    ['with timestamp text', false, (d) => ({ content: payload(d, (json) => json.replace(':1}', ':"1"}')) })],
    [
      'with a second type',
      false,
      (d) => ({ content: payload(d, (json) => json.replace('"type"', '"type":"x","type"')) }),
    ],
    [
      'with a second, escaped reference',
      false,
      (d) => ({
        content: payload(d, (json) =>
          json.replace('"docker-reference"', '"docker-referenc\\u0065":"a","docker-reference"'),
        ),
      }),
    ],
    [
      'with a duplicate in optional',
      false,
      (d) => ({ content: payload(d, (json) => json.replace('"creator"', '"u":1,"u":2,"creator"')) }),
    ],
    [
      'with an unknown critical member',
      false,
      (d) => ({ content: payload(d, (json) => json.replace('"type"', '"x":1,"type"')) }),
    ],
    ['with a name in capitals', false, (d) => ({ content: payload(d, (json) => json.replace('"type"', '"Type"')) })],
    [
      'with optional null',
      false,
      (d) => ({ content: payload(d, (json) => json.replace(/"optional".*/, '"optional":null}')) }),
    ],
    ['without optional', false, (d) => ({ content: payload(d, (json) => json.replace(/,"optional".*/, '}')) })],
    ['with a byte order mark', false, (d) => ({ content: payload(d, (json) => `\ufeff${json}`) })],
    ['with text behind', false, (d) => ({ content: payload(d, (json) => `${json}x`) })],
    ['with a trailing comma', false, (d) => ({ content: payload(d, (json) => json.replace('}}', '},}')) })],
    ['with a digest in capitals', false, (d) => ({ content: payload(d.toUpperCase().replace('SHA', 'sha')) })],
    ['dated before its key', false, (d) => ({ content: payload(d), created: new Date('2020-01-01') })],
    ['with MD5', false, (d) => ({ content: payload(d), hash: [1, 'md5'] })],
  ];

  for (const [title, expected, make, stricter] of table) {
    it(`is ${expected ? 'accepted' : 'refused'} ${title}${stricter === true ? ', but not by us' : ''}`, async () => {
      await serve((digest) => [forger.message(make(digest)).blob]);
      const { ours, skopeo, logs } = await decisions(`${name}:1`, configuration('forger.asc'));
      expect(skopeo, logs.join('\n')).toEqual([expected, expected]);
      expect(ours).toEqual(stricter === true ? [false, false] : [expected, expected]);
    });
  }
});
