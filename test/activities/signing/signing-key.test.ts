import { inspect } from 'node:util';
import { createMessage, decryptKey, enums, readMessage, readPrivateKey, sign } from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  CREATOR,
  SigningError,
  checkSigningKey,
  generateKey,
  loadSigningKey,
  parsePassphraseFile,
  readKeyRing,
  signDigest,
  userIdsOf,
  verifySignature,
} from '../../../activities/signing/index.ts';
import type { GeneratedKey, SigningKey } from '../../../activities/signing/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { generateOther } from './crafting.ts';

const DAY = 86_400_000;
const PASSPHRASE = 'correct horse battery';
const time = new Date('2026-05-04T03:02:01.789Z');
const keyDate = new Date('2026-01-01T00:00:00Z');
const claim = {
  digest: parseDigest(`sha256:${'b'.repeat(64)}`),
  reference: parseReference('registry.example.com/acme/web:1.2'),
  time,
};
const keys = new Map<string, GeneratedKey>();
let ed25519: SigningKey;
let rsa: SigningKey;

beforeAll(async () => {
  const userId = { name: 'Release', email: 'release@example.com' };
  const make = async (name: string, options: Partial<Parameters<typeof generateKey>[0]>) =>
    keys.set(name, await generateKey({ userId, type: 'ed25519', date: keyDate, ...options }));
  await Promise.all([
    make('ed25519', {}),
    make('rsa', { type: 'rsa3072', passphrase: PASSPHRASE }),
    make('short', { expiresInDays: 30 }),
  ]);
  ed25519 = await load('ed25519');
  rsa = await load('rsa', PASSPHRASE);
});

function load(name: string, passphrase?: string): Promise<SigningKey> {
  const armoredKey = keys.get(name)!.privateKey;
  return loadSigningKey({ armoredKey, name: `${name}.asc`, ...(passphrase !== undefined && { passphrase }) });
}
function ringOf(name: string) {
  return readKeyRing([{ name, bytes: Buffer.from(keys.get(name)!.publicKey) }]);
}

describe('loadSigningKey', () => {
  it('unlocks a key and describes it', () => {
    expect({ ...rsa }).toEqual({
      fingerprint: keys.get('rsa')!.fingerprint,
      userIds: ['Release <release@example.com>'],
      algorithm: 'RSA 3072',
    });
    expect(rsa.fingerprint).toMatch(/^[0-9A-F]{40}$/);
  });

  it('reads bytes and ignores a passphrase that is not needed', async () => {
    const armoredKey = Buffer.from(keys.get('ed25519')!.privateKey);
    const key = await loadSigningKey({ armoredKey, name: 'k', passphrase: 'unneeded' });
    expect(key.algorithm).toBe('EdDSA Ed25519');
  });

  it('needs the secret of the primary key only', async () => {
    const subkeys = [{ sign: true, passphrase: 'another' }];
    const { privateKey } = await generateOther({
      type: 'ecc',
      curve: 'ed25519Legacy',
      passphrase: PASSPHRASE,
      subkeys,
      date: keyDate,
    });
    const key = await loadSigningKey({ armoredKey: privateKey, passphrase: PASSPHRASE, name: 'k' });
    await expect(signDigest(key, claim)).resolves.toBeInstanceOf(Uint8Array);
  });

  it('shows its secret nowhere', () => {
    const shown = inspect(rsa, { showHidden: true, depth: 20 }) + JSON.stringify(rsa) + Object.keys(rsa).join();
    expect(shown).not.toMatch(/private|secret|Param/i);
    expect(Object.getOwnPropertyNames(rsa)).toEqual(['fingerprint', 'userIds', 'algorithm']);
    expect(() => structuredClone(rsa)).not.toThrow();
  });

  it.each<[string, string, () => Parameters<typeof loadSigningKey>[0]]>([
    ['passphrase-missing', 'a missing passphrase', () => ({ armoredKey: keys.get('rsa')!.privateKey, name: 'k.asc' })],
    [
      'passphrase-wrong',
      'a wrong passphrase',
      () => ({ armoredKey: keys.get('rsa')!.privateKey, name: 'k.asc', passphrase: 'canary-wrong' }),
    ],
    ['not-private', 'a public key', () => ({ armoredKey: keys.get('rsa')!.publicKey, name: 'k.asc' })],
    [
      'several-keys',
      'two keys',
      () => ({ armoredKey: `${keys.get('rsa')!.privateKey}\n${keys.get('ed25519')!.privateKey}`, name: 'k.asc' }),
    ],
    ['unreadable', 'an empty file', () => ({ armoredKey: '', name: 'k.asc' })],
    ['unreadable', 'another text', () => ({ armoredKey: 'canary-text', name: 'k.asc' })],
    [
      'unreadable',
      'a cut key',
      () => ({ armoredKey: keys.get('ed25519')!.privateKey.replace(/\n[^\n]{60}\n/, '\n'), name: 'k.asc' }),
    ],
  ])('refuses with %s: %s, naming the file and nothing in it', async (reason, _, source) => {
    const error: unknown = await loadSigningKey(source()).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(SigningError);
    expect(error).toMatchObject({ code: 'key-unusable', reason });
    expect((error as Error).message).toContain('"k.asc"');
    expect(inspect(error, { depth: 9 })).not.toMatch(/canary|BEGIN PGP/);
  });

  it.each([
    ['Ed25519 of RFC 9580', { type: 'curve25519' as const }],
    ['Ed448', { type: 'curve448' as const }],
    ['version 6', { type: 'curve25519' as const, config: { v6Keys: true } }],
    ['RSA of 1024 bits', { type: 'rsa' as const, rsaBits: 1024, config: { minRSABits: 1024 } }],
  ])('refuses %s, which readers do not accept', async (_, options) => {
    const { privateKey } = await generateOther(options);
    await expect(loadSigningKey({ armoredKey: privateKey, name: 'k' })).rejects.toMatchObject({
      code: 'key-unusable',
      reason: 'algorithm',
    });
  });
});

