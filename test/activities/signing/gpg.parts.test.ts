import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkSigningKey,
  generateKey,
  loadSigningKey,
  readKeyRing,
  signDigest,
  verifySignature,
} from '../../../activities/signing/index.ts';
import type { KeyRing } from '../../../activities/signing/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { VALID_PAYLOAD } from './crafting.ts';
import { GpgHome } from './gpg-home.ts';

const claim = {
  digest: parseDigest(`sha256:${'a'.repeat(64)}`),
  reference: parseReference('registry.example.com/acme/web:1'),
  time: new Date(),
};
const now = new Date();
const PASSPHRASE = 'correct horse';
const RSA = ['Key-Type: RSA', 'Key-Length: 2048'];
const USER = ['Name-Real: Gpg User', 'Name-Email: gpg@example.com'];
let gpg: GpgHome;

beforeAll(async () => {
  gpg = await GpgHome.create();
});
afterAll(() => gpg.stop());

async function ringOf(fingerprint: string): Promise<KeyRing> {
  return await readKeyRing([{ name: 'gpg', bytes: await gpg.publicKey(fingerprint) }]);
}
function sign(fingerprint: string, ...options: readonly string[]): Promise<Buffer> {
  return gpg.run([...options, '--local-user', `${fingerprint}!`, '--sign'], VALID_PAYLOAD);
}

describe('a key made by GnuPG', () => {
  it.each([
    [
      'RSA with signing and encryption subkeys',
      ['Subkey-Type: RSA', 'Subkey-Length: 2048', 'Subkey-Usage: sign'],
      PASSPHRASE,
    ],
    ['RSA without passphrase', [], undefined],
  ])('signs for us: %s', async (_, subkey, passphrase) => {
    const lines = [...RSA, 'Key-Usage: sign,cert', ...subkey, ...USER];
    const fingerprint = await gpg.makeKey(lines, passphrase === undefined ? {} : { passphrase });
    const armoredKey = await gpg.privateKey(fingerprint, passphrase);
    const key = await loadSigningKey({ armoredKey, name: 'gpg', ...(passphrase !== undefined && { passphrase }) });
    expect(key).toMatchObject({ fingerprint, userIds: ['Gpg User <gpg@example.com>'], algorithm: 'RSA 2048' });
    await checkSigningKey(key, { now: new Date(), mustLiveUntil: new Date() });
    const blob = await signDigest(key, { ...claim, time: new Date() });
    const { log, output } = await gpg.try(['--decrypt'], blob);
    expect(log).toMatch(new RegExp(`VALIDSIG ${fingerprint} .*${fingerprint}`));
    expect(output.toString()).toContain('"docker-reference":"registry.example.com/acme/web:1"');
  });

  it('of Ed25519 signs for us', async () => {
    const fingerprint = await gpg.makeKey(['Key-Type: EdDSA', 'Key-Curve: ed25519', 'Key-Usage: sign,cert', ...USER]);
    const key = await loadSigningKey({ armoredKey: await gpg.privateKey(fingerprint), name: 'gpg' });
    const blob = await signDigest(key, { ...claim, time: new Date() });
    expect((await gpg.try(['--decrypt'], blob)).log).toContain(`VALIDSIG ${fingerprint}`);
  });

  it('of ECDSA signs for us', async () => {
    const fingerprint = await gpg.makeKey(['Key-Type: ECDSA', 'Key-Curve: nistp384', 'Key-Usage: sign,cert', ...USER]);
    const key = await loadSigningKey({ armoredKey: await gpg.privateKey(fingerprint), name: 'gpg' });
    const blob = await signDigest(key, { ...claim, time: new Date() });
    expect((await gpg.try(['--decrypt'], blob)).log).toContain(`VALIDSIG ${fingerprint}`);
  });

  it('whose primary key may only certify is refused before it signs', async () => {
    const subkey = ['Subkey-Type: RSA', 'Subkey-Length: 2048', 'Subkey-Usage: sign'];
    const fingerprint = await gpg.makeKey([...RSA, 'Key-Usage: cert', ...subkey, ...USER]);
    const key = await loadSigningKey({ armoredKey: await gpg.privateKey(fingerprint), name: 'gpg' });
    const when = { now: new Date(), mustLiveUntil: new Date() };
    await expect(checkSigningKey(key, when)).rejects.toMatchObject({ reason: 'no-signing-right' });
    // The subkey's own signatures count for readers of today.
    const blob = await gpg.run(['--local-user', fingerprint, '--sign'], VALID_PAYLOAD);
    const verified = await verifySignature(blob, await ringOf(fingerprint), { now: new Date() });
    expect(verified.fingerprint).toBe(fingerprint);
  });

  it('without the secret of its primary key is refused', async () => {
    const subkey = ['Subkey-Type: RSA', 'Subkey-Length: 2048', 'Subkey-Usage: sign'];
    const fingerprint = await gpg.makeKey([...RSA, ...subkey, ...USER]);
    const armoredKey = await gpg.run(['--export-secret-subkeys', '--armor', fingerprint]);
    await expect(loadSigningKey({ armoredKey, name: 'gpg' })).rejects.toMatchObject({ reason: 'secret-missing' });
  });

  it.each([
    ['DSA', ['Key-Type: DSA', 'Key-Length: 2048']],
    ['RSA of 1024 bits', ['Key-Type: RSA', 'Key-Length: 1024']],
  ])('of %s is refused, and so are its signatures', async (_, lines) => {
    const fingerprint = await gpg.makeKey([...lines, 'Key-Usage: sign,cert', ...USER]);
    const armoredKey = await gpg.privateKey(fingerprint);
    await expect(loadSigningKey({ armoredKey, name: 'gpg' })).rejects.toMatchObject({ reason: 'algorithm' });
    const verifying = verifySignature(await sign(fingerprint), await ringOf(fingerprint), { now });
    await expect(verifying).rejects.toMatchObject({ reason: 'algorithm' });
  });

  it.each(['brainpoolP384r1', 'secp256k1'])(
    'on %s does not sign for us, as only GnuPG reads it, but its signatures count',
    async (curve) => {
      const fingerprint = await gpg.makeKey([
        'Key-Type: ECDSA',
        `Key-Curve: ${curve}`,
        'Key-Usage: sign,cert',
        ...USER,
      ]);
      const armoredKey = await gpg.privateKey(fingerprint);
      await expect(loadSigningKey({ armoredKey, name: 'gpg' })).rejects.toMatchObject({ reason: 'algorithm' });
      const blob = await sign(fingerprint);
      const verified = await verifySignature(blob, await ringOf(fingerprint), { now: new Date() });
      expect(verified.fingerprint).toBe(fingerprint);
    },
  );

  it('that has expired is refused with all its signatures', async () => {
    const past = '20260101T000000';
    const fingerprint = await gpg.makeKey([...RSA, 'Expire-Date: 20260111T000000', ...USER], { now: past });
    const key = await loadSigningKey({ armoredKey: await gpg.privateKey(fingerprint), name: 'gpg' });
    expect(key.expiresAt).toEqual(new Date('2026-01-11T00:00:00Z'));
    const blob = await sign(fingerprint, '--faked-system-time', '20260102T000000');
    const ring = await ringOf(fingerprint);
    const within = { now: new Date('2026-01-03') };
    await expect(verifySignature(blob, ring, within)).resolves.toMatchObject({ fingerprint });
    await expect(verifySignature(blob, ring, { now })).rejects.toMatchObject({ reason: 'signer-expired' });
    expect((await gpg.try(['--decrypt'], blob)).log).toContain('EXPKEYSIG');
  });
});

