import { beforeAll, describe, expect, it } from 'vitest';
import { evaluatePolicy, parsePolicy } from '../../../activities/trust/index.ts';
import type { Policy, Verdict } from '../../../activities/trust/index.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { digestOf, makeSigner } from './signers.ts';
import type { Signer } from './signers.ts';

const manifestDigest = digestOf(Buffer.from('manifest'));
const otherDigest = digestOf(Buffer.from('another manifest'));
const IMAGE = 'registry.example.com:5000/acme/web:1';
const now = new Date();
let alice: Signer;
let bob: Signer;
let expired: Signer;

beforeAll(async () => {
  const date = new Date(Date.now() - 10 * 86_400_000);
  [alice, bob, expired] = await Promise.all([makeSigner(), makeSigner(), makeSigner({ date, expiresInDays: 5 })]);
});

function readFile(path: string): Promise<Uint8Array> {
  const files: Record<string, Buffer> = {
    'alice.asc': alice.publicKey,
    'bob.asc': bob.publicKey,
    'expired.asc': expired.publicKey,
    'garbage.asc': Buffer.from('garbage'),
  };
  const file = files[path];
  return file === undefined ? Promise.reject(new Error(`ENOENT: ${path}`)) : Promise.resolve(file);
}
function policy(...requirements: object[]): Policy {
  return parsePolicy(Buffer.from(JSON.stringify({ default: requirements })), 'policy.json');
}
function signedBy(...keyPaths: string[]): object {
  return { type: 'signedBy', keyType: 'GPGKeys', ...(keyPaths.length === 1 ? { keyPath: keyPaths[0] } : { keyPaths }) };
}
function evaluate(rules: Policy, signatures: readonly Uint8Array[], reference = IMAGE): Promise<Verdict> {
  return evaluatePolicy(rules, { reference: parseReference(reference), manifestDigest }, signatures, { now, readFile });
}

