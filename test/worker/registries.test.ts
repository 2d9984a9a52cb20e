import { chmod } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { RegistryClient } from '../../activities/oci/index.ts';
import type { EnvironmentConfiguration, RegistryOptions } from '../../worker/configuration/index.ts';
import { openEnvironmentRegistries, readRegistryHosts } from '../../worker/registries.ts';
import { SecretsError, readSecrets } from '../../worker/secrets/index.ts';
import { parseReference } from '../../workflows/domain/reference.ts';
import { startScriptedRegistry } from '../support/scripted-registry.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { CANARY, CERTIFICATE, KEY, writeSecrets } from './secrets-folder.ts';

const folder = useTempFolder();
const closing: (() => Promise<void>)[] = [];
const CLIENT_KEY = `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----\n`;

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function environment(registries: Record<string, Partial<RegistryOptions>>): EnvironmentConfiguration {
  const entries = Object.entries(registries).map(([host, options]) => [host, { tokenServers: [], ...options }]);
  return { registries: Object.fromEntries(entries) } as unknown as EnvironmentConfiguration;
}

async function refusals(names: readonly string[]): Promise<string[]> {
  const error: unknown = await readSecrets('prod', folder.path, { clientCertificates: names }).catch(
    (one: unknown) => one,
  );
  if (!(error instanceof SecretsError)) throw new Error('expected the secrets to be refused');
  expect(error.message).not.toContain(CANARY);
  return error.problems.map(({ message }) => message);
}

describe('the client certificates of an environment', () => {
  it('are read by the names that the configuration has for them', async () => {
    await writeSecrets(folder.path, { 'signing-key.asc': KEY, 'tls.crt': CERTIFICATE, 'tls.key': CLIENT_KEY });
    await chmod(folder.join('tls.crt'), 0o444);
    const { clientCertificates } = await readSecrets('prod', folder.path, { clientCertificates: ['tls', 'tls'] });
    expect([...clientCertificates.keys()]).toEqual(['tls']);
    expect(clientCertificates.get('tls')?.key.reveal()).toBe(CLIENT_KEY);
    expect(JSON.stringify([...clientCertificates])).not.toContain(CANARY);
  });

  it('must be there, whole, and the key for nobody else to read', async () => {
    await writeSecrets(folder.path, { 'signing-key.asc': KEY });
    expect(await refusals(['tls'])).toEqual([
      expect.stringMatching(/^is missing; expected a certificate that registries are shown/),
      expect.stringMatching(/^is missing; expected the private key of a certificate/),
    ]);
    await writeSecrets(folder.path, { 'tls.crt': CERTIFICATE, 'tls.key': CLIENT_KEY });
    await chmod(folder.join('tls.key'), 0o444);
    expect(await refusals(['tls'])).toEqual([expect.stringMatching(/every user of the machine \(mode 0444\)/)]);
  });

  it.each([
    ['-----BEGIN ENCRYPTED PRIVATE KEY-----\nx', /protected by a passphrase/],
    ['-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nx', /protected by a passphrase/],
    [CERTIFICATE, /holds no private key/],
  ])('have a key that nobody must unlock: %j', async (key, message) => {
    await writeSecrets(folder.path, { 'signing-key.asc': KEY, 'tls.crt': CERTIFICATE, 'tls.key': key });
    expect(await refusals(['tls'])).toEqual([expect.stringMatching(message)]);
  });

  it('are shown by their own environment alone', async () => {
    await writeSecrets(folder.path, { 'signing-key.asc': KEY, 'tls.crt': CERTIFICATE, 'tls.key': CLIENT_KEY });
    const secrets = await readSecrets('prod', folder.path, { clientCertificates: ['tls'] });
    const own = environment({ 'prod.example.com': { clientCertificate: 'tls' } });
    const earlier = environment({
      'qa.example.com': { clientCertificate: 'tls', tokenServers: ['https://auth.example.com'] },
      'prod.example.com': { plainHttp: true },
    });
    expect(await readRegistryHosts([own, earlier], secrets)).toEqual({
      'qa.example.com': { tokenServers: ['https://auth.example.com'] },
      'prod.example.com': {
        tokenServers: [],
        clientCertificate: CERTIFICATE,
        clientKey: CLIENT_KEY,
      },
    });
  });
});

describe('the credentials of an environment', () => {
  const config = (host: string, password: string): string =>
    JSON.stringify({ auths: { [host]: { auth: Buffer.from(`u:${password}`).toString('base64') } } });

  async function open(registryJson: string): Promise<RegistryClient> {
    await writeSecrets(folder.path, { 'signing-key.asc': KEY, 'registry.json': registryJson });
    const client = await openEnvironmentRegistries([environment({})], await readSecrets('prod', folder.path));
    closing.push(client.close);
    return client;
  }

  it('are those that the file holds when they are needed', async () => {
    const registry = await startScriptedRegistry();
    closing.push(registry.stop);
    registry.on(/./, async ({ request, reply, proceed }) => {
      if (request.headers.authorization === `Basic ${Buffer.from('u:new').toString('base64')}`) await proceed();
      else reply(401, { 'www-authenticate': 'Basic realm="x"' });
    });
    const client = await open(config(registry.host, 'old'));
    const look = () => client.resolve(parseReference(`${registry.host}/dev/web:1`));
    await expect(look()).rejects.toMatchObject({ code: 'access-denied' });
    await writeSecrets(folder.path, { 'registry.json': '{"auths":' });
    await expect(look()).rejects.toMatchObject({ code: 'registry-unavailable' });
    await writeSecrets(folder.path, { 'registry.json': config(registry.host, 'new') });
    expect(await look()).toBeUndefined();
  });

  it('must be good when the worker starts', async () => {
    await expect(open('{"auths":{"r.example.com":{"auth":"!"}}}')).rejects.toMatchObject({
      code: 'configuration-invalid',
    });
  });
});
