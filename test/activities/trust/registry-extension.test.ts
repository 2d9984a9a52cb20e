import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRegistryClient } from '../../../activities/oci/index.ts';
import type { RegistryClient } from '../../../activities/oci/index.ts';
import { generatePolicy, judgeImage, parsePolicy, publishToRegistry } from '../../../activities/trust/index.ts';
import type { ImageVerdict } from '../../../activities/trust/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import type { ImageReference } from '../../../workflows/domain/reference.ts';
import { startOpenShiftRegistry } from '../../support/openshift-signatures.ts';
import type { OpenShiftRegistry } from '../../support/openshift-signatures.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import type { SampleImage } from '../../support/sample-image.ts';
import { Forger } from '../signing/crafting.ts';
import { makeSigner } from './signers.ts';
import type { Signer } from './signers.ts';

let image: SampleImage;
let alice: Signer;
let bob: Signer;
let registry: OpenShiftRegistry;
let client: RegistryClient;
let reference: ImageReference;
let name: string;

beforeAll(async () => {
  [image, alice, bob] = await Promise.all([
    buildSampleImage({ layers: 1, layerBytes: 64 }),
    makeSigner(),
    makeSigner(),
  ]);
});
beforeEach(async () => {
  registry = await startOpenShiftRegistry();
  registry.add('acme/web', image, '1');
  client = createRegistryClient({ retryDelayMs: 1 });
  name = `${registry.host}/acme/web:1`;
  reference = parseReference(name);
});
afterEach(async () => {
  await client.close();
  await registry.stop();
});

/** Judges with a signature store that answers nothing: whoever asks it fails. */
function judge(): Promise<ImageVerdict> {
  const keys = [{ fileName: 'alice.asc', bytes: alice.publicKey }];
  const { policyJson } = generatePolicy([{ registry: `${registry.host}/acme`, keys, servedAt: 'http://127.0.0.1:1' }]);
  const policy = parsePolicy(Buffer.from(policyJson), 'policy.json');
  return judgeImage({ client, reference, policy, lookasideBase: 'http://127.0.0.1:1', now: new Date() });
}
function keep(digest: Digest, ...contents: readonly Uint8Array[]): void {
  const signatures = contents.map((content, index) => ({
    name: `${digest}@${index}`,
    type: 'atomic',
    content: Buffer.from(content),
  }));
  registry.signatures.set(digest, signatures);
}
async function keepGood(...others: readonly Uint8Array[]): Promise<void> {
  for (const { digest } of image.manifests) keep(digest, ...others, await alice.sign(name, digest));
}
const signAll = (signer = alice) =>
  Promise.all(image.everyManifest.map(async ({ digest }) => ({ digest, blob: await signer.sign(name, digest) })));
const puts = () => registry.log().filter((line) => line.startsWith('PUT'));

describe('judgeImage over a registry that keeps signatures itself', () => {
  it('reads them there for every platform, says so, and asks no store', async () => {
    await keepGood();
    expect(await judge()).toMatchObject({
      accepted: true,
      signaturesIn: 'registry',
      platforms: [{ verdict: { accepted: true } }, { verdict: { accepted: true } }],
    });
  });

  it('finds an image without signatures there unsigned, and falls back to nothing', async () => {
    const verdict = await judge();
    expect(verdict).toMatchObject({ accepted: false, signaturesIn: 'registry' });
    expect(verdict.platforms[0]?.verdict.reason).toBe('no signature is there');
  });

  it('fails where the registry answers 404 for a platform, and does not need the index', async () => {
    await keepGood();
    registry.on(new RegExp(`^GET /extensions/.*${image.digest}$`), ({ reply }) => reply(404));
    expect((await judge()).accepted).toBe(true);
    registry.on(new RegExp(`^GET /extensions/.*${image.manifests[1]?.digest ?? ''}$`), ({ reply }) => reply(404));
    await expect(judge()).rejects.toMatchObject({ code: 'image-unknown' });
  });

  it('reads the store where the registry does not say exactly 1', async () => {
    await keepGood();
    registry.on(/^GET \/v2\/$/, ({ reply }) => reply(200, { 'x-registry-supports-signatures': 'yes' }));
    await expect(judge()).rejects.toMatchObject({ code: 'not-served' });
  });

  it.each([
    ['armoured', Buffer.from('-----BEGIN PGP MESSAGE-----\n\nxA0DAAoB\n-----END PGP MESSAGE-----\n')],
    ['cleartext', Buffer.from('-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{}\n')],
    ['empty', Buffer.alloc(0)],
    ['of unknown first byte', Buffer.from('<html></html>')],
    ['that names a format as stores do', Buffer.from('\0simple-signing\nx')],
    ['that names another format', Buffer.from('\0sigstore-json\n{}')],
  ])('refuses a blob %s by itself, and counts the good one behind it', async (_, blob) => {
    await keepGood(blob);
    const verdict = await judge();
    expect(verdict.accepted).toBe(true);
    expect(verdict.platforms[0]?.verdict.signatures.map(({ accepted }) => accepted)).toEqual([false, true]);
    for (const { digest } of image.manifests) keep(digest, blob);
    expect((await judge()).accepted).toBe(false);
  });

  it('takes a good signature for none where a format is named in front, as readers of a registry do', async () => {
    for (const { digest } of image.manifests) {
      keep(digest, Buffer.concat([Buffer.from('\0simple-signing\n'), await alice.sign(name, digest)]));
    }
    expect((await judge()).accepted).toBe(false);
  });

  it('counts more than 127 signatures, of which stores may have no more', async () => {
    await keepGood(...Array.from({ length: 200 }, (_, index) => Buffer.from(`junk ${index}`)));
    expect((await judge()).accepted).toBe(true);
  });

  it('accepts nothing of another key, digest or reference', async () => {
    for (const { digest } of image.manifests) {
      keep(
        digest,
        await bob.sign(name, digest),
        await alice.sign(name, image.digest),
        await alice.sign(`${registry.host}/acme/web:2`, digest),
      );
    }
    const verdict = await judge();
    expect(verdict.platforms.map((platform) => platform.verdict.accepted)).toEqual([false, false]);
    expect(verdict.platforms[0]?.verdict.signatures).toHaveLength(3);
  });
});

