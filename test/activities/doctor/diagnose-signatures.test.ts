import { writeFile } from 'node:fs/promises';
import { readPrivateKey, revokeKey } from 'openpgp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useTempFolder } from '../../support/temp-folder.ts';
import { Forger, generateOther, uint32, subpacket } from '../signing/crafting.ts';
import { digestOf, makeSigner } from '../trust/signers.ts';
import { startInstallation } from './sick-installation.ts';
import type { Installation } from './sick-installation.ts';

const folder = useTempFolder();
const DAY = 86_400_000;
let site: Installation;
beforeEach(async () => {
  site = await startInstallation(folder.join('prod.asc'));
});
afterEach(() => site.close());

async function look(given?: Parameters<Installation['diagnose']>[0]) {
  const { findings, cause, mend, pullable } = await site.diagnose(given);
  const failed = [...new Set(findings.filter(({ status }) => status === 'fail').map(({ step }) => step))];
  // Whatever is wrong: one line with the cause, and one that mends it.
  if (!pullable)
    expect({ cause, mend }).toEqual({ cause: expect.stringMatching(/^.+$/), mend: expect.stringMatching(/^.+$/) });
  return { findings, cause, mend: mend ?? '', pullable, failed };
}

function payloadFor(digest: string, reference = site.reference): Buffer {
  const critical = {
    identity: { 'docker-reference': reference },
    image: { 'docker-manifest-digest': digest },
    type: 'atomic container signature',
  };
  return Buffer.from(JSON.stringify({ critical, optional: {} }));
}

