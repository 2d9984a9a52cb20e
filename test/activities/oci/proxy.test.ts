import { afterEach, describe, expect, it } from 'vitest';
import { proxySettingsOf } from '../../../activities/oci/index.ts';
import { ProxyRules } from '../../../activities/oci/proxy.ts';
import { startProxyServer } from '../../support/proxy-server.ts';
import type { ProxyServer, ProxyServerOptions } from '../../support/proxy-server.ts';
import { buildSampleImage } from '../../support/sample-image.ts';
import { failureOf, openClient, reference, startRegistry } from './fixture.ts';

describe('proxySettingsOf', () => {
  it.each([
    [{}, {}],
    [{ HTTPS_PROXY: 'a', https_proxy: 'b' }, { https: 'a' }],
    [{ HTTPS_PROXY: '', https_proxy: 'b' }, { https: 'b' }],
    [{ HTTP_PROXY: 'a' }, { http: 'a' }],
    [{ HTTP_PROXY: 'forged', REQUEST_METHOD: 'GET' }, {}],
    [{ HTTP_PROXY: 'forged', http_proxy: 'b', REQUEST_METHOD: 'GET' }, { http: 'b' }],
    [{ HTTPS_PROXY: 'a', REQUEST_METHOD: 'GET' }, { https: 'a' }],
    [{ no_proxy: ' x ', ALL_PROXY: 'c' }, { except: 'x' }],
  ])('reads %j as %j', (environment, expected) => {
    expect(proxySettingsOf(environment)).toEqual(expected);
  });
});

describe('ProxyRules', () => {
  const goesBy = (url: string, except = ''): boolean =>
    new ProxyRules({ http: 'proxy:1', https: 'proxy:2', except }).proxyFor(new URL(url)) !== undefined;

  it.each([
    'http://localhost/',
    'https://localhost:5000/',
    'https://x.localhost/',
    'https://127.0.0.1/',
    'https://127.8.9.1:5000/',
    'https://[::1]/',
  ])('never has one for %s', (url) => {
    expect(goesBy(url)).toBe(false);
  });

  it.each([
    ['example.com', 'https://example.com/', false],
    ['example.com', 'https://registry.example.com/', false],
    ['example.com', 'https://notexample.com/', true],
    ['EXAMPLE.com', 'https://registry.Example.COM/', false],
    ['.example.com', 'https://registry.example.com/', false],
    ['.example.com', 'https://example.com/', true],
    ['*.example.com', 'https://registry.example.com/', false],
    ['*.example.com', 'https://example.com/', true],
    ['example.com:5000', 'https://example.com:5000/', false],
    ['example.com:5000', 'https://example.com/', true],
    ['example.com:443', 'https://example.com/', false],
    ['example.com:80', 'http://example.com/', false],
    ['10.0.0.1', 'https://10.0.0.1:5000/', false],
    ['10.0.0.1:5000', 'https://10.0.0.1:5001/', true],
    ['10.0.0.0/8', 'https://10.200.0.1/', false],
    ['10.0.0.0/8', 'https://11.0.0.1/', true],
    ['10.0.0.0/8', 'https://10.example.com/', true],
    ['10.0.0.0/99', 'https://10.0.0.1/', true],
    ['fd00::/8', 'https://[fd00::1]/', false],
    ['fd00::1', 'https://[fd00::1]/', false],
    ['[fd00::1]:5000', 'https://[fd00::1]:5000/', false],
    ['[fd00::1]:5000', 'https://[fd00::1]/', true],
    ['a.com, b.com ,c.com', 'https://b.com/', false],
    ['a.com b.com', 'https://b.com/', false],
    ['*', 'https://anything.example/', false],
    [' , :80, ., ', 'https://example.com/', true],
  ])('with NO_PROXY=%s has one for %s: %j', (except, url, expected) => {
    expect(goesBy(url, except)).toBe(expected);
  });

  it.each([
    ['proxy.example.com:3128', { origin: 'http://proxy.example.com:3128' }],
    ['https://proxy.example.com', { origin: 'https://proxy.example.com' }],
    [
      'http://us%40er:p%3Aw@proxy.example.com',
      {
        origin: 'http://proxy.example.com',
        authorization: `Basic ${Buffer.from('us@er:p:w').toString('base64')}`,
      },
    ],
  ])('reads %s', (https, expected) => {
    expect(new ProxyRules({ https }).proxyFor(new URL('https://example.com/'))).toEqual(expected);
  });

  it.each(['socks5://u:canary@p:1', 'http://u:can ary@', 'http://u:%canary@p', 'ftp://canary', 'http://'])(
    'refuses %j and shows nothing of it',
    (https) => {
      let failure: unknown;
      try {
        new ProxyRules({ https }).proxyFor(new URL('https://example.com/'));
      } catch (error) {
        failure = error;
      }
      expect(failure).toMatchObject({ code: 'configuration-invalid' });
      expect((failure as Error).message).toMatch(/^the proxy in HTTPS_PROXY has no address/);
      expect((failure as Error).message).not.toContain('ary');
    },
  );
});