describe('checkSigningKey', () => {
  const now = new Date('2026-01-20T00:00:00Z');

  it('accepts a key that never expires', async () => {
    await expect(checkSigningKey(rsa, { now, mustLiveUntil: new Date('2099-01-01') })).resolves.toBeUndefined();
  });

  it('accepts a key that lives long enough, and refuses it one second later', async () => {
    const key = await load('short');
    const expiry = keyDate.getTime() + 30 * DAY;
    await expect(checkSigningKey(key, { now, mustLiveUntil: new Date(expiry - 1000) })).resolves.toBeUndefined();
    await expect(checkSigningKey(key, { now, mustLiveUntil: new Date(expiry) })).rejects.toThrow(
      /expires on 2026-01-31T00:00:00.000Z.*readers reject all its signatures after that/,
    );
    await expect(
      checkSigningKey(key, { now: new Date(expiry), mustLiveUntil: new Date(expiry) }),
    ).rejects.toMatchObject({
      code: 'key-unusable',
      reason: 'expired',
    });
  });

  it('refuses a key of the future', async () => {
    const early = new Date('2025-12-31');
    await expect(checkSigningKey(rsa, { now: early, mustLiveUntil: early })).rejects.toMatchObject({
      reason: 'not-yet-valid',
    });
  });

  it('refuses a revoked key', async () => {
    const { revokeKey, readPrivateKey } = await import('openpgp');
    const key = await readPrivateKey({ armoredKey: keys.get('ed25519')!.privateKey });
    const { privateKey } = await revokeKey({ key, date: keyDate });
    const revoked = await loadSigningKey({ armoredKey: privateKey, name: 'k' });
    await expect(checkSigningKey(revoked, { now, mustLiveUntil: now })).rejects.toMatchObject({ reason: 'revoked' });
  });
});

