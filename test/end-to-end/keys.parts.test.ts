/** Keys that readers would refuse are refused before anything is copied, and keys may change while a promotion waits. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generateKey as generate, readPrivateKey, reformatKey, decryptKey } from 'openpgp';
import { beforeAll, describe, expect, it } from 'vitest';
import { generateKey, readKeyRing, verifySignature } from '../../activities/signing/index.ts';
import type { GeneratedKey } from '../../activities/signing/index.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { NAMESPACE } from '../support/site.ts';
import type { SiteEnvironment } from '../support/site.ts';
import * as disturb from './disturb.ts';
import { SMALL, approve, pull, start, untilAsked, useSite } from './promote.ts';

const site = useSite({ gates: { qa: 'none' }, overrides: { qa: { attempts: 2 }, prod: { attempts: 2 } } });
const DAY_MS = 24 * 3600 * 1000;
const userId = { name: 'countersign', email: 'signer@example.com' };
let good: Readonly<Record<string, string>>;

interface KeyFiles {
  readonly privateKey: string;
  readonly publicKey?: string;
  readonly passphrase?: string;
}

/** Puts a key in the place of an environment's; without a passphrase the file goes. */
async function install(name: string, { privateKey, publicKey, passphrase }: KeyFiles): Promise<void> {
  const { secrets, publicKeyFile } = site.current.environment(name);
  await writeFile(path.join(secrets, 'signing-key.asc'), privateKey, { mode: 0o600 });
  const file = path.join(secrets, 'signing-key.passphrase');
  if (passphrase === undefined) await rm(file, { force: true });
  else await writeFile(file, `${passphrase}\n`, { mode: 0o600 });
  if (publicKey !== undefined) await writeFile(publicKeyFile, publicKey);
}

/** The key of a form that readers do not know. */
async function generateUnread(v6Keys: boolean): Promise<KeyFiles> {
  const { privateKey, publicKey } = await generate({
    userIDs: userId,
    type: 'curve25519',
    format: 'armored',
    config: { v6Keys },
  });
  return { privateKey, publicKey };
}

const refused: readonly (readonly [string, () => Promise<KeyFiles>, RegExp])[] = [
  ['without its passphrase', () => Promise.resolve(goodKey(undefined)), /signing-key\.asc.*no passphrase is given/],
  [
    'with a wrong passphrase',
    () => Promise.resolve(goodKey('wrong')),
    /signing-key\.asc.*the passphrase does not unlock it/,
  ],
  [
    'that has expired',
    () => generateKey({ userId, type: 'ed25519', date: new Date(Date.now() - 20 * DAY_MS), expiresInDays: 10 }),
    /expired on .*extend it or sign with another key/,
  ],
  [
    'that expires too early',
    () => generateKey({ userId, type: 'ed25519', expiresInDays: 20 }),
    /expires on .*, expected after .*extend it or sign with another key/,
  ],
  ['of version 6', () => generateUnread(true), /use RSA 3072 or 4096, or EdDSA Ed25519 of version 4/],
  ['of algorithm 27', () => generateUnread(false), /use RSA 3072 or 4096, or EdDSA Ed25519 of version 4/],
  [
    'whose public key is not published',
    async () => {
      const { privateKey } = await generateKey({ userId, type: 'ed25519' });
      return { privateKey };
    },
    /not among its public keys.*qa\.asc.*add it there/,
  ],
];

function goodKey(passphrase: string | undefined): KeyFiles {
  return {
    privateKey: good['privateKey']!,
    publicKey: good['publicKey']!,
    ...(passphrase !== undefined && { passphrase }),
  };
}

