import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { startProcess, waitUntil } from '../support/parts/index.mjs';
import type { RunningProcess } from '../support/parts/index.mjs';
import { tagOf } from '../support/registry-push.ts';
import { COUNTERSIGN, NAMESPACE, startSite } from '../support/site.ts';
import type { Site } from '../support/site.ts';

let site: Site;
let folder: string;
let up: RunningProcess;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cs-up-'));
  site = await startSite({ folder, keyType: 'ed25519', gates: { dev: 'none', qa: 'none', prod: 'none' } });
  // Its Temporal makes way for the one that `up` brings.
  await site.temporal.stop();
  up = await startUp();
});

afterAll(async () => {
  await up.stop();
  await site.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('countersign up', () => {
  it('runs Temporal and a process per environment, and carries an image to prod', async () => {
    const image = await site.push('shop/web', '1', { layerBytes: 1024 });
    const { code, stderr } = await site.run('start', 'shop/web:1', '--to', 'prod', '--wait');
    expect(stderr + String(code)).toMatch(/0$/);
    expect(await tagOf(site.environment('prod').registry, `${NAMESPACE}/shop/web`, '1')).toBe(image.digest);
  });

  it('starts a worker that was killed again', async () => {
    const [pid] = await workerPids('prod');
    process.kill(pid!, 'SIGKILL');
    await waitUntil(() => /prod ended .* started again/.test(up.output()), { what: 'the restart' });
    await waitUntil(async () => (await workerPids('prod')).some((other) => other !== pid), {
      what: 'another worker of prod',
    });
  });

  it('remembers after a restart, and leaves no process behind', async () => {
    await up.stop(30_000);
    expect(await workerPids('prod')).toEqual([]);
    up = await startUp();
    const { stdout } = await site.run('list', '--all', '--output', 'json');
    expect(stdout).toContain('shop/web');
    expect((await site.run('status', 'shop/web:1')).code).toBe(0);
  });
});

async function startUp(): Promise<RunningProcess> {
  const args = [COUNTERSIGN, '--config', site.configurationFile, 'up'];
  const started = await startProcess(process.execPath, args, { name: 'countersign up' });
  const polls = (): number => started.output().match(/polls"/g)?.length ?? 0;
  await waitUntil(() => polls() >= 4, { what: `four workers: ${started.output()}`, timeoutMs: 60_000 });
  return started;
}

async function workerPids(environment: string): Promise<readonly number[]> {
  const { stdout } = await runCommand('ps', ['-eo', 'pid,args']);
  const lines = stdout
    .split('\n')
    .filter((line) => line.includes(site.configurationFile) && line.includes(`worker --environment ${environment}`));
  return lines.map((line) => Number(line.trim().split(' ')[0]));
}
