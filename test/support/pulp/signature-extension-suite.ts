/** Our reader and our store against Pulp's signature extension; skopeo reads the same and is the judge. */
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { armor, enums } from 'openpgp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRegistryClient } from '../../../activities/oci/index.ts';
import type { RegistryClient } from '../../../activities/oci/index.ts';
import { publishToRegistry } from '../../../activities/trust/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { Forger } from '../../activities/signing/crafting.ts';
import { GpgHome } from '../../activities/signing/gpg-home.ts';
import { makeSigner } from '../../activities/trust/signers.ts';
import type { Signer } from '../../activities/trust/signers.ts';
import { buildSampleImage } from '../sample-image.ts';
import type { SampleImage } from '../sample-image.ts';
import { Judges, entryFor, openAdmin, push, putRaw } from './fixture.ts';
import { callPulp, createRepository, runTask } from './pulp-api.ts';
import { startPulp } from './pulp-server.ts';
import type { PulpServer } from './pulp-server.ts';

const seen: { readonly what: string; readonly seen: string }[] = [];
let pulp: PulpServer;
let admin: RegistryClient;
let image: SampleImage;
let alice: Signer;
let judges: Judges;

const note = (what: string, ...words: readonly unknown[]): void => {
  seen.push({ what, seen: words.map(String).join(', ') });
};
const nameIn = (host: string, repository: string): string => `${host}/${repository}:1`;

beforeAll(async () => {
  const start = Date.now();
  [pulp, image, alice] = await Promise.all([startPulp(), buildSampleImage({ layerBytes: 4096 }), makeSigner()]);
  note('Pulp is online', `${((Date.now() - start) / 1000).toFixed(1)} s`);
  const hosts = [pulp.tokenHost, pulp.basicHost];
  admin = openAdmin(...hosts);
  judges = await Judges.start(alice.publicKey, hosts);
});
afterAll(async () => {
  process.stdout.write(`\n${seen.map((row) => `  ${row.what.padEnd(62)} ${row.seen}`).join('\n')}\n\n`);
  await Promise.all([judges.stop(), admin.close()]);
  await pulp.stop();
});

/** A fresh repository with the image under the tag 1. */
async function pushed(host: string, repository: string): Promise<string> {
  await createRepository(pulp, repository);
  await push(admin, image, parseReference(nameIn(host, repository)));
  return nameIn(host, repository);
}

async function signAll(name: string, signer = alice): Promise<{ digest: Digest; blob: Uint8Array }[]> {
  const all = image.everyManifest.map(async ({ digest }) => ({ digest, blob: await signer.sign(name, digest) }));
  return await Promise.all(all);
}

for (const mode of ['token', 'basic'] as const) {
  it(`takes our signatures and shows them to readers (${mode} mode)`, async () => {
    const host = mode === 'token' ? pulp.tokenHost : pulp.basicHost;
    const name = await pushed(host, `acme/${mode}`);
    const reference = parseReference(name);
    expect(await admin.supportsSignatures(reference)).toBe(true);
    expect(await admin.listSignatures(reference, image.digest)).toEqual([]);
    const unsigned = await judges.verdicts(admin, name);
    expect(unsigned, unsigned.log).toMatchObject({ ours: false, skopeo: [false, false] });
    note(`${mode}: unsigned image, we / skopeo`, 'refused', unsigned.log.includes('no signature exists'));

    const signatures = await signAll(name);
    const first = await publishToRegistry({ client: admin, reference, signatures });
    const again = await publishToRegistry({ client: admin, reference, signatures });
    expect(first.map(({ added }) => added)).toEqual([true, true, true]);
    expect(again.map(({ added }) => added)).toEqual([false, false, false]);
    const counts = await Promise.all(signatures.map(({ digest }) => admin.listSignatures(reference, digest)));
    expect(counts.map((list) => list.length)).toEqual([1, 1, 1]);
    note(`${mode}: index and 2 platforms signed, put, read back, put again`, '3 added, 0 added, 1 entry each');

    const { ours, pulls } = await judges.both(admin, name);
    expect(ours).toMatchObject({ accepted: true, signaturesIn: 'registry', index: { accepted: true } });
    expect(
      pulls.map(({ accepted }) => accepted),
      pulls.map(({ log }) => log).join(''),
    ).toEqual([true, true]);
    note(`${mode}: signed image, we / skopeo on amd64, arm64`, 'accepted', 'accepted', 'accepted');
  });
}