describe('a signing key', () => {
  beforeAll(async () => {
    const { secrets, publicKeyFile } = site.current.environment('qa');
    good = {
      privateKey: await readFile(path.join(secrets, 'signing-key.asc'), 'utf8'),
      publicKey: await readFile(publicKeyFile, 'utf8'),
    };
  });

  it.each(refused)('%s stalls the promotion before anything is copied', async (what, makeKey, expected) => {
    const here = site.current;
    const name = what.replaceAll(' ', '-');
    const sample = await here.push(name, '1', SMALL);
    await install('qa', await makeKey());
    const { id } = await start(here, `${name}:1`, 'qa');
    const { environment, message } = await disturb.untilStalled(here, id);
    expect(environment).toBe('qa');
    expect(message).toMatch(expected);
    await disturb.expectNothingCopied(here.environment('qa').registry, name, sample);
    await install('qa', goodKey('passphrase of qa'));
    await disturb.retryAndRelease(here, id);
    await disturb.expectUndisturbed(here, `${name}:1`, { sample, environments: ['dev', 'qa'] });
  });
});

describe('while a promotion waits for its decision', () => {
  async function untilWaiting(name: string): Promise<{ readonly id: string; readonly digest: Digest }> {
    const { digest } = await site.current.push(name, '1', SMALL);
    const { id } = await start(site.current, `${name}:1`, 'prod');
    await untilAsked(site.current, id);
    return { id, digest };
  }

  /** Expects one signature on the served branch, by this key, and a cluster that trusts only it to accept the image. */
  async function expectSignedBy(name: string, digest: Digest, key: GeneratedKey): Promise<void> {
    const { repository, publicKeyFile }: SiteEnvironment = site.current.environment('prod');
    const folder = `images/${NAMESPACE}/${name}@${digest.replace(':', '=')}`;
    const files = Object.keys(await repository.files('main')).filter((file) => file.startsWith(folder));
    expect(files).toEqual([`${folder}/signature-1`]);
    const ring = await readKeyRing([{ name: 'new key', bytes: Buffer.from(key.publicKey) }]);
    const blob = await repository.read('main', `${folder}/signature-1`);
    const { fingerprint } = await verifySignature(blob, ring, { now: new Date() });
    expect(fingerprint).toBe(key.fingerprint);
    await writeFile(publicKeyFile, key.publicKey);
    const { accepted, log } = await pull(site.current, 'prod', `${name}:1`);
    expect(accepted, log).toBe(true);
  }

  it('its key may be rotated: what is published is signed by the new one', async () => {
    const here = site.current;
    const { id, digest } = await untilWaiting('rotated');
    const key = await generateKey({ userId, type: 'rsa3072', passphrase: 'second' });
    const old = await readFile(here.environment('prod').publicKeyFile, 'utf8');
    await install('prod', { ...key, publicKey: `${old}\n${key.publicKey}`, passphrase: 'second' });
    expect(await approve(here, id)).toMatchObject({ code: 0 });
    expect(await disturb.untilEnded(here, id)).toMatchObject({ condition: 'released' });
    await expectSignedBy('rotated', digest, key);
  });

  it('its key may expire: the promotion stalls, and goes on with a new one', async () => {
    const here = site.current;
    const { id, digest } = await untilWaiting('expired');
    const { secrets } = here.environment('prod');
    const armoredKey = await readFile(path.join(secrets, 'signing-key.asc'), 'utf8');
    const locked = await readPrivateKey({ armoredKey });
    const privateKey = await decryptKey({ privateKey: locked, passphrase: 'second' });
    // Its owner shortened its life; the key is older than the second that is left to it.
    const shortened = await reformatKey({ privateKey, userIDs: userId, keyExpirationTime: 1, format: 'armored' });
    await install('prod', shortened);
    expect(await approve(here, id)).toMatchObject({ code: 0 });
    const { step, message } = await disturb.untilStalled(here, id);
    expect(step).toBe('publish');
    expect(message).toMatch(/expired on .*extend it or sign with another key/);
    const key = await generateKey({ userId, type: 'ed25519' });
    await install('prod', key);
    await disturb.retryAndRelease(here, id);
    await expectSignedBy('expired', digest, key);
  });
});