describe('signDigest', () => {
  it.each(['rsa', 'ed25519'])('makes the same bytes every time with %s', async (name) => {
    const key = name === 'rsa' ? rsa : ed25519;
    const [one, two] = await Promise.all([signDigest(key, claim), signDigest(key, claim)]);
    expect(one).toEqual(two);
    const again = await load(name, name === 'rsa' ? PASSPHRASE : undefined);
    expect(await signDigest(again, claim)).toEqual(one);
  });

  it('makes the bytes with RSA that openpgp.js makes', async () => {
    const blob = await signDigest(rsa, claim);
    const content: unknown = (await readMessage({ binaryMessage: blob })).getLiteralData();
    const locked = await readPrivateKey({ armoredKey: keys.get('rsa')!.privateKey });
    const date = new Date('2026-05-04T03:02:01Z');
    const theirs: unknown = await sign({
      message: await createMessage({ binary: content as Uint8Array, date }),
      signingKeys: await decryptKey({ privateKey: locked, passphrase: PASSPHRASE }),
      format: 'binary',
      date,
      config: { nonDeterministicSignaturesViaNotation: false, preferredHashAlgorithm: enums.hash.sha256 },
    });
    expect(Buffer.from(blob).toString('hex')).toBe(Buffer.from(theirs as Uint8Array).toString('hex'));
  });

  it('makes other bytes for another claim or time', async () => {
    const one = await signDigest(ed25519, claim);
    expect(await signDigest(ed25519, { ...claim, time: new Date(time.getTime() + 1000) })).not.toEqual(one);
    expect(await signDigest(ed25519, { ...claim, reference: parseReference('r.example.com/a:1') })).not.toEqual(one);
  });

  it('says what was claimed, when, and by which program', async () => {
    const blob = await signDigest(rsa, claim);
    expect(blob[0]).toBe(0xc4);
    expect(await verifySignature(blob, await ringOf('rsa'), { now: time })).toEqual({
      digest: claim.digest,
      dockerReference: 'registry.example.com/acme/web:1.2',
      fingerprint: rsa.fingerprint,
      created: new Date('2026-05-04T03:02:01Z'),
      creator: CREATOR,
      timestamp: 1777863721,
    });
    expect(CREATOR).toBe(`countersign ${packageJson.version}`);
  });

  it('signs with the primary key, also where a signing subkey is', async () => {
    const { privateKey, publicKey } = await generateOther({
      type: 'ecc',
      curve: 'ed25519Legacy',
      subkeys: [{ sign: true }],
      date: keyDate,
    });
    const key = await loadSigningKey({ armoredKey: privateKey, name: 'k' });
    const blob = await signDigest(key, claim);
    expect(Buffer.from(blob).toString('hex').toUpperCase()).toContain(key.fingerprint.slice(-16));
    const ring = await readKeyRing([{ name: 'k', bytes: Buffer.from(publicKey) }]);
    expect((await verifySignature(blob, ring, { now: time })).fingerprint).toBe(key.fingerprint);
  });

  it.each([
    ['a sha512 digest', { ...claim, digest: parseDigest(`sha512:${'b'.repeat(128)}`) }],
    ['a reference without tag and digest', { ...claim, reference: parseReference('registry.example.com/acme/web') }],
  ])('refuses %s, which no reader would match', async (_, refused) => {
    await expect(signDigest(rsa, refused)).rejects.toMatchObject({ code: 'signature-invalid', reason: 'claim' });
  });

  it('refuses to sign at a time before its key was made', async () => {
    await expect(signDigest(rsa, { ...claim, time: new Date('2020-01-01') })).rejects.toMatchObject({
      code: 'key-unusable',
      reason: 'signing-failed',
    });
  });
});

