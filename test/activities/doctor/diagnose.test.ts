import { mkdir, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generatePolicy } from '../../../activities/trust/index.ts';
import type { Digest } from '../../../workflows/domain/digest.ts';
import { signaturePath } from '../../../workflows/domain/signature-path.ts';
import { useTempFolder } from '../../support/temp-folder.ts';
import { closedPort } from '../signature-server/http-fixture.ts';
import { startInstallation } from './sick-installation.ts';
import type { Installation } from './sick-installation.ts';

const folder = useTempFolder();
let site: Installation;
beforeEach(async () => {
  site = await startInstallation(folder.join('prod.asc'));
});
afterEach(() => site.close());

/** The steps that failed, and the last line. */
async function look(given?: Parameters<Installation['diagnose']>[0]) {
  const { findings, cause, mend, pullable, digest } = await site.diagnose(given);
  const failed = [...new Set(findings.filter(({ status }) => status === 'fail').map(({ step }) => step))];
  // Whatever is wrong: one line with the cause, and one that mends it.
  if (!pullable)
    expect({ cause, mend }).toEqual({ cause: expect.stringMatching(/^.+$/), mend: expect.stringMatching(/^.+$/) });
  return { findings, cause, mend: mend ?? '', pullable, digest, failed };
}

async function policyFile(content: object | string, registry = `${site.registry.host}/acme`): Promise<Buffer> {
  await Promise.resolve();
  if (typeof content === 'string') return Buffer.from(content);
  const { policyJson } = generatePolicy([{ registry, keys: [{ fileName: site.keyFile }], servedAt: 'https://x' }]);
  return Buffer.from(JSON.stringify({ ...(JSON.parse(policyJson) as object), ...content }));
}

describe('a healthy installation', () => {
  beforeEach(() => site.sign());

  it('is told so, step by step', async () => {
    const { pullable, cause, failed, findings, digest, mend } = await look();
    expect({ pullable, failed, mend }).toEqual({ pullable: true, failed: [], mend: '' });
    expect(cause).toBe(`nothing stands in the way: clusters of prod accept ${site.reference}`);
    expect(digest).toBe(site.image.digest);
    const ok = findings.filter(({ status }) => status === 'ok').map(({ step }) => step);
    expect([...new Set(ok)]).toEqual([
      'configuration',
      'registry',
      'policy',
      'store',
      'signature',
      'key',
      'identity',
      'platform',
      'replica',
    ]);
    expect(findings.filter(({ step, status }) => step === 'replica' && status === 'ok')).toHaveLength(2);
  });

  it('is warned that oc cannot verify an Ed25519 key', async () => {
    const { findings } = await look();
    expect(findings).toContainEqual(
      expect.objectContaining({ step: 'key', status: 'warn', what: expect.stringMatching(/^oc, .*cannot verify/) }),
    );
  });

  it('is healthy by digest, too', async () => {
    const asked = site.reference.replace(/:1$/, `@${site.image.digest}`);
    expect(await look({ asked })).toMatchObject({ pullable: true });
  });

  it('is warned of where its policy accepts anything', async () => {
    const bytes = await policyFile({ default: [{ type: 'insecureAcceptAnything' }], transports: {} });
    const { pullable, findings } = await look({ policy: { file: 'policy.json', bytes } });
    expect(pullable).toBe(true);
    expect(findings).toContainEqual(
      expect.objectContaining({
        step: 'policy',
        status: 'warn',
        what: expect.stringContaining('without any signature'),
      }),
    );
  });

  it('keeps its good signatures beside one of a stranger', async () => {
    const { makeSigner } = await import('../trust/signers.ts');
    await site.sign({ signer: await makeSigner() });
    expect(await look()).toMatchObject({ pullable: true, failed: [] });
  });
});