describe('publishToRegistry', () => {
  it('adds what is missing, reads it back, and adds nothing twice', async () => {
    const signatures = await signAll();
    const added = async () => (await publishToRegistry({ client, reference, signatures })).map((one) => one.added);
    expect(await added()).toEqual([true, true, true]);
    expect(await added()).toEqual([false, false, false]);
    expect(puts()).toHaveLength(3);
    expect((await judge()).accepted).toBe(true);
  });

  it('goes on where an attempt was broken off', async () => {
    const signatures = await signAll();
    registry.on(/^PUT \/extensions\//, async ({ round, proceed, cut }) => (round === 1 ? cut() : await proceed()));
    await expect(publishToRegistry({ client, reference, signatures })).rejects.toMatchObject({
      code: 'registry-unavailable',
    });
    const again = await publishToRegistry({ client, reference, signatures });
    expect(again.map(({ added }) => added)).toEqual([false, true, true]);
    expect([...registry.signatures.values()].map((stored) => stored.length)).toEqual([1, 1, 1]);
  });

  it('sends nothing at all where one signature is not what it should be', async () => {
    const [one, other] = await signAll();
    const forger = await Forger.create();
    const digest = one?.digest ?? ('' as Digest);
    const payload = `{"critical":{"identity":{"docker-reference":"${name}"},"image":{"docker-manifest-digest":"${digest}"},"type":"atomic container signature"},"optional":{}}`;
    const wrong: readonly (readonly [Uint8Array, string])[] = [
      [other?.blob ?? Buffer.alloc(0), 'it is over sha256:'],
      [await alice.sign(`${registry.host}/acme/web:2`, digest), 'it claims'],
      [forger.message({ content: Buffer.from(payload) }).blob, 'no optional.creator'],
      [Buffer.concat([Buffer.from('\0simple-signing\n'), one?.blob ?? Buffer.alloc(0)]), 'no container signature'],
      [Buffer.from('garbage'), 'no container signature'],
      [Buffer.alloc(0), 'no container signature'],
    ];
    for (const [blob, message] of wrong) {
      const signatures = [...(other === undefined ? [] : [other]), { digest, blob }];
      const work = publishToRegistry({ client, reference, signatures });
      await expect(work).rejects.toMatchObject({
        code: 'signature-invalid',
        message: expect.stringContaining(message) as string,
      });
    }
    expect(registry.log()).toEqual([]);
  });

  it('needs a registry that keeps signatures', async () => {
    registry.on(/^GET \/v2\/$/, ({ reply }) => reply(200, {}));
    const work = publishToRegistry({ client, reference, signatures: await signAll() });
    await expect(work).rejects.toMatchObject({ code: 'configuration-invalid' });
    expect(puts()).toEqual([]);
  });

  it('does not believe 201', async () => {
    registry.on(/^PUT \/extensions\//, ({ reply }) => reply(201));
    const work = publishToRegistry({ client, reference, signatures: await signAll() });
    await expect(work).rejects.toMatchObject({ code: 'not-served' });
  });

  it('ends when it is told to', async () => {
    const reason = new Error('enough');
    const signatures = await signAll();
    const work = publishToRegistry({ client, reference, signatures, signal: AbortSignal.abort(reason) });
    await expect(work).rejects.toBe(reason);
  });
});
