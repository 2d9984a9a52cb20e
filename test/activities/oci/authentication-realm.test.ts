import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseDockerConfig } from '../../../activities/oci/index.ts';
import type { RegistryCredentials } from '../../../activities/oci/index.ts';
import type { RegistryEndpoint } from '../../../activities/oci/registry-endpoint.ts';
import { judgeRealm } from '../../../activities/oci/token-server.ts';
import type { ScriptedRegistry } from '../../support/scripted-registry.ts';
import { failureOf, openClient, reference, startRegistry } from './fixture.ts';

const https = { domain: 'registry.example.com', origin: 'https://registry.example.com' };
const loopback = { domain: '127.0.0.1:5000', origin: 'http://127.0.0.1:5000' };
const plain = { domain: 'registry.example.com', origin: 'http://registry.example.com' };

function standing(endpoint: RegistryEndpoint, realm: string): string {
  return judgeRealm(endpoint, realm).standing;
}

describe('judgeRealm', () => {
  it.each([
    ...['http://registry.example.com/token', 'http://auth.example.com/token', 'http://127.0.0.1/token'],
    ...['http://169.254.169.254/latest/meta-data/', 'ftp://auth.example.com/', 'file:///etc/passwd', 'data:,x'],
    ...['//auth.example.com/token', '/token', '', 'https://', 'https://user:pw@auth.example.com/token', 'javascript:1'],
    ...['https://user@auth.example.com/', 'HTTP://auth.example.com/', ' http://auth.example.com/', 'unix:/var/run/x'],
    ...['http:\\\\auth.example.com', 'http:auth.example.com', 'http://[::1]/token', 'http://0.0.0.0/', 'gopher://x/'],
    ...[
      'https://registry.example.com@evil.org/',
      'https://:pw@registry.example.com/',
      'blob:https://registry.example.com',
    ],
  ])('refuses %j for a registry behind https', (realm) => {
    expect(() => judgeRealm(https, realm)).toThrow(/expected the https address of a token server/);
  });

  it('refuses http for a registry behind https, though it is configured', () => {
    const endpoint = { ...https, tokenServers: ['http://auth.example.com'] };
    expect(() => judgeRealm(endpoint, 'http://auth.example.com/token')).toThrow(/https address/);
  });

  it.each([
    'http://auth.example.com/',
    'http://0.0.0.0/',
    'http://127.0.0.1.example.com/',
    'http://localhost.evil.org/',
  ])('refuses %j for a registry on this machine', (realm) => {
    expect(() => judgeRealm(loopback, realm)).toThrow(/https address/);
  });

  it.each([
    ['https://registry.example.com/token?x=1'],
    ['https://registry.example.com:8443/token'],
    ['HTTPS://REGISTRY.example.com/token'],
    ['https://registry.example.com:443/token'],
  ])('takes %j for the own token server of a registry on that host', (realm) => {
    expect(standing(https, realm)).toBe('own');
  });

  it.each([
    ['https://auth.example.com/token'],
    ['https://registry.example.com.evil.org/token'],
    ['https://registry.example.com./token'],
    ['https://evilregistry.example.com/token'],
    ['https://example.com/token'],
    ['https://evil.org/registry.example.com'],
    ['https://evil.org\\.registry.example.com/'],
    ['https://evil.org#registry.example.com'],
    ['https://xn--rgistry-m1a.example.com/token'],
    ['https://10.0.0.1/token'],
    ['https://auth.docker.io/token'],
    ['https://gitlab.com/jwt/auth'],
  ])('takes %j for a foreign one', (realm) => {
    expect(standing(https, realm)).toBe('foreign');
  });

  it('takes what is configured for this registry, by its whole origin', () => {
    const endpoint = { ...https, tokenServers: ['https://auth.example.com', 'https://gitlab.example.com:8443/'] };
    expect(standing(endpoint, 'https://auth.example.com/token')).toBe('own');
    expect(standing(endpoint, 'https://gitlab.example.com:8443/jwt/auth')).toBe('own');
    expect(standing(endpoint, 'https://auth.example.com:8443/token')).toBe('foreign');
    expect(standing(endpoint, 'https://gitlab.example.com/jwt/auth')).toBe('foreign');
  });

  it.each([
    ['registry-1.docker.io', 'https://auth.docker.io/token', 'known'],
    ['registry.gitlab.com', 'https://gitlab.com/jwt/auth', 'known'],
    ['registry.connect.redhat.com', 'https://sso.redhat.com/auth/realms/rhc4tp/protocol/docker-v2/auth', 'known'],
    ['registry.digitalocean.com', 'https://api.digitalocean.com/v2/registry/auth', 'known'],
    ['registry.gitlab.com', 'https://auth.docker.io/token', 'foreign'],
    ['registry-1.docker.io.evil.org', 'https://auth.docker.io/token', 'foreign'],
    ['registry-1.docker.io', 'https://auth.docker.io:8443/token', 'foreign'],
  ])('takes for %s the server at %s as %s', (host, realm, expected) => {
    expect(standing({ domain: host, origin: `https://${host}` }, realm)).toBe(expected);
  });

  it('lets a registry in clear have its own origin, https, or what is configured in clear', () => {
    expect(standing(plain, 'http://registry.example.com/token')).toBe('own');
    expect(standing(plain, 'https://registry.example.com/token')).toBe('own');
    expect(() => judgeRealm(plain, 'http://registry.example.com:81/token')).toThrow(/https address/);
    const endpoint = { ...plain, tokenServers: ['http://auth.example.com'] };
    expect(standing(endpoint, 'http://auth.example.com/token')).toBe('own');
  });

  it('names the setting for a token server beside a registry on this machine', () => {
    expect(() => judgeRealm(loopback, 'http://127.0.0.1:5001/token')).toThrow(
      'add http://127.0.0.1:5001 to tokenServers of 127.0.0.1:5000 below registries in the configuration, or give --token-server 127.0.0.1:5000=http://127.0.0.1:5001',
    );
    expect(standing({ ...loopback, tokenServers: ['http://127.0.0.1:5001'] }, 'http://127.0.0.1:5001/t')).toBe('own');
  });
});