const proxies: ProxyServer[] = [];

afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
});

async function startProxy(options: ProxyServerOptions): Promise<ProxyServer> {
  const proxy = await startProxyServer(options);
  proxies.push(proxy);
  return proxy;
}

const HOST = 'registry.example.test';
const hosts = { [HOST]: { plainHttp: true } } as const;
const wanted = reference({ host: HOST }, 'dev/web:1.0');

describe('a registry behind a proxy', () => {
  it('without TLS is reached by the proxy, with its credential, and named nowhere to it but as host', async () => {
    const registry = await startRegistry();
    const image = await buildSampleImage({ layerBytes: 100 });
    registry.add('dev/web', image, '1.0');
    const proxy = await startProxy({
      routes: { [HOST]: Number(registry.host.split(':')[1]) },
      credential: 'me:s3cret',
    });
    const client = openClient({ hosts, proxy: { http: `http://me:s3cret@${proxy.host}` } });
    expect(await client.resolve(wanted)).toBe(image.digest);
    expect(proxy.requests).toEqual([`GET http://${HOST}/v2/dev/web/manifests/1.0`]);
    expect(registry.requests[0]?.headers.host).toBe(HOST);
  });

  it('is asked for through a tunnel where it has TLS', async () => {
    const proxy = await startProxy({ routes: {} });
    const client = openClient({ proxy: { https: `http://me:s3cret@${proxy.host}` } });
    const failure = await failureOf(client.resolve(wanted));
    expect(failure).toMatchObject({ code: 'registry-unavailable' });
    expect(failure.message).toContain('the proxy refused a tunnel with status 502');
    expect(proxy.requests[0]).toBe(`CONNECT ${HOST}:443`);
  });

  it('is not there where the proxy denies us, which is said without the password', async () => {
    const proxy = await startProxy({ routes: {}, credential: 'me:s3cret' });
    for (const proxyOptions of [
      { https: `http://me:wr0ng@${proxy.host}` },
      { http: `http://me:wr0ng@${proxy.host}` },
    ]) {
      const client = openClient({ proxy: proxyOptions, hosts: 'http' in proxyOptions ? hosts : {} });
      const failure = await failureOf(client.resolve(wanted));
      expect([failure.code, failure.message]).toMatchObject(['configuration-invalid', /./]);
      expect(failure.message).toMatch(
        /the proxy wants other credentials than it gets|check the credentials for the proxy/,
      );
      expect(failure.message).not.toMatch(/wr0ng|bWU6/);
    }
  });

  it('is given up where the proxy says nothing', async () => {
    const proxy = await startProxy({ routes: {}, isSilent: true });
    const client = openClient({ proxy: { https: `http://${proxy.host}` }, timeoutMs: 100 });
    expect(await failureOf(client.resolve(wanted))).toMatchObject({ code: 'registry-unavailable' });
  });

  it('on this machine is reached without it', async () => {
    const registry = await startRegistry();
    const proxy = await startProxy({ routes: {} });
    const client = openClient({ proxy: { http: `http://${proxy.host}`, https: `http://${proxy.host}` } });
    expect(await client.resolve(reference(registry, 'dev/web:1.0'))).toBeUndefined();
    expect(proxy.requests).toEqual([]);
  });

  it('sends nobody to this machine by the proxy', async () => {
    const registry = await startRegistry();
    registry.on(/./, ({ reply }) => reply(307, { location: 'http://169.254.169.254/latest/meta-data/' }));
    const proxy = await startProxy({
      routes: { [HOST]: Number(registry.host.split(':')[1]), '169.254.169.254': Number(registry.host.split(':')[1]) },
    });
    const client = openClient({ hosts, proxy: { http: `http://${proxy.host}` } });
    expect(await failureOf(client.resolve(wanted))).toMatchObject({ code: 'registry-refused' });
    expect(proxy.requests).toHaveLength(1);
  });
});