describe('what is wrong in the registry', () => {
  beforeEach(() => site.sign());
  const promote = 'countersign start web:1 --to prod';
  const copy = () => `countersign copy registry.qa.example.com/acme/web:1 ${site.reference}`;

  it('finds a registry that is down', async () => {
    const asked = `127.0.0.1:${await closedPort()}/acme/web:1`;
    const environment = { registry: asked.replace('/web:1', '') } as never;
    const { cause, failed, mend, digest } = await look({ asked, environment });
    expect({ failed, digest }).toEqual({ failed: ['registry'], digest: null });
    expect(cause).toMatch(/^clusters of prod cannot pull .*: the registry 127\.0\.0\.1:\d+ does not answer as one$/);
    expect(mend).toContain('curl -v');
  });

  it('finds a registry that answers 401', async () => {
    site.registry.on(/manifests/, ({ reply }) => reply(401, { 'www-authenticate': 'Basic realm="r"' }));
    const { cause, failed, mend } = await look();
    expect(failed).toEqual(['registry']);
    expect(cause).toContain('does not let these credentials read acme/web');
    expect(mend).toContain('podman login');
  });

  it('finds a registry that answers 500', async () => {
    site.registry.on(/manifests/, ({ reply }) => reply(500));
    expect(await look()).toMatchObject({ failed: ['registry'], pullable: false });
  });

  it('finds a missing tag', async () => {
    const { cause, failed, mend } = await look({ asked: site.reference.replace(/1$/, '2') });
    expect(failed).toEqual(['registry']);
    expect(cause).toContain('the registry has no');
    expect(mend).toBe('countersign start web:2 --to prod');
  });

  it('finds a missing digest, and still looks at its signatures', async () => {
    const [first] = site.image.manifests;
    site.registry.manifests.delete(`acme/web@${first!.digest}`);
    const asked = site.reference.replace(/:1$/, `@${first!.digest}`);
    const { cause, failed, findings } = await look({ asked });
    expect(failed).toEqual(['registry']);
    expect(cause).toContain('the registry has no');
    expect(findings).toContainEqual(expect.objectContaining({ step: 'platform', status: 'ok' }));
  });

  it("finds a platform's manifest missing", async () => {
    const arm = site.image.manifests.find(({ platform }) => platform === 'linux/arm64')!;
    site.registry.manifests.delete(`acme/web@${arm.digest}`);
    const { cause, failed, mend } = await look();
    expect(failed).toEqual(['registry']);
    expect(cause).toContain(`the manifest of linux/arm64 is missing in the registry: ${arm.digest}`);
    expect(mend).toBe(copy());
  });

  it('finds a missing blob', async () => {
    const [digest] = site.image.blobs.keys();
    site.registry.blobs.delete(`acme/web@${digest!}`);
    const { cause, failed, mend } = await look();
    expect(failed).toEqual(['registry']);
    expect(cause).toContain(`blob ${digest!} of linux/`);
    expect(mend).toBe(copy());
  });

  it('finds a blob whose bytes were changed where it reads them, and no fault where it only asks for them', async () => {
    const [[digest, blob]] = [...site.image.blobs] as [[Digest, Buffer]];
    const changed = Buffer.from(blob);
    changed[0]! ^= 1;
    site.registry.blobs.set(`acme/web@${digest}`, changed);
    expect((await look()).failed).toEqual([]);
    const { cause, failed, mend } = await look({ isThorough: true });
    expect(failed).toEqual(['registry']);
    expect(cause).toContain(`blob ${digest} of linux/`);
    expect(cause).toContain('has other bytes in the registry than its digest says');
    expect(mend).toMatch(/^remove the blob from the storage of .*, then: countersign copy/);
    site.registry.blobs.set(`acme/web@${digest}`, blob);
    expect((await look({ isThorough: true })).failed).toEqual([]);
  });

  it('finds other bytes than the digest says', async () => {
    site.registry.on(/manifests\/sha256/, ({ reply }) =>
      reply(200, { 'content-type': site.image.manifests[0]!.mediaType }, '{"schemaVersion":2}'),
    );
    expect(await look()).toMatchObject({ failed: ['registry'] });
  });

  it('knows how to bring an image that was never promoted', async () => {
    site.registry.manifests.delete('acme/web:1');
    expect((await look()).mend).toBe(promote);
  });
});

