import { describe, expect, it } from 'vitest';
import { Connections } from '../../../activities/oci/connections.ts';
import type { Destination } from '../../../activities/oci/connections.ts';
import { endpointOf } from '../../../activities/oci/registry-endpoint.ts';
import type { RegistryHosts } from '../../../activities/oci/registry-endpoint.ts';

describe('endpointOf', () => {
  const hosts: RegistryHosts = {
    'plain.example.com:5000': { plainHttp: true },
    '127.0.0.1:5001': { plainHttp: false },
    '127.0.0.1:5002': { ca: 'pem' },
    '127.0.0.1:5003': { clientCertificate: 'pem', clientKey: 'pem' },
  };

  it.each([
    ['plain.example.com:5000', 'http://plain.example.com:5000'],
    ['plain.example.com', 'https://plain.example.com'],
    ['plain.example.com:5001', 'https://plain.example.com:5001'],
    ['sub.plain.example.com:5000', 'https://sub.plain.example.com:5000'],
    ['10.0.0.1:5000', 'https://10.0.0.1:5000'],
    ['127.0.0.1.example.com', 'https://127.0.0.1.example.com'],
    ['127.0.0.1:5000', 'http://127.0.0.1:5000'],
    ['localhost:5000', 'http://localhost:5000'],
    ['127.0.0.1:5001', 'https://127.0.0.1:5001'],
    ['127.0.0.1:5002', 'https://127.0.0.1:5002'],
    ['127.0.0.1:5003', 'https://127.0.0.1:5003'],
    ['docker.io', 'https://registry-1.docker.io'],
  ])('reaches %s at %s', (domain, origin) => {
    expect(endpointOf({ domain }, hosts).origin).toBe(origin);
  });

  it('has no plain http for every host at once, and none on this machine beside certificates for every host', () => {
    expect(endpointOf({ domain: 'r.example.com' }, { '*': { plainHttp: true } }).origin).toBe('https://r.example.com');
    expect(endpointOf({ domain: '127.0.0.1:5000' }, { '*': { ca: 'pem' } }).origin).toBe('https://127.0.0.1:5000');
  });
});

describe('Connections', () => {
  const hosts: RegistryHosts = { 'r.example.com': {}, 'localhost:9': { plainHttp: true } };
  const connections = new Connections({ hosts, timeoutMs: 100, proxy: { https: 'proxy.example.com:3128' } });
  const to = (url: string, address: Destination['address']): Destination => ({
    url: new URL(url),
    address,
    subject: 'read a blob',
  });

  it('guards every address that a server names and nobody configured', () => {
    for (const url of ['http://127.0.0.1:1/', 'https://localhost/', 'http://[::1]/', 'http://169.254.169.254/']) {
      expect(() => connections.socketOptionsFor(to(url, 'named-by-server'))).toThrow('an address of this machine');
      expect(() => connections.dispatcherFor(to(url, 'named-by-server'))).toThrow('an address of this machine');
    }
    expect(connections.socketOptionsFor(to('http://x.example.com/', 'named-by-server'))?.lookup).toBeDefined();
    expect(connections.socketOptionsFor(to('http://x.example.com/', 'configured'))?.lookup).toBeUndefined();
    expect(connections.socketOptionsFor(to('http://localhost:9/', 'named-by-server'))?.lookup).toBeUndefined();
  });

  it('gives the same kind of connection the same options, and none behind a proxy', () => {
    const [one, two] = ['http://a.example.com/', 'http://b.example.com/'].map((url) => to(url, 'named-by-server'));
    expect(connections.socketOptionsFor(one!)).toBe(connections.socketOptionsFor(two!));
    expect(connections.dispatcherFor(one!)).toBe(connections.dispatcherFor(two!));
    expect(connections.socketOptionsFor(to('https://r.example.com/', 'configured'))).toBeUndefined();
    expect(connections.socketOptionsFor(to('https://127.0.0.1:5000/', 'configured'))).toBeDefined();
  });
});
