import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readServiceReplicas } from '../../../activities/signature-server/index.ts';
import type { ServiceEndpoints } from '../../../activities/signature-server/index.ts';
import { createCertificates } from '../../support/certificates.ts';
import { KubernetesApiServer, TOKEN } from '../../support/kubernetes-api.ts';
import type { EndpointSlice } from '../../support/kubernetes-api.ts';
import { useTempFolder } from '../../support/temp-folder.ts';

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

const folder = useTempFolder();
let server: KubernetesApiServer;
beforeEach(async () => {
  server = await KubernetesApiServer.start({ page: 2 });
});
afterEach(() => server.stop());

const SERVICE: ServiceEndpoints = { namespace: 'signatures', service: 'web' };

function read(fields: Partial<ServiceEndpoints> = {}, { token = TOKEN, timeout = 5_000 } = {}) {
  const access = { api: server.url, readToken: () => Promise.resolve(token) };
  return readServiceReplicas(access, { ...SERVICE, ...fields }, { requestTimeoutMs: timeout });
}

function slice(endpoints: readonly Endpoint[], fields: Partial<EndpointSlice> = {}): EndpointSlice {
  const labels = { 'kubernetes.io/service-name': 'web' };
  return {
    addressType: 'IPv4',
    metadata: { labels },
    endpoints: [...endpoints],
    ports: [{ name: 'http', port: 8080 }],
    ...fields,
  };
}

function endpoint(address: string, conditions: Endpoint['conditions'] = { ready: true }): Endpoint {
  return { addresses: [address], conditions, targetRef: { kind: 'Pod', name: `web-${address.split('.').at(-1)}` } };
}

describe('readServiceReplicas', () => {
  it('finds every ready address in all slices and pages, with its pod', async () => {
    server.slices = ['10.0.0.3', '10.0.0.1', '10.0.0.2'].map((address) => slice([endpoint(address)]));
    expect(await read()).toEqual([
      { address: '10.0.0.1:8080', pod: 'web-1' },
      { address: '10.0.0.2:8080', pod: 'web-2' },
      { address: '10.0.0.3:8080', pod: 'web-3' },
    ]);
    expect(server.requests).toHaveLength(2);
    expect(server.requests[0]).toContain('labelSelector=kubernetes.io%2Fservice-name%3Dweb');
  });

  it('asks anew each time', async () => {
    server.slices = [slice([endpoint('10.0.0.1')])];
    await read();
    server.slices = [slice([endpoint('10.0.0.2')])];
    expect(await read()).toEqual([{ address: '10.0.0.2:8080', pod: 'web-2' }]);
  });

  it('leaves out what is not ready or terminating, and takes what is not known for ready', async () => {
    server.slices = [
      slice([
        endpoint('10.0.0.1', { ready: false, serving: true, terminating: true }),
        endpoint('10.0.0.2', { ready: false }),
        endpoint('10.0.0.3', {}),
      ]),
    ];
    expect((await read()).map(({ address }) => address)).toEqual(['10.0.0.3:8080']);
  });

  it('takes both families of a dual-stack Service, and an address that stands in two slices once', async () => {
    const six = { ...endpoint('fd00::1'), targetRef: { kind: 'Pod', name: 'web-1' } };
    server.slices = [
      slice([endpoint('10.0.0.1')]),
      slice([endpoint('10.0.0.1')]),
      slice([six], { addressType: 'IPv6' }),
    ];
    expect((await read({ scheme: 'http' })).map(({ address, scheme }) => [address, scheme])).toEqual([
      ['10.0.0.1:8080', 'http'],
      ['[fd00::1]:8080', 'http'],
    ]);
  });

  it.each([
    ['no slice', [], 'received no endpoint at all'],
    ['a slice without endpoints', [slice([])], 'received no endpoint at all'],
    ['a slice with null', [slice([], { endpoints: null as unknown as [] })], 'received no endpoint at all'],
    [
      'none that is ready',
      [slice([endpoint('10.0.0.1', { ready: false, terminating: true }), endpoint('10.0.0.2', { ready: false })])],
      'received 2 endpoints that are not ready, 1 of them terminating',
    ],
  ])('does not pass where there is %s', async (_, slices, message) => {
    server.slices = slices;
    await expect(read()).rejects.toMatchObject({
      code: 'not-served',
      message: expect.stringContaining(message) as string,
    });
  });

  it('wants to be told the port where the pods have several, and refuses one that they do not have', async () => {
    const ports = [{ port: 8080 }, { port: 9090 }];
    server.slices = [slice([endpoint('10.0.0.1')], { ports })];
    expect(await read({ port: 9090 })).toMatchObject([{ address: '10.0.0.1:9090' }]);
    await expect(read()).rejects.toThrow('have the ports 8080, 9090; expected exactly one, or port');
    await expect(read({ port: 80 })).rejects.toMatchObject({ code: 'configuration-invalid' });
  });

  it.each([
    [
      403,
      'add {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list]} to a Role',
      'configuration-invalid',
    ],
    [404, 'correct its name, the namespace or the api', 'configuration-invalid'],
    [500, 'received status 500: "because"', 'not-served'],
    [429, 'received status 429', 'not-served'],
  ])('says what status %i means', async (status, message, code) => {
    server.interfere = () => ({ status, body: JSON.stringify({ kind: 'Status', message: 'because' }) });
    await expect(read()).rejects.toMatchObject({ code, status, message: expect.stringContaining(message) as string });
  });

  it('says that a token is not accepted, and never shows it', async () => {
    const error = await read({}, { token: 'another' }).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: 'configuration-invalid', status: 401 });
    expect((error as Error).message).toContain('the token is not accepted');
    expect((error as Error).message).not.toContain('another');
  });

  it('gives up on an API that does not answer, and on one that is not there', async () => {
    server.silent = true;
    await expect(read({}, { timeout: 200 })).rejects.toThrow('no complete answer within 200 ms');
    const access = { api: 'http://127.0.0.1:1', readToken: () => Promise.resolve(TOKEN) };
    await expect(readServiceReplicas(access, SERVICE)).rejects.toMatchObject({ code: 'not-served' });
  });

  it.each(['<html>', '{}', '{"items":null}'])('takes %j for no answer of a Kubernetes API', async (body) => {
    server.interfere = () => ({ status: 200, body });
    await expect(read()).rejects.toMatchObject({
      code: 'not-served',
      message: expect.stringContaining('received status 200 with something else; is the api right') as string,
    });
  });

  it('follows no redirect, which could take the token elsewhere', async () => {
    server.interfere = () => ({ status: 302, body: '', location: `${server.url}/elsewhere` });
    await expect(read()).rejects.toMatchObject({ code: 'configuration-invalid', status: 302 });
    expect(server.requests).toHaveLength(1);
  });

  it('trusts the authority of the cluster and no other', async () => {
    const { ca, server: tls } = await createCertificates(folder.path);
    const secured = await KubernetesApiServer.start({ tls });
    try {
      secured.slices = [slice([endpoint('10.0.0.1')])];
      const access = { api: secured.url, readToken: () => Promise.resolve(TOKEN) };
      expect(await readServiceReplicas({ ...access, ca }, SERVICE)).toHaveLength(1);
      await expect(readServiceReplicas(access, SERVICE)).rejects.toMatchObject({
        code: 'configuration-invalid',
        message: expect.stringContaining('give the certificate of its authority') as string,
      });
    } finally {
      await secured.stop();
    }
  });
});
