import { describe, expect, it } from 'vitest';
import { serveHealth } from '../../worker/health.ts';

async function statusOf(address: string, path: string): Promise<number> {
  return (await fetch(`http://${address}${path}`)).status;
}

describe('serveHealth', () => {
  it('lives while it answers, and is ready while it polls', async () => {
    let ready = false;
    const { address, close } = await serveHealth('127.0.0.1:0', () => ready);
    try {
      expect([await statusOf(address, '/healthz'), await statusOf(address, '/readyz')]).toEqual([200, 503]);
      ready = true;
      expect(await statusOf(address, '/readyz')).toBe(200);
      expect(await statusOf(address, '/metrics')).toBe(404);
    } finally {
      await close();
    }
    await expect(statusOf(address, '/healthz')).rejects.toThrow();
  });

  it.each(['8081', '0.0.0.0', '127.0.0.1:0x1'])('refuses to listen at %j', async (address) => {
    await expect(serveHealth(address, () => true)).rejects.toMatchObject({ code: 'configuration-invalid' });
  });
});