describe('verifySignature, as to its key', () => {
  it('refuses the signatures of a key that has expired since', async () => {
    const key = await load('short');
    const at = new Date('2026-01-10');
    const blob = await signDigest(key, { ...claim, time: at });
    const ring = await ringOf('short');
    await expect(verifySignature(blob, ring, { now: at })).resolves.toBeDefined();
    const later = verifySignature(blob, ring, { now: new Date('2026-02-01') });
    await expect(later).rejects.toMatchObject({ code: 'signature-invalid', reason: 'signer-expired' });
  });

  it('refuses the signatures of a key that was revoked, also later than now', async () => {
    const { revokeKey, readPrivateKey } = await import('openpgp');
    const key = await readPrivateKey({ armoredKey: keys.get('ed25519')!.privateKey });
    // A soft reason, which openpgp.js would only count from its date on.
    const flag = enums.reasonForRevocation.keySuperseded;
    const { publicKey } = await revokeKey({ key, date: new Date('2026-06-01'), reasonForRevocation: { flag } });
    const ring = await readKeyRing([{ name: 'k', bytes: Buffer.from(publicKey) }]);
    const blob = await signDigest(ed25519, claim);
    await expect(verifySignature(blob, ring, { now: time })).rejects.toMatchObject({ reason: 'signer-revoked' });
  });

  it('keeps a revocation that only one of two files has', async () => {
    const { revokeKey, readPrivateKey } = await import('openpgp');
    const key = await readPrivateKey({ armoredKey: keys.get('ed25519')!.privateKey });
    const { publicKey } = await revokeKey({ key, date: keyDate });
    const files = [publicKey, keys.get('ed25519')!.publicKey].map((text, i) => ({
      name: `${i}`,
      bytes: Buffer.from(text),
    }));
    const blob = await signDigest(ed25519, claim);
    for (const order of [files, [...files].reverse()]) {
      const ring = await readKeyRing(order);
      expect(ring.keys).toHaveLength(1);
      await expect(verifySignature(blob, ring, { now: time })).rejects.toMatchObject({ reason: 'signer-revoked' });
    }
  });

  it.each<[string, string, Parameters<typeof generateOther>[0]]>([
    ['RSA of 1024 bits', 'algorithm', { type: 'rsa', rsaBits: 1024, config: { minRSABits: 1024 } }],
    ['Ed25519 of RFC 9580', 'algorithm', { type: 'curve25519' }],
  ])('refuses a signature by %s', async (_, reason, options) => {
    const openpgp = await import('openpgp');
    const { privateKey, publicKey } = await generateOther({ ...options, date: keyDate });
    const blob = (await openpgp.sign({
      message: await openpgp.createMessage({ binary: Buffer.from('{}') }),
      signingKeys: await openpgp.readPrivateKey({ armoredKey: privateKey }),
      format: 'binary',
      config: { minRSABits: 1024, preferredHashAlgorithm: enums.hash.sha256 },
    })) as unknown as Uint8Array;
    const ring = await readKeyRing([{ name: 'k', bytes: Buffer.from(publicKey) }]);
    await expect(verifySignature(blob, ring, { now: new Date() })).rejects.toMatchObject({ reason });
  });

  it('takes a valid signing subkey, names the primary key, and refuses the subkey of somebody else', async () => {
    const openpgp = await import('openpgp');
    const options = { type: 'ecc' as const, curve: 'ed25519Legacy' as const, subkeys: [{ sign: true }], date: keyDate };
    const [mine, foreign] = await Promise.all([generateOther(options), generateOther(options)]);
    const key = await openpgp.readPrivateKey({ armoredKey: mine.privateKey });
    const { writePayload } = await import('../../../activities/signing/index.ts');
    const payload = writePayload({ digest: claim.digest, dockerReference: 'r.example.com/a:1' });
    const sign = async (signer: typeof key) =>
      (await openpgp.sign({
        message: await openpgp.createMessage({ binary: payload }),
        signingKeys: signer,
        format: 'binary',
      })) as unknown as Uint8Array;
    const blob = await sign(key);
    const ring = await readKeyRing([{ name: 'k', bytes: Buffer.from(mine.publicKey) }]);
    const { fingerprint } = await verifySignature(blob, ring, { now: new Date() });
    expect(fingerprint).toBe(key.getFingerprint().toUpperCase());

    const publicKey = await openpgp.readKey({ armoredKey: mine.publicKey });
    const other = await openpgp.readPrivateKey({ armoredKey: foreign.privateKey });
    publicKey.subkeys.push(...other.toPublic().subkeys);
    const mixed = await readKeyRing([{ name: 'k', bytes: publicKey.write() }]);
    await expect(verifySignature(await sign(other), mixed, { now: new Date() })).rejects.toMatchObject({
      reason: 'signer-unusable',
    });
  });
});

