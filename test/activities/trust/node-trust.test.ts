import { describe, expect, it } from 'vitest';
import { generateKey, readKeyRing } from '../../../activities/signing/index.ts';
import { checkPolicy, generateNodeTrust } from '../../../activities/trust/index.ts';
import type { NodeTrustInput } from '../../../activities/trust/index.ts';
import { makeSigner } from './signers.ts';

const registry = 'registry.example.com/acme';

async function anInput(fields: Partial<NodeTrustInput> = {}): Promise<NodeTrustInput> {
  const { publicKey } = await makeSigner();
  return {
    environment: 'prod',
    registry,
    servedAt: 'https://signatures.example.com/images',
    keys: [{ name: 'prod.asc', bytes: publicKey }],
    nodePath: '/etc/containers',
    ...fields,
  };
}

async function generate(fields: Partial<NodeTrustInput> = {}) {
  const files = generateNodeTrust(await anInput(fields));
  const named = new Map(files.map(({ path, bytes }) => [path, bytes]));
  return {
    names: [...named.keys()],
    text: (path: string) => Buffer.from(named.get(path) ?? []).toString('utf8'),
    named,
  };
}

describe('generateNodeTrust', () => {
  it('writes keys, store and a policy that names the key where it lies on the node', async () => {
    const { names, text } = await generate({ nodePath: '/opt/trust' });
    expect(names).toEqual(['keys/countersign-prod.gpg', 'registries.d/countersign-prod.yaml', 'policy.json']);
    expect(text('policy.json')).toContain('"keyPath": "/opt/trust/keys/countersign-prod.gpg"');
    expect(text('registries.d/countersign-prod.yaml')).toContain('lookaside: https://signatures.example.com/images');
  });

  it('gives the same bytes for the same input', async () => {
    const input = await anInput({ accept: ['localhost', 'b.example.com'] });
    const other = { ...input, accept: ['b.example.com', 'localhost', 'localhost'] };
    expect(generateNodeTrust(other)).toEqual(generateNodeTrust(input));
  });

  it('puts the keys of a rotation into one binary file, in one requirement', async () => {
    const signers = await Promise.all([makeSigner(), makeSigner()]);
    const keys = signers.map(({ publicKey }, index) => ({ name: `${index}.asc`, bytes: publicKey }));
    const { named, text } = await generate({ keys });
    const bytes = named.get('keys/countersign-prod.gpg')!;
    expect(bytes[0]! & 0x80).toBe(0x80);
    const ring = await readKeyRing([{ name: 'k', bytes }]);
    expect(ring.keys.map((key) => key.fingerprint)).toEqual(signers.map(({ key }) => key.fingerprint));
    const policy = checkPolicy(Buffer.from(text('policy.json'))).policy!;
    expect(policy.transports.get('docker')!.get(registry)).toHaveLength(1);
  });

  it('refuses a private key, which would be carried to every node', async () => {
    const made = await generateKey({
      userId: { name: 'P', email: 'p@example.com' },
      type: 'ed25519',
      date: new Date(),
    });
    const keys = [{ name: 'p.asc', bytes: Buffer.from(made.privateKey) }];
    await expect(generate({ keys })).rejects.toMatchObject({ code: 'configuration-invalid' });
  });

  it('accepts by default only where that is wished, and still demands signatures in the registry', async () => {
    const { text } = await generate({ default: 'accept' });
    const policy = JSON.parse(text('policy.json')) as { default: unknown; transports: { docker: object } };
    expect(policy.default).toEqual([{ type: 'insecureAcceptAnything' }]);
    expect(policy.transports.docker).toMatchObject({ [registry]: [{ type: 'signedBy' }] });
  });

  it.each([
    'localhost',
    'localhost/pause:3.9',
    'quay.io/openshift-release-dev/ocp-release',
    '*.example.org',
    'registry.example.com',
  ])('accepts %s without signature, in a file that readers take', async (scope) => {
    const { text } = await generate({ accept: [scope] });
    const check = checkPolicy(Buffer.from(text('policy.json')));
    expect(check.problems).toEqual([]);
    expect(check.policy!.transports.get('docker')!.get(scope)).toEqual([{ type: 'insecureAcceptAnything' }]);
  });

  it.each([
    ['the registry itself', registry],
    ['a repository in it', `${registry}/base`],
    ['a tag in it', `${registry}/base:1`],
    ['nothing', ''],
    ['a URL', 'https://quay.io/x'],
    ['capitals in the path', 'quay.io/ACME'],
    ['a wildcard with a path', '*.example.com/acme'],
    ['a wildcard alone', '*'],
  ])('does not accept %s without signature', async (_, scope) => {
    await expect(generate({ accept: [scope] })).rejects.toMatchObject({ code: 'configuration-invalid' });
  });

  it('takes the port of another registry for no tag in this one', async () => {
    const { text } = await generate({ registry: 'registry.example.com', accept: ['registry.example.com:5000'] });
    expect(text('policy.json')).toContain('registry.example.com:5000');
  });

  it('says that a registry has no TLS, or a private authority', async () => {
    const authorities = [{ host: 'registry.example.com:5000', pem: 'PEM' }];
    const { text } = await generate({ plainHttp: ['registry.example.com:5000'], authorities });
    expect(text('registries.conf.d/countersign-prod.conf')).toBe(
      '[[registry]]\nlocation = "registry.example.com:5000"\ninsecure = true\n',
    );
    expect(text('certs.d/registry.example.com:5000/countersign.crt')).toBe('PEM');
  });

  it.each(['etc/containers', '/etc/../containers', '/etc/containers/', '/etc/\ncontainers'])(
    'refuses %j as place on the node',
    async (nodePath) => {
      await expect(generate({ nodePath })).rejects.toThrow('expected an absolute path');
    },
  );
});
