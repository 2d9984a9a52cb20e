import { readPrivateKey, revokeKey } from 'openpgp';
import { describe, expect, it } from 'vitest';
import {
  armorPublicKeys,
  describeKeyFile,
  exportPublicKeys,
  generateKey,
  keyWarnings,
  readKeyRing,
  readerVerdicts,
} from '../../../activities/signing/index.ts';
import type { KeyDescription } from '../../../activities/signing/index.ts';
import { generateOther } from './crafting.ts';

const NOW = new Date(Date.now() + 60_000);
const userId = { name: 'Ann', email: 'ann@example.com' };

async function describeOne(text: string): Promise<KeyDescription> {
  const [key] = await describeKeyFile({ name: 'key.asc', bytes: Buffer.from(text) });
  return key!;
}

function accepts(key: KeyDescription, now = NOW): Record<string, string> {
  return Object.fromEntries(readerVerdicts(key, now).map((one) => [one.reader, one.accepts]));
}

describe('readerVerdicts', () => {
  const yes = { gnupg: 'yes', go: 'yes', sequoia: 'yes', countersign: 'yes' };

  it('has every reader accept an RSA key of ours', async () => {
    const { publicKey, privateKey } = await generateOther({ type: 'rsa', rsaBits: 2048 });
    const key = await describeOne(publicKey);
    expect(accepts(key)).toEqual(yes);
    expect(keyWarnings(key, NOW)).toEqual([]);
    expect(key).toMatchObject({ algorithm: 'RSA 2048', version: 4, revoked: false, maySign: true, secret: 'none' });
    expect(await describeOne(privateKey)).toMatchObject({ secret: 'open', fingerprint: key.fingerprint });
  });

  it('knows that oc reads no Ed25519', async () => {
    const { publicKey } = await generateKey({ userId, type: 'ed25519' });
    const key = await describeOne(publicKey);
    expect(accepts(key)).toEqual({ ...yes, go: 'no' });
    expect(keyWarnings(key, NOW)).toEqual([expect.stringMatching(/^oc, and podman .* cannot verify its signatures: /)]);
  });

  it.each([
    ['RSA of 1024 bits', { type: 'rsa', rsaBits: 1024 }, { ...yes, sequoia: 'no', countersign: 'no' }],
    ['Ed25519 of the new kind', { type: 'curve25519' }, { gnupg: 'no', go: 'no', sequoia: 'yes', countersign: 'no' }],
    ['Ed448', { type: 'curve448' }, { gnupg: 'no', go: 'no', sequoia: 'yes', countersign: 'no' }],
    ['ECDSA P-256', { type: 'ecc', curve: 'nistP256' }, yes],
    [
      'version 6',
      { type: 'curve25519', config: { v6Keys: true } },
      { gnupg: 'no', go: 'no', sequoia: 'yes', countersign: 'no' },
    ],
  ] as const)('judges %s', async (_, options, expected) => {
    const { publicKey } = await generateOther(options);
    expect(accepts(await describeOne(publicKey))).toEqual(expected);
  });

  it('knows who looks at expiry', async () => {
    const date = new Date(NOW.getTime() - 3 * 86_400_000);
    const { publicKey } = await generateOther({ type: 'ecc', curve: 'nistP256', date, keyExpirationTime: 86_400 });
    const key = await describeOne(publicKey);
    expect(accepts(key)).toEqual({ gnupg: 'no', go: 'yes', sequoia: 'yes', countersign: 'no' });
    const before = new Date(date.getTime() + 1_000);
    expect(accepts(key, before)).toEqual(yes);
    expect(keyWarnings(key, before)).toEqual([expect.stringContaining('refuse all its signatures, old ones too')]);
  });

  it('has nobody accept a revoked key', async () => {
    const { privateKey } = await generateOther({ type: 'ecc', curve: 'nistP256' });
    const { publicKey } = await revokeKey({ key: await readPrivateKey({ armoredKey: privateKey }) });
    const key = await describeOne(publicKey);
    expect(key.revoked).toBe(true);
    expect(accepts(key)).toEqual({ gnupg: 'no', go: 'no', sequoia: 'no', countersign: 'no' });
  });

  it('warns of signing subkeys', async () => {
    const { publicKey } = await generateOther({ type: 'ecc', curve: 'nistP256', subkeys: [{ sign: true }] });
    const key = await describeOne(publicKey);
    expect(key.subkeys).toMatchObject([{ maySign: true, revoked: false }]);
    expect(keyWarnings(key, NOW)).toEqual([expect.stringContaining('readers before library 5.37 refuse')]);
  });

  it('counts the armoured blocks of a file, of which Go reads the first', async () => {
    const keys = await Promise.all([1, 2].map(() => generateOther({ type: 'ecc', curve: 'nistP256' })));
    const bytes = Buffer.from(keys.map(({ publicKey }) => publicKey).join('\n'));
    const described = await describeKeyFile({ name: 'two.asc', bytes });
    expect(described.map((key) => accepts(key)['go'])).toEqual(['yes', 'no']);
  });

  it('refuses a file without keys, naming it', async () => {
    await expect(describeKeyFile({ name: 'x.asc', bytes: Buffer.from('nothing') })).rejects.toThrow(
      'cannot read keys from "x.asc"',
    );
  });
});

describe('exportPublicKeys', () => {
  it('leaves the secret behind, and puts several keys into one block', async () => {
    const one = await generateKey({ userId, type: 'ed25519', passphrase: 'secret' });
    const two = await generateKey({ userId, type: 'ed25519' });
    const bytes = Buffer.from(`${one.privateKey}\n${two.publicKey}`);
    const armored = armorPublicKeys(await exportPublicKeys({ name: 'both.asc', bytes }, { minimal: false }));
    expect(armored.match(/BEGIN PGP/g)).toHaveLength(1);
    expect(armored).not.toContain('PRIVATE');
    const { keys } = await readKeyRing([{ name: 'out', bytes: Buffer.from(armored) }]);
    expect(keys.map(({ fingerprint }) => fingerprint).sort()).toEqual([one.fingerprint, two.fingerprint].sort());
  });

  it('keeps a revocation where it is minimal', async () => {
    const { privateKey } = await generateKey({ userId, type: 'ed25519' });
    const { publicKey } = await revokeKey({ key: await readPrivateKey({ armoredKey: privateKey }) });
    const packets = await exportPublicKeys({ name: 'k', bytes: Buffer.from(publicKey) }, { minimal: true });
    const [key] = await describeKeyFile({ name: 'k', bytes: packets });
    expect(key).toMatchObject({ revoked: true, userIds: ['Ann <ann@example.com>'] });
  });

  it('leaves out what others certified where it is minimal', async () => {
    const ann = await generateKey({ userId, type: 'ed25519' });
    const { privateKey } = await generateKey({ userId: { name: 'Bob', email: 'bob@example.com' }, type: 'ed25519' });
    const { readKey } = await import('openpgp');
    const key = await readKey({ armoredKey: ann.publicKey });
    const certified = await key.signAllUsers([await readPrivateKey({ armoredKey: privateKey })]);
    const bytes = Buffer.from(certified.write());
    const whole = await exportPublicKeys({ name: 'k', bytes }, { minimal: false });
    const minimal = await exportPublicKeys({ name: 'k', bytes }, { minimal: true });
    expect(minimal.length).toBeLessThan(whole.length - 50);
    expect((await describeKeyFile({ name: 'k', bytes: minimal }))[0]).toMatchObject({ fingerprint: ann.fingerprint });
  });
});
