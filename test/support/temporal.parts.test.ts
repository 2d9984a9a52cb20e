import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startTemporal } from './parts/index.mjs';
import type { TemporalServer } from './parts/index.mjs';
import { useTempFolder } from './temp-folder.ts';

const folder = useTempFolder();

describe('startTemporal', () => {
  it('starts a server that answers, with its web page', async () => {
    const server = await startTemporal({ uiPort: true });
    try {
      expect(await temporal(server, 'workflow', 'list')).toBe('');
      expect((await fetch(server.uiAddress ?? '')).status).toBe(200);
    } finally {
      await server.stop();
    }
  });

  it('comes back on the same port with the same database after it was killed', async () => {
    const server = await startTemporal({ databaseFile: folder.join('temporal.db'), namespace: 'chain' });
    try {
      await temporal(server, 'workflow', 'start', '--type', 'none', '--task-queue', 'none', '--workflow-id', 'kept');
      const { address, pid } = server;
      await server.kill();
      await server.restart();
      expect(server.pid).not.toBe(pid);
      expect(server.address).toBe(address);
      expect(await temporal(server, 'workflow', 'describe', '--workflow-id', 'kept')).toContain('kept');
    } finally {
      await server.stop();
    }
  });
});

async function temporal(server: TemporalServer, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(server.program, [
    ...args,
    ...['--address', server.address, '--namespace', server.namespace],
  ]);
  return stdout;
}