it('refuses before it sends what Pulp would take or break over', async () => {
  const name = await pushed(pulp.basicHost, 'acme/wrong');
  const reference = parseReference(name);
  const [one, other] = image.manifests as [SampleImage['index'], SampleImage['index']];
  const misplaced = await alice.sign(name, other.digest);
  const forger = await Forger.create();
  const nameless = forger.message({ content: payloadWithoutCreator(name, one.digest) }).blob;
  const elsewhere = await alice.sign(nameIn(pulp.basicHost, 'acme/other'), one.digest);
  const refusals = [
    [misplaced, /it is over sha256:/],
    [nameless, /no optional\.creator/],
    [elsewhere, /it claims ".*acme\/other:1"/],
    [Buffer.from('-----BEGIN PGP MESSAGE-----\n'), /no container signature/],
  ] as const;
  for (const [blob, message] of refusals) {
    const work = publishToRegistry({ client: admin, reference, signatures: [{ digest: one.digest, blob }] });
    await expect(work).rejects.toMatchObject({ code: 'signature-invalid', message: expect.stringMatching(message) });
  }
  expect(await admin.listSignatures(reference, one.digest)).toEqual([]);
  note('other digest, no creator, other reference, no signature', 'refused by us before the first PUT');

  const raw = { host: pulp.basicHost, path: 'acme/wrong' };
  const taken = await putRaw(raw, one.digest, entryFor(one.digest, misplaced));
  const broken = await putRaw(raw, one.digest, entryFor(one.digest, nameless));
  note('Pulp itself: other digest, no creator', `${taken.status} (taken)`, broken.status);
  expect([taken.status, broken.status]).toEqual([201, 500]);
  // The bytes are another manifest's now: Pulp says 201 to them and lists them there.
  const work = publishToRegistry({
    client: admin,
    reference,
    signatures: [{ digest: other.digest, blob: misplaced }],
  });
  await expect(work).rejects.toMatchObject({ code: 'not-served' });
  note('bytes that were put under another manifest before', 'Pulp 201, not listed; found by reading back');
});

it('reads no signature as an error where the manifest is unknown', async () => {
  const name = await pushed(pulp.tokenHost, 'acme/known');
  const reference = parseReference(name);
  const unknown = `sha256:${'0'.repeat(64)}` as Digest;
  await expect(admin.listSignatures(reference, unknown)).rejects.toMatchObject({ code: 'image-unknown', status: 404 });
  const nowhere = { ...reference, path: 'acme/nowhere' };
  await expect(admin.listSignatures(nowhere, unknown)).rejects.toMatchObject({ code: 'image-unknown', status: 404 });
  const work = admin.addSignature(reference, { digest: unknown, blob: await alice.sign(name, unknown) });
  await expect(work).rejects.toMatchObject({ code: 'image-unknown', status: 404 });
  note('GET and PUT for an unknown manifest, GET in an unknown repository', '404 MANIFEST_UNKNOWN', 'image-unknown');
});

it('lets nobody add who may only pull', async () => {
  const name = await pushed(pulp.tokenHost, 'acme/public');
  const anonymous = createRegistryClient();
  try {
    const reference = parseReference(name);
    const blob = await alice.sign(name, image.digest);
    expect(await anonymous.listSignatures(reference, image.digest)).toEqual([]);
    const work = anonymous.addSignature(reference, { digest: image.digest, blob });
    await expect(work).rejects.toMatchObject({ code: 'access-denied' });
    note('anonymous: GET, PUT', '200', 'access-denied');
  } finally {
    await anonymous.close();
  }
});