const CANARY = 'canary-8d1f';
const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** Counts who comes by, whatever they speak. */
async function startTrap(): Promise<{ readonly port: number; readonly visits: string[] }> {
  const visits: string[] = [];
  const server = createServer((socket) => {
    const visit = visits.push('') - 1;
    socket
      .on('error', () => undefined)
      .on('data', (bytes) => {
        visits[visit] = `${visits[visit]}${bytes.toString('latin1')}`;
      });
    socket.setTimeout(5, () => socket.destroy());
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, visits };
}

function login({ host }: ScriptedRegistry, entry: Record<string, string> = {}): RegistryCredentials {
  const auth = Buffer.from(`user:${CANARY}`).toString('base64');
  return parseDockerConfig(JSON.stringify({ auths: { [host]: { auth, ...entry } } }), 'registry.json');
}

describe('a hostile realm', () => {
  it.each([{ kind: 'a password' }, { kind: 'an identity token', entry: { identitytoken: CANARY } }])(
    'gets no visit from who has $kind',
    async ({ entry }) => {
      const [registry, trap] = [await startRegistry(), await startTrap()];
      const hosts = ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '0.0.0.0', '127.1', '2130706433', 'x.localhost'];
      const realms = hosts.flatMap((host) => [`http://${host}:${trap.port}/t`, `https://${host}:${trap.port}/t`]);
      for (const realm of [...realms, `//127.0.0.1:${trap.port}/`, `https://u:p@127.0.0.1:${trap.port}/`]) {
        registry.on(/./, ({ reply }) => reply(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"` }));
        const client = openClient({ credentials: login(registry, entry) });
        const failure = await failureOf(client.resolve(reference(registry, 'dev/web:1')));
        // The own host on another port may be the registry's token server, behind TLS.
        const isOwn = /^https:\/\/(127\.0\.0\.1|127\.1|2130706433):/.test(realm);
        if (isOwn) expect(failure.code, realm).toMatch(/configuration-invalid|registry-unavailable/);
        else expect(failure.code, realm).toMatch(/configuration-invalid|registry-refused/);
        expect(failure.message).not.toContain(CANARY);
      }
      expect(trap.visits.every((bytes) => bytes === '' || bytes.startsWith('\x16\x03'))).toBe(true);
      expect(trap.visits.join()).not.toMatch(/canary|Basic |HTTP\//);
    },
  );

  it('leaves the password to the registry where that takes it by itself too', async () => {
    const registry = await startRegistry();
    registry.on(/./, async ({ request, reply, proceed }) => {
      if (request.headers.authorization?.startsWith('Basic ') === true) await proceed();
      else reply(401, { 'www-authenticate': ['Bearer realm="https://auth.example.com/t"', 'Basic realm="x"'] });
    });
    const client = openClient({ credentials: login(registry) });
    expect(await client.resolve(reference(registry, 'dev/web:1'))).toBeUndefined();
  });

  it('is told to the operator with registry, origin and setting', async () => {
    const registry = await startRegistry();
    registry.on(/./, ({ reply }) =>
      reply(401, { 'www-authenticate': 'Bearer realm="https://auth.example.com/t?q=1"' }),
    );
    const failure = await failureOf(
      openClient({ credentials: login(registry) }).resolve(reference(registry, 'dev/web:1')),
    );
    expect(failure).toMatchObject({ code: 'configuration-invalid' });
    expect(failure.message).toContain(
      `authenticate to ${registry.host}: it names https://auth.example.com as its token server, which gets no credential unless configured`,
    );
    expect(failure.message).toContain(`--token-server ${registry.host}=https://auth.example.com`);
  });

  it('on this machine gets no visit for an anonymous token either', async () => {
    const [registry, trap] = [await startRegistry(), await startTrap()];
    registry.on(/./, ({ reply }) =>
      reply(401, { 'www-authenticate': `Bearer realm="https://localhost:${trap.port}/t"` }),
    );
    const failure = await failureOf(openClient().resolve(reference(registry, 'dev/web:1')));
    expect(failure).toMatchObject({ code: 'registry-refused' });
    expect(failure.message).toContain('an address of this machine');
    expect(trap.visits).toEqual([]);
  });
});
