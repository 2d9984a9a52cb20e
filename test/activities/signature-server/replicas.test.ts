import { describe, expect, it } from 'vitest';
import { resolveReplicas, SignatureServerError } from '../../../activities/signature-server/index.ts';

describe('resolveReplicas', () => {
  const lookupAll = (...addresses: readonly string[]) => ({ lookupAll: () => Promise.resolve(addresses) });

  it('finds none where none are configured', async () => {
    expect(await resolveReplicas({})).toEqual([]);
  });

  it('takes addresses, each once, with the scheme where one is written', async () => {
    const addresses = ['10.0.0.2:8080', '10.0.0.1:8080', '10.0.0.2:8080', 'http://web-0.web:80', '[2001:db8::1]:8443'];
    expect(await resolveReplicas({ addresses })).toEqual([
      { address: '10.0.0.1:8080' },
      { address: '10.0.0.2:8080' },
      { address: '[2001:db8::1]:8443' },
      { address: 'web-0.web:80', scheme: 'http' },
    ]);
  });

  it('takes every address that a name has', async () => {
    const call = lookupAll('10.0.0.2', '2001:db8::1', '10.0.0.1');
    expect(await resolveReplicas({ dns: 'http://signatures.web.svc:8080' }, call)).toEqual([
      { address: '10.0.0.1:8080', scheme: 'http' },
      { address: '10.0.0.2:8080', scheme: 'http' },
      { address: '[2001:db8::1]:8080', scheme: 'http' },
    ]);
  });

  it('asks the system’s resolver by default', async () => {
    const replicas = await resolveReplicas({ dns: 'localhost:8080' });
    expect(replicas.every(({ address }) => ['127.0.0.1:8080', '[::1]:8080'].includes(address))).toBe(true);
    expect(replicas).not.toEqual([]);
  });

  it('says that nothing is up where a name has no address', async () => {
    const failing = { lookupAll: () => Promise.reject(new Error('getaddrinfo ENOTFOUND signatures.test')) };
    for (const call of [lookupAll(), failing]) {
      const error = await resolveReplicas({ dns: 'signatures.test:80' }, call).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(SignatureServerError);
      expect(error).toMatchObject({
        code: 'not-served',
        message: expect.stringContaining('signatures.test') as string,
      });
    }
  });

  it('does not wait for a resolver that hangs when it is cancelled', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const hanging = { signal: controller.signal, lookupAll: () => new Promise<never>(() => undefined) };
    const resolving = resolveReplicas({ dns: 'signatures.test:80' }, hanging);
    controller.abort(reason);
    await expect(resolving).rejects.toBe(reason);
  });

  it.each([
    '',
    '10.0.0.1',
    ':80',
    '10.0.0.1:0',
    '10.0.0.1:65536',
    '2001:db8::1:80',
    '[10.0.0.1]:80',
    'a b:80',
    'ftp://a:80',
    'a:80/x',
  ])('refuses the address %j', async (address) => {
    await expect(resolveReplicas({ addresses: [address] })).rejects.toMatchObject({ code: 'configuration-invalid' });
  });
});