describe('a signature made by GnuPG', () => {
  let fingerprint: string;
  let ring: KeyRing;
  beforeAll(async () => {
    fingerprint = await gpg.makeKey([...RSA, 'Key-Usage: sign,cert', ...USER]);
    ring = await ringOf(fingerprint);
  });

  it.each([
    ['compressed as it likes', []],
    ['with ZIP', ['--compress-algo', 'zip']],
    ['with ZLIB', ['--compress-algo', 'zlib']],
    ['with BZip2', ['--compress-algo', 'bzip2']],
    ['not compressed', ['--compress-algo', 'none']],
    ['with SHA-512', ['--digest-algo', 'sha512']],
    ['with a notation', ['--sig-notation', 'a@example.com=b']],
    ['that will expire', ['--default-sig-expire', '1d']],
  ])('is accepted %s', async (_, options) => {
    const blob = await sign(fingerprint, ...options);
    expect(await verifySignature(blob, ring, { now: new Date() })).toMatchObject({ fingerprint, creator: 'test' });
  });

  it.each<[string, string, () => Promise<Buffer>]>([
    ['with SHA-1', 'algorithm', () => sign(fingerprint, '--digest-algo', 'sha1', '--allow-weak-key-signatures')],
    ['in armour', 'format', () => sign(fingerprint, '--armor')],
    ['in clear text', 'format', () => gpg.run(['-u', `${fingerprint}!`, '--clear-sign'], VALID_PAYLOAD)],
    ['detached', 'structure', () => gpg.run(['-u', `${fingerprint}!`, '--detach-sign'], VALID_PAYLOAD)],
    ['with a critical notation', 'bad-signature', () => sign(fingerprint, '--sig-notation', '!a@example.com=b')],
    [
      'by two keys',
      'structure',
      async () => {
        const second = await gpg.makeKey([...RSA, ...USER]);
        return await sign(fingerprint, '--local-user', second);
      },
    ],
  ])('is refused %s', async (_, reason, make) => {
    await expect(verifySignature(await make(), ring, { now: new Date() })).rejects.toMatchObject({ reason });
  });
});

describe('generateKey', () => {
  it.each(['rsa3072', 'ed25519'] as const)('makes a key that GnuPG signs with: %s', async (type) => {
    const date = new Date(Date.now() - 60_000);
    const userId = { name: 'Ours', email: 'ours@example.com' };
    const made = await generateKey({ userId, type, passphrase: PASSPHRASE, expiresInDays: 100, date });
    await gpg.run(['--passphrase', PASSPHRASE, '--import'], made.privateKey);
    const listed = (await gpg.run(['--with-colons', '--list-keys', made.fingerprint])).toString();
    expect(listed).toMatch(/^pub:[^:]*:\d+:(1|22):.*:[es]*c?[^:]*SC:/m);
    expect(listed).not.toContain('sub:');
    const blob = await gpg.run(['--passphrase', PASSPHRASE, '-u', made.fingerprint, '--sign'], VALID_PAYLOAD);
    const ring = await readKeyRing([{ name: 'ours', bytes: Buffer.from(made.publicKey) }]);
    const { fingerprint } = await verifySignature(blob, ring, { now: new Date() });
    expect(fingerprint).toBe(made.fingerprint);
  });
});