it('refuses an armoured signature, which GnuPG reads, and counts the good one beside it', async () => {
  const name = await pushed(pulp.basicHost, 'acme/armour');
  const raw = { host: pulp.basicHost, path: 'acme/armour' };
  // With a checksum, without which GnuPG reads none.
  const armoured = async (digest: Digest) => {
    const blob = await alice.sign(name, digest);
    return Buffer.from(armor(enums.armor.message, blob, undefined, undefined, undefined, true));
  };
  const put = image.manifests.map(async ({ digest }) => {
    return (await putRaw(raw, digest, entryFor(digest, await armoured(digest)))).status;
  });
  const statuses = await Promise.all(put);
  const alone = await judges.verdicts(admin, name);
  note('armoured signature: Pulp, we, skopeo', statuses.join(' '), alone.ours, alone.skopeo.join(' '));
  // The one difference, and the safe side: readers without GnuPG refuse armour, too.
  expect(alone, alone.log).toMatchObject({ ours: false, skopeo: [true, true] });
  await publishToRegistry({ client: admin, reference: parseReference(name), signatures: await signAll(name) });
  const both = await judges.verdicts(admin, name);
  note('a good one beside it: we, skopeo', both.ours, both.skopeo.join(' '));
  expect(both, both.log).toMatchObject({ ours: true, skopeo: [true, true] });
});

it("accepts what Pulp's own signing service signed", async () => {
  const gpg = await GpgHome.create();
  try {
    const fingerprint = await gpg.makeKey(['Key-Type: RSA', 'Key-Length: 3072', 'Name-Real: Pulp', 'Expire-Date: 0']);
    const key = await gpg.run(['--export', '--armor', fingerprint]);
    const script = path.join(pulp.folder, 'sign.sh');
    const command = 'skopeo standalone-sign "$1" "$REFERENCE" "$PULP_SIGNING_KEY_FINGERPRINT" --output "$SIG_PATH"';
    const answer = 'printf \'{"signature_path": "%s"}\' "$SIG_PATH"';
    await writeFile(script, `#!/bin/sh\nexport GNUPGHOME='${gpg.folder}'\n${command} >&2 || exit\n${answer}\n`);
    await chmod(script, 0o755);
    const service = ['--class', 'container:ManifestSigningService', '--backend', 'gpg', '--home', gpg.folder];
    await pulp.manage(['add-signing-service', 'loopback', script, fingerprint, ...service]);
    const { body } = await callPulp(pulp, '/pulp/api/v3/signing-services/?name=loopback');
    const [made] = body['results'] as { pulp_href: string }[];

    const repository = await createRepository(pulp, 'acme/serviced');
    const name = nameIn(pulp.tokenHost, 'acme/serviced');
    await push(admin, image, parseReference(name));
    await runTask(pulp, `${repository}sign/`, { manifest_signing_service: made?.pulp_href });
    const own = await Judges.start(key, [pulp.tokenHost]);
    try {
      const verdicts = await own.verdicts(admin, name);
      note("signed by Pulp's service: we, skopeo", verdicts.ours, verdicts.skopeo.join(' '));
      expect(verdicts, verdicts.log).toMatchObject({ ours: true, skopeo: [true, true] });
    } finally {
      await own.stop();
    }
  } finally {
    await gpg.stop();
  }
});

function payloadWithoutCreator(name: string, digest: Digest): Buffer {
  const critical = {
    identity: { 'docker-reference': name },
    image: { 'docker-manifest-digest': digest },
    type: 'atomic container signature',
  };
  return Buffer.from(JSON.stringify({ critical, optional: { timestamp: 1_700_000_000 } }));
}