describe('what is wrong with the signatures', () => {
  it('finds an image without any', async () => {
    const { failed, cause, mend } = await look();
    expect(failed).toEqual(['platform']);
    expect(cause).toContain('every platform: it has no signature');
    expect(mend).toBe('countersign start web:1 --to prod');
  });

  it('finds one platform without', async () => {
    const amd = site.image.manifests.find(({ platform }) => platform === 'linux/amd64')!;
    await site.sign({ digests: [amd.digest, site.image.digest] });
    const { failed, cause, findings } = await look();
    expect(failed).toEqual(['platform']);
    expect(cause).toContain('linux/arm64: it has no signature; only the index is signed');
    expect(findings).toContainEqual(expect.objectContaining({ step: 'platform', status: 'ok' }));
  });

  it('finds that only the index is signed', async () => {
    await site.sign({ digests: [site.image.digest] });
    const { failed, cause } = await look();
    expect(failed).toEqual(['platform']);
    expect(cause).toContain('every platform: it has no signature; only the index is signed');
  });

  it('finds signatures of another key', async () => {
    const stranger = await makeSigner();
    await site.sign({ signer: stranger });
    const { failed, cause } = await look();
    expect(failed).toEqual(['key']);
    expect(cause).toContain(`its signature: it is by ${stranger.key.fingerprint}, whose key is not trusted here`);
  });

  it('finds a key that has expired', async () => {
    const date = new Date(Date.now() - 3 * DAY);
    const signer = await makeSigner({ expiresInDays: 1, date });
    await writeFile(site.keyFile, signer.publicKey);
    await site.sign({ signer, time: new Date(date.getTime() + 1_000) });
    const { failed, cause, mend, findings } = await look();
    expect(failed).toEqual(['key']);
    expect(cause).toContain('the key that made it has expired, and with it all its signatures');
    expect(mend).toContain('countersign keys generate');
    expect(findings).toContainEqual(
      expect.objectContaining({ status: 'warn', what: expect.stringContaining('is refused by readers') }),
    );
  });

  it('finds a key that was revoked', async () => {
    await site.sign();
    const forger = await Forger.create();
    const { publicKey } = await revokeKey({ key: await readPrivateKey({ armoredKey: forger.key.privateKey }) });
    await writeFile(site.keyFile, publicKey);
    for (const { digest } of site.image.manifests) {
      site.put(digest, 1, forger.message({ content: payloadFor(digest) }).blob);
    }
    const { failed, cause } = await look();
    expect(failed).toEqual(['key']);
    expect(cause).toContain('the key that made it is revoked');
  });

  it('finds signatures that have expired themselves', async () => {
    const forger = await Forger.create();
    await writeFile(site.keyFile, forger.key.publicKey);
    const created = new Date(Date.now() - 60_000);
    for (const { digest } of site.image.manifests) {
      const hashed = [
        subpacket(2, uint32(Math.floor(created.getTime() / 1000)), true),
        subpacket(3, uint32(10), true),
        subpacket(33, Buffer.concat([Buffer.from([4]), forger.fingerprint])),
      ];
      site.put(digest, 1, forger.message({ content: payloadFor(digest), created, hashed }).blob);
    }
    const { failed, cause, mend } = await look();
    expect(failed).toEqual(['signature']);
    expect(cause).toContain('it has expired itself');
    expect(mend).toContain('--again');
  });

  it('finds a signature that was tampered with', async () => {
    await site.sign({
      change: (blob) => Buffer.from(Buffer.from(blob).toString('latin1').replace('acme', 'acne'), 'latin1'),
    });
    const { failed, cause } = await look();
    expect(failed).toEqual(['signature']);
    expect(cause).toContain('it was tampered with, or damaged');
  });

  it('finds signatures for another tag', async () => {
    await site.sign({ reference: site.reference.replace(/1$/, '0.9') });
    const { failed, cause } = await look();
    expect(failed).toEqual(['identity']);
    expect(cause).toContain('it is for another tag, 0.9');
  });

  it('finds signatures for another repository', async () => {
    await site.sign({ reference: 'registry.qa.example.com/acme/web:1' });
    const { failed, cause } = await look();
    expect(failed).toEqual(['identity']);
    expect(cause).toContain('it is for another repository, registry.qa.example.com/acme/web');
  });

  it('finds signatures for another manifest', async () => {
    for (const { digest } of site.image.manifests) {
      site.put(digest, 1, await site.signer.sign(site.reference, digestOf(Buffer.from('other'))));
    }
    const { failed, cause } = await look();
    expect(failed).toEqual(['identity']);
    expect(cause).toContain('it is for another manifest');
  });

  it('finds that only sigstore signatures are there', async () => {
    const sigstore = Buffer.from('\0sigstore-json\n{"mimeType":"x","payload":"e30=","annotations":{}}');
    for (const { digest } of site.image.manifests) site.put(digest, 1, sigstore);
    const { failed, cause } = await look();
    expect(failed).toEqual(['signature']);
    expect(cause).toContain('it is a sigstore signature');
  });

  it('finds two signatures in one blob', async () => {
    const forger = await Forger.create();
    await writeFile(site.keyFile, forger.key.publicKey);
    for (const { digest } of site.image.manifests) {
      const { onePass, literal, signature } = forger.message({ content: payloadFor(digest) });
      site.put(digest, 1, Buffer.concat([onePass, onePass, literal, signature, signature]));
    }
    const { failed, cause } = await look();
    expect(failed).toEqual(['signature']);
    expect(cause).toContain('it is not one OpenPGP message with one signature');
  });

  it('finds a key that is too weak', async () => {
    const { privateKey, publicKey } = await generateOther({ type: 'rsa', rsaBits: 1024 } as never);
    await writeFile(site.keyFile, publicKey);
    const { createMessage, sign } = await import('openpgp');
    for (const { digest } of site.image.manifests) {
      const blob = await sign({
        message: await createMessage({ binary: payloadFor(digest) }),
        signingKeys: await readPrivateKey({ armoredKey: privateKey }),
        format: 'binary',
        config: { minRSABits: 1024 },
      });
      site.put(digest, 1, blob as Uint8Array);
    }
    const { failed, cause } = await look();
    expect(failed).toEqual(['key']);
    expect(cause).toContain('too weak');
  });

  it('finds armoured signatures', async () => {
    for (const { digest } of site.image.manifests) site.put(digest, 1, '-----BEGIN PGP MESSAGE-----\n');
    const { failed, cause } = await look();
    expect(failed).toEqual(['store']);
    expect(cause).toContain('what is served as signature-1 is no signature');
  });

  it('tells of several signatures the one that came farthest', async () => {
    await site.sign({ signer: await makeSigner() });
    await site.sign({ reference: site.reference.replace(/1$/, '2') });
    await site.sign({ change: (blob) => blob.subarray(0, 40) });
    const { failed, cause } = await look();
    expect(failed).toEqual(['identity']);
    expect(cause).toContain('the best of its 3 signatures, signature-2: it is for another tag, 2');
  });
});
