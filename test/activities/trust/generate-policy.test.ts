import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readKeyRing } from '../../../activities/signing/index.ts';
import { generatePolicy, lookasideFor, parsePolicy, readRegistriesD } from '../../../activities/trust/index.ts';
import { parseReference } from '../../../workflows/domain/reference.ts';
import { makeSigner } from './signers.ts';

const registry = 'registry.example.com/acme';
const servedAt = 'https://signatures.example.com/images';

describe('generatePolicy', () => {
  it('rejects by default and demands one of the keys below the prefix', () => {
    const keys = [{ fileName: 'one.asc' }, { fileName: 'two.asc' }];
    const { policyJson } = generatePolicy([{ registry, keys, keyDirectory: '/etc/keys', servedAt }]);
    expect(JSON.parse(policyJson)).toEqual({
      default: [{ type: 'reject' }],
      transports: {
        docker: {
          [registry]: [
            {
              type: 'signedBy',
              keyType: 'GPGKeys',
              keyPaths: ['/etc/keys/one.asc', '/etc/keys/two.asc'],
              signedIdentity: { type: 'matchRepoDigestOrExact' },
            },
          ],
        },
      },
    });
    expect(parsePolicy(Buffer.from(policyJson), 'p').default).toEqual([{ type: 'reject' }]);
  });

  it('writes a single key as keyPath, which old readers know, and file names as given', () => {
    const { policyJson } = generatePolicy([{ registry, keys: [{ fileName: './keys/one.asc' }], servedAt }]);
    expect(policyJson).toContain('"keyPath": "./keys/one.asc"');
  });

  it('puts keys into the policy as one binary file', async () => {
    const [one, two] = await Promise.all([makeSigner(), makeSigner()]);
    const keys = [one, two].map(({ publicKey }, i) => ({ fileName: `${i}`, bytes: publicKey }));
    const { policyJson } = generatePolicy([{ registry, keys, servedAt }]);
    const [requirement] = parsePolicy(Buffer.from(policyJson), 'p').transports.get('docker')!.get(registry)!;
    const data = (requirement as unknown as { keys: { data: Uint8Array } }).keys.data;
    expect(data[0]! & 0x80).toBe(0x80);
    const ring = await readKeyRing([{ name: 'd', bytes: data }]);
    expect(ring.keys.map((key) => key.fingerprint)).toEqual([one.key.fingerprint, two.key.fingerprint]);
  });

  it('writes the store for new and old readers', async () => {
    const { registriesD } = generatePolicy([{ registry, keys: [{ fileName: 'k' }], servedAt }]);
    const folder = await mkdtemp(join(tmpdir(), 'generate-policy-'));
    try {
      await writeFile(join(folder, 'countersign.yaml'), registriesD);
      const config = await readRegistriesD(folder);
      expect(config.docker.get(registry)).toEqual({ lookaside: servedAt, sigstore: servedAt });
      expect(lookasideFor(config, parseReference(`${registry}/web:1`), 'read')).toBe(servedAt);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    ['a prefix with a scheme', [{ registry: 'https://r.example.com', keys: [{ fileName: 'k' }], servedAt }]],
    ['no key', [{ registry, keys: [], servedAt }]],
    ['an address that readers cannot use', [{ registry, keys: [{ fileName: 'k' }], servedAt: '/srv' }]],
    [
      'one prefix twice',
      [
        { registry, keys: [{ fileName: 'k' }], servedAt },
        { registry, keys: [{ fileName: 'k' }], servedAt },
      ],
    ],
  ])('refuses %s', (_, input) => {
    expect(() => generatePolicy(input)).toThrow(expect.objectContaining({ code: 'configuration-invalid' }));
  });
});
