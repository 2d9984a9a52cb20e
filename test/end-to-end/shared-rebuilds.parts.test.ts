/**
 * Many promotions that need the same build, with real workers that are killed in the middle of it. The Build API is a strict
 * stand-in, which remembers every build it was asked for.
 */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOKEN } from '../support/loopback-api.ts';
import { OpenshiftBuildServer } from '../support/openshift-builds.ts';
import { waitUntil } from '../support/parts/index.mjs';
import { startSite } from '../support/site.ts';
import type { Site } from '../support/site.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import * as disturb from './disturb.ts';
import { SMALL, start, until, untilReleased } from './promote.ts';

const folder = useTempFolder({ per: 'suite' });
let site: Site;
let api: OpenshiftBuildServer;

beforeAll(async () => {
  api = await new OpenshiftBuildServer().listen();
  const rebuild = { openshiftBuild: { api: api.url, namespace: 'signatures', buildConfig: 'web' } };
  site = await startSite({ folder: folder.path, route: ['dev'], keyType: 'ed25519', overrides: { dev: { rebuild } } });
  await writeFile(`${site.environment('dev').secrets}/token`, `${TOKEN}\n`, { mode: 0o600 });
  await site.startWorkers();
});

afterAll(async () => {
  await site.stop();
  await api.stop();
});

/** The image that the build makes serves what was published when it began. */
async function complete(): Promise<void> {
  await site.environment('dev').signatureServer.process.stop();
  await disturb.startServerAgain(site, 'dev');
  api.phases = [{ phase: 'Complete' }];
}

async function killAndStart(name: string): Promise<void> {
  await site.workers.get(name)!.kill();
  await site.startWorkers(name);
}

async function begin(name: string): Promise<string> {
  await site.push(name, '1', SMALL);
  return (await start(site, `${name}:1`, 'dev')).id;
}

describe('promotions that share a build', () => {
  it('make two for six of them, whoever is killed in the middle', { timeout: 400_000 }, async () => {
    api.phases = [{ phase: 'Running' }];
    const ids = [await begin('first')];
    await waitUntil(() => api.builds.length === 1, { what: 'the first build', timeoutMs: 90_000 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) ids.push(await begin(name));
    for (const id of ids) await until(site, id, ({ step }) => step === 'rebuild');
    const looks = (): number => api.count('GET', '/builds/web-1');
    for (const name of ['dev', 'orchestrator']) {
      await killAndStart(name);
      const before = looks();
      await waitUntil(() => looks() > before, { what: 'the build to be looked at again', timeoutMs: 120_000 });
    }
    expect(api.builds).toHaveLength(1);
    await complete();
    for (const id of ids) await untilReleased(site, id);
    expect(api.builds.map(({ metadata }) => metadata.name)).toEqual(['web-1', 'web-2']);
    expect(api.count('POST', '/instantiate')).toBe(2);
    const [one, two] = api.builds.map(({ metadata }) => metadata.annotations['countersign/commit']);
    expect(one).not.toBe(two);
  });

  it('stall all together where it fails, with the end of its log', { timeout: 300_000 }, async () => {
    api.phases = [{ phase: 'Failed', reason: 'DockerBuildFailed' }];
    api.log = 'fatal: could not read from remote repository\n';
    const ids = [await begin('x'), await begin('y')];
    for (const id of ids) {
      const { step, message } = await disturb.untilStalled(site, id);
      expect(step).toBe('rebuild');
      expect(message).toMatch(/ended as Failed: "DockerBuildFailed"; its log ends with "fatal: could not read/);
      expect(message).not.toContain(TOKEN);
    }
    await complete();
    for (const id of ids) await disturb.retryAndRelease(site, id);
  });
});