describe('what is wrong with configuration and policy', () => {
  beforeEach(() => site.sign());

  it('finds an image outside the environment', async () => {
    const { failed, cause } = await look({ asked: site.reference.replace('acme', 'other') });
    expect(failed[0]).toBe('configuration');
    expect(cause).toContain('lies outside');
  });

  it('passes on what the check of the configuration says', async () => {
    const { failed, cause } = await look({ problems: ['countersign.yaml:3:1: environments.prod: is wrong'] });
    expect(failed).toEqual(['configuration']);
    expect(cause).toContain('is wrong');
  });

  it('finds public keys that are not there', async () => {
    const environment = { publicKeyFiles: [folder.join('none.asc')] } as never;
    const { failed, cause, mend } = await look({ environment });
    expect(failed[0]).toBe('configuration');
    expect(cause).toContain('the public keys in');
    expect(mend).toContain('countersign keys export');
  });

  it('finds a scope that does not cover the image', async () => {
    const bytes = await policyFile({}, `${site.registry.host}/other`);
    const { failed, cause, findings } = await look({ policy: { file: 'policy.json', bytes } });
    expect(failed).toEqual(['policy']);
    expect(cause).toContain('no scope of the policy covers it');
    expect(JSON.stringify(findings)).toContain(`its scopes are ${site.registry.host}/other`);
  });

  it('finds a scope that rejects', async () => {
    const scopes = { docker: { [`${site.registry.host}/acme/web`]: [{ type: 'reject' }] } };
    const bytes = await policyFile({ transports: scopes });
    const { failed, cause } = await look({ policy: { file: 'policy.json', bytes } });
    expect(failed).toEqual(['policy']);
    expect(cause).toContain('its scope says so');
  });

  it('finds a policy that readers refuse, and goes on with the one that should be', async () => {
    const policy = { file: 'policy.json', bytes: await policyFile('{"default":[{"type":"rejekt"}]}') };
    const { failed, cause, mend, findings } = await look({ policy });
    expect(failed).toEqual(['policy']);
    expect(cause).toContain('policy.json');
    expect(mend).toBe('countersign trust check policy.json');
    expect(findings.filter(({ step, status }) => step === 'platform' && status === 'ok')).toHaveLength(2);
  });

  it('finds a requirement for sigstore', async () => {
    const sigstore = [{ type: 'sigstoreSigned', keyPath: '/key.pub' }];
    const bytes = await policyFile({ default: sigstore, transports: {} });
    const { failed, cause } = await look({ policy: { file: 'policy.json', bytes } });
    expect(failed).toEqual(['policy']);
    expect(cause).toContain('sigstoreSigned');
  });

  it('finds keys that the policy names and the node does not have', async () => {
    const keyless = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: folder.join('gone.asc') }];
    const bytes = await policyFile({ default: keyless, transports: {} });
    const { failed, cause } = await look({ policy: { file: 'policy.json', bytes } });
    expect(failed).toEqual(['key']);
    expect(cause).toContain('cannot be read');
  });

  it('finds a key file of the node in which no key is', async () => {
    await writeFile(folder.join('empty.asc'), 'no key at all');
    const keyless = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: folder.join('empty.asc') }];
    const bytes = await policyFile({ default: keyless, transports: {} });
    const { failed, cause, findings, mend } = await look({ policy: { file: 'policy.json', bytes } });
    expect(failed).toEqual(['key']);
    expect(cause).toContain('cannot be read');
    expect(JSON.stringify(findings)).toContain('no public key is in');
    expect(mend).toContain('countersign keys show');
  });

  it('takes of a private key on the node what readers take, and finds what is wrong besides', async () => {
    await writeFile(folder.join('private.asc'), site.signer.privateKey);
    const key = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: folder.join('private.asc') }];
    const policy = { file: 'policy.json', bytes: await policyFile({ default: key, transports: {} }) };
    expect(await look({ policy })).toMatchObject({ failed: [], pullable: true });
    site.registry.add('acme/web', site.image, '2');
    const asked = `${site.registry.host}/acme/web:2`;
    expect(await look({ policy, asked })).toMatchObject({ failed: ['identity'], pullable: false });
  });

  it('finds a kind of key that no reader evaluates', async () => {
    const alien = [{ type: 'signedBy', keyType: 'X509Certificates', keyPath: site.keyFile }];
    const bytes = await policyFile({ default: alien, transports: {} });
    const { failed, cause, pullable, mend } = await look({ policy: { file: 'policy.json', bytes } });
    expect({ failed, pullable }).toEqual({ failed: ['policy'], pullable: false });
    expect(cause).toContain('policy.json refuses it');
    expect(mend).toBe(`countersign trust explain ${site.reference} --policy policy.json`);
  });

  it('finds a registries.d that readers refuse', async () => {
    await mkdir(folder.join('d'));
    await writeFile(folder.join('d/a.yaml'), 'docker: [');
    const { failed, cause } = await look({ registriesD: folder.join('d') });
    expect(failed).toEqual(['store']);
    expect(cause).toContain('a.yaml');
  });

  it('finds a registries.d that names no store, or another one', async () => {
    await mkdir(folder.join('d'));
    const { failed, cause } = await look({ registriesD: folder.join('d') });
    expect(failed).toEqual(['store']);
    expect(cause).toContain('names no signature store');
    await writeFile(folder.join('d/a.yaml'), `default-docker: { lookaside: ${site.replica.url}/images }`);
    const other = await look({ registriesD: folder.join('d') });
    expect(other.pullable).toBe(true);
    expect(other.findings).toContainEqual(expect.objectContaining({ step: 'store', status: 'warn' }));
  });
});