describe('readKeyRing', () => {
  it('reads several blocks of one file, binary certificates in a row, and each key once', async () => {
    const [one, two] = [keys.get('rsa')!, keys.get('short')!];
    const armored = Buffer.from(`comment\n${one.publicKey}\nbetween\n${two.publicKey.replaceAll('\n', '\r\n')}`);
    const ring = await readKeyRing([{ name: 'all', bytes: armored }]);
    expect(ring.keys).toEqual([
      { fingerprint: one.fingerprint, userIds: ['Release <release@example.com>'], algorithm: 'RSA 3072' },
      {
        fingerprint: two.fingerprint,
        userIds: ['Release <release@example.com>'],
        algorithm: 'EdDSA Ed25519',
        expiresAt: new Date('2026-01-31'),
      },
    ]);
    const { exportKeyRing } = await import('../../../activities/signing/index.ts');
    const binary = await readKeyRing([
      { name: 'binary', bytes: exportKeyRing(ring) },
      { name: 'again', bytes: armored },
    ]);
    expect(binary.keys).toEqual(ring.keys);
    expect(userIdsOf(ring)).toEqual(['Release <release@example.com>']);
  });

  it('lists no user id that the key did not certify', async () => {
    const openpgp = await import('openpgp');
    const mine = await openpgp.readKey({ armoredKey: keys.get('rsa')!.publicKey });
    const mallory = await generateOther({
      userIDs: [{ name: 'Boss', email: 'boss@example.com' }],
      type: 'ecc',
      curve: 'ed25519Legacy',
    });
    mine.users.push(...(await openpgp.readKey({ armoredKey: mallory.publicKey })).users);
    expect(Buffer.from(mine.write()).toString('latin1')).toContain('Boss');
    const ring = await readKeyRing([{ name: 'k', bytes: mine.write() }]);
    expect(userIdsOf(ring)).toEqual(['Release <release@example.com>']);
  });

  it.each<[string, () => string]>([
    ['an empty file', () => ''],
    ['garbage', () => 'garbage'],
    ['a private key', () => keys.get('ed25519')!.privateKey],
    ['a message', () => '-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----\n'],
    ['a block without end', () => keys.get('rsa')!.publicKey.replace(/-----END.*/, '')],
    ['a good and a cut block', () => keys.get('rsa')!.publicKey + keys.get('short')!.publicKey.slice(0, -60)],
    ['a block with a wrong checksum', () => keys.get('rsa')!.publicKey.replace(/\n=.{4}\n/, '\n=AAAA\n')],
  ])('refuses %s, naming the file', async (_, text) => {
    const good = { name: 'good', bytes: Buffer.from(keys.get('rsa')!.publicKey) };
    const reading = readKeyRing([good, { name: 'bad.asc', bytes: Buffer.from(text()) }]);
    await expect(reading).rejects.toThrow(/"bad.asc"/);
    await expect(reading).rejects.toMatchObject({ code: 'key-unusable' });
  });

  it('refuses a file with keys of version 6 only', async () => {
    const { publicKey } = await generateOther({ type: 'curve25519', config: { v6Keys: true } });
    await expect(readKeyRing([{ name: 'k', bytes: Buffer.from(publicKey) }])).rejects.toThrow('no key of version 4');
  });
});

describe('parsePassphraseFile', () => {
  it.each([
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\nsecond line\n', 'secret'],
    ['secret\r\n', 'secret\r'],
    [' sécret ', ' sécret '],
    ['\n', ''],
    ['', ''],
  ])('reads %j as %j', (file, passphrase) => {
    expect(parsePassphraseFile(Buffer.from(file))).toBe(passphrase);
  });

  it('refuses bytes that are no text, without showing them', () => {
    const error = (() => {
      try {
        return parsePassphraseFile(Buffer.from([0x63, 0x61, 0x6e, 0xff]));
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toMatchObject({ code: 'key-unusable' });
    expect(inspect(error)).not.toContain('can\ufffd');
  });
});