describe('evaluatePolicy', () => {
  it('accepts a signature of the key for digest and reference', async () => {
    const verdict = await evaluate(policy(signedBy('alice.asc')), [await alice.sign(IMAGE, manifestDigest)]);
    expect(verdict).toEqual({
      accepted: true,
      scope: 'default',
      requirements: [{ type: 'signedBy', accepted: true, reason: 'signature 1 accepted' }],
      signatures: [
        {
          number: 1,
          accepted: true,
          reason: `made by ${alice.key.fingerprint}`,
          fingerprint: alice.key.fingerprint,
          dockerReference: IMAGE,
        },
      ],
      reason: 'signature 1 accepted',
    });
  });

  it('accepts one good signature among bad ones, and says what was wrong with each', async () => {
    const signatures = [
      await bob.sign(IMAGE, manifestDigest),
      await alice.sign(IMAGE, otherDigest),
      await alice.sign('registry.example.com:5000/acme/web:2', manifestDigest),
      await alice.sign(IMAGE, manifestDigest),
      await expired.sign(IMAGE, manifestDigest, new Date(Date.now() - 8 * 86_400_000)),
    ];
    const verdict = await evaluate(policy(signedBy('alice.asc', 'expired.asc')), signatures);
    expect(verdict.accepted).toBe(true);
    expect(verdict.signatures.map(({ accepted }) => accepted)).toEqual([false, false, false, true, false]);
    expect(verdict.signatures.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('not in the key ring'),
      `it is for ${otherDigest}`,
      expect.stringContaining('"registry.example.com:5000/acme/web:2", not for'),
      expect.stringContaining('made by'),
      expect.stringContaining('expired on'),
    ]);
    expect((await evaluate(policy(signedBy('alice.asc')), signatures.slice(0, 3))).accepted).toBe(false);
  });

  it('demands every requirement, and stops at the first refusal', async () => {
    const both = policy(signedBy('alice.asc'), signedBy('bob.asc'), { type: 'reject' });
    const verdict = await evaluate(both, [await alice.sign(IMAGE, manifestDigest)]);
    expect(verdict.accepted).toBe(false);
    expect(verdict.requirements.map(({ type, accepted }) => [type, accepted])).toEqual([
      ['signedBy', true],
      ['signedBy', false],
    ]);
    const two = [await alice.sign(IMAGE, manifestDigest), await bob.sign(IMAGE, manifestDigest)];
    expect((await evaluate(policy(signedBy('alice.asc'), signedBy('bob.asc')), two)).accepted).toBe(true);
  });

  it('takes only the list of the most specific scope', async () => {
    const reject = [{ type: 'reject' }];
    const accept = [{ type: 'insecureAcceptAnything' }];
    const decide = async (docker: object, reference = IMAGE) => {
      const rules = parsePolicy(Buffer.from(JSON.stringify({ default: reject, transports: { docker } })), 'p');
      const { accepted, scope } = await evaluate(rules, [], reference);
      return [accepted, scope];
    };
    const order = [
      IMAGE,
      'registry.example.com:5000/acme/web',
      'registry.example.com:5000/acme',
      'registry.example.com:5000',
      '*.example.com',
      '*.com',
      '',
    ];
    for (const [index, scope] of order.entries()) {
      const broader = Object.fromEntries(order.slice(index + 1).map((name) => [name, reject]));
      expect(await decide({ ...broader, [scope]: accept })).toEqual([true, scope === '' ? 'docker' : scope]);
    }
    expect(await decide({ 'registry.example.com': accept })).toEqual([false, 'default']);
    expect(await decide({ 'docker.io/library/busybox:latest': accept }, 'busybox')).toEqual([
      true,
      'docker.io/library/busybox:latest',
    ]);
  });

  it.each<[string, object, RegExp]>([
    ['no keys', signedBy(), /names no key/],
    ['a missing key file', signedBy('missing.asc'), /ENOENT/],
    ['a missing key file beside the right one', signedBy('alice.asc', 'missing.asc'), /ENOENT/],
    ['a key file without key', signedBy('garbage.asc'), /garbage.asc/],
    ['empty keyData', { type: 'signedBy', keyType: 'GPGKeys', keyData: '' }, /no public key is in keyData/],
    ['a key type of no reader', { type: 'signedBy', keyType: 'signedByGPGKeys', keyPath: 'alice.asc' }, /no reader/],
    ['reject', { type: 'reject' }, /rejects/],
    ['signedBaseLayer', { type: 'signedBaseLayer', baseLayerIdentity: { type: 'matchExact' } }, /no reader/],
    ['sigstoreSigned', { type: 'sigstoreSigned', keyPath: '/k' }, /not evaluated/],
  ])('refuses under %s', async (_, requirement, reason) => {
    const verdict = await evaluate(policy(requirement), [await alice.sign(IMAGE, manifestDigest)]);
    expect(verdict.accepted).toBe(false);
    expect(verdict.reason).toMatch(reason);
  });

  it('refuses the whole set for one blob of unknown form, also where anything is accepted', async () => {
    const set = [await alice.sign(IMAGE, manifestDigest), Buffer.from('<html>')];
    for (const requirement of [signedBy('alice.asc'), { type: 'insecureAcceptAnything' }]) {
      const verdict = await evaluate(policy(requirement), set);
      expect(verdict).toMatchObject({ accepted: false, requirements: [] });
      expect(verdict.reason).toContain('signature 2');
    }
  });

  it('refuses more signatures than readers fetch', async () => {
    const good = await alice.sign(IMAGE, manifestDigest);
    expect((await evaluate(policy(signedBy('alice.asc')), Array<Uint8Array>(127).fill(good))).accepted).toBe(true);
    expect((await evaluate(policy(signedBy('alice.asc')), Array<Uint8Array>(128).fill(good))).accepted).toBe(false);
  });

  it('passes over sigstore signatures', async () => {
    const sigstore = Buffer.from('\0sigstore-json\n{"mimeType":"x","payload":"","annotations":{}}');
    const rules = policy(signedBy('alice.asc'));
    expect((await evaluate(rules, [sigstore])).reason).toBe('no signature is there');
    expect((await evaluate(rules, [sigstore, await alice.sign(IMAGE, manifestDigest)])).accepted).toBe(true);
  });

  it.each(['[-0]', '[1.0]', '[1e1]', '[256]', '"-_=="'])(
    'refuses the whole set for a sigstore signature whose payload is %s, which readers cannot read as bytes',
    async (payload) => {
      const sigstore = Buffer.from(`\0sigstore-json\n{"payload":${payload}}`);
      const verdict = await evaluate(policy({ type: 'insecureAcceptAnything' }), [sigstore]);
      expect(verdict).toMatchObject({ accepted: false, requirements: [] });
    },
  );

  it('asks for `latest` where a reference has neither tag nor digest', async () => {
    const rules = policy(signedBy('alice.asc'));
    const latest = await alice.sign('registry.example.com/acme/web:latest', manifestDigest);
    expect((await evaluate(rules, [latest], 'registry.example.com/acme/web')).accepted).toBe(true);
    expect((await evaluate(rules, [latest], 'registry.example.com/acme/web:1')).accepted).toBe(false);
  });
});