describe('what is wrong with the signature servers', () => {
  it('finds a store that answers 500', async () => {
    site.store.all = { status: 500, body: 'no' };
    const { failed, cause, findings } = await look();
    expect(failed).toEqual(['store']);
    expect(cause).toContain('cannot be read: status 500');
    expect(findings.filter(({ status }) => status === 'fail')).toHaveLength(1);
  });

  it('finds a store that answers everything with a web page', async () => {
    site.store.all = { status: 200, body: '<!DOCTYPE html><title>Welcome</title>', type: 'text/html' };
    const { failed, cause } = await look();
    expect(failed).toEqual(['store']);
    expect(cause).toContain('what is served as signature-1 is a web page');
  });

  it('finds a store that is down', async () => {
    const environment = { servedAt: `http://127.0.0.1:${await closedPort()}/images`, replicas: undefined } as never;
    const { failed, cause } = await look({ environment });
    expect(failed).toEqual(['store']);
    expect(cause).toContain('no answer');
  });

  it('finds a gap in the numbers', async () => {
    await site.sign();
    for (const { digest } of site.image.manifests) {
      const blob = site.store.files.get(signaturePath('acme/web', digest, 1))!;
      site.store.files.delete(signaturePath('acme/web', digest, 1));
      site.put(digest, 2, blob.body);
    }
    const { failed, cause, mend } = await look();
    expect(failed[0]).toBe('store');
    expect(cause).toContain('signature-1 is missing and signature-2 is there');
    expect(mend).toContain('git mv');
  });

  it('finds more signatures than readers take', async () => {
    await site.sign();
    for (const { digest } of site.image.manifests) {
      const { body } = site.store.files.get(signaturePath('acme/web', digest, 1))!;
      for (let number = 2; number <= 128; number++) site.put(digest, number, body);
    }
    const { failed, cause } = await look();
    expect(failed).toEqual(['store']);
    expect(cause).toContain('readers refuse more than 127');
  });

  it('finds a replica that is stale', async () => {
    await site.sign();
    site.replica.files.clear();
    const { failed, cause, mend } = await look();
    expect(failed).toEqual(['replica']);
    expect(cause).toContain(`the replica ${site.replica.address} serves other signatures than the common address`);
    expect(mend).toContain('restart the replica');
  });

  it('finds a replica that is down', async () => {
    await site.sign();
    await site.replica.close();
    const { failed, cause } = await look();
    expect(failed).toEqual(['replica']);
    expect(cause).toContain(`the replica ${site.replica.address} does not answer`);
    site = await startInstallation(folder.join('prod.asc'));
  });
});
