/** Registries that ask who is there, refuse, or are down: basic over TLS of a private authority, and bearer tokens. */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tagOf } from '../support/registry-push.ts';
import type { SampleImage } from '../support/sample-image.ts';
import { NAMESPACE, startSite } from '../support/site.ts';
import type { Site } from '../support/site.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { startTokenServer } from '../support/token-server.ts';
import type { TokenServer } from '../support/token-server.ts';
import * as disturb from './disturb.ts';
import { SMALL, publicationsOf, pull, signaturesOf, start } from './promote.ts';

const QA = { user: 'qa', password: 'basic/4711' };
const USERS = { pusher: 'push-4711', puller: 'pull-4711' } as const;
const BIG = { layers: 3, layerBytes: 16 * 1024 * 1024 } as const;
const folder = useTempFolder({ per: 'suite' });
let site: Site;
let tokens: TokenServer;

beforeAll(async () => {
  tokens = await startTokenServer({
    users: {
      pusher: { password: USERS.pusher, access: { '*': ['pull', 'push', 'delete'] } },
      puller: { password: USERS.puller, access: { '*': ['pull'] } },
    },
  });
  site = await startSite({
    folder: folder.path,
    keyType: 'ed25519',
    gates: { qa: 'none', prod: 'none' },
    registries: { qa: { basic: QA, tls: 'generated' }, prod: { bearer: tokens } },
    overrides: { prod: { attempts: 3, copy: { concurrency: 1 } } },
  });
  await allow('prod', { qa: basic(QA.user, QA.password), prod: basic('pusher', USERS.pusher) });
  // Where skopeo looks for the credentials of the cluster.
  process.env['REGISTRY_AUTH_FILE'] = path.join(site.environment('prod').secrets, 'registry.json');
  await site.startWorkers();
});

afterAll(async () => {
  delete process.env['REGISTRY_AUTH_FILE'];
  await site.stop();
  await tokens.stop();
});

function basic(user: string, password: string): string {
  return Buffer.from(`${user}:${password}`).toString('base64');
}

/** Writes an environment's docker configuration: who it is at the registries of which environments. */
async function allow(environment: string, credentials: Readonly<Record<string, string>>): Promise<void> {
  const entries = Object.entries(credentials).map(([name, auth]) => [site.environment(name).registry.host, { auth }]);
  const file = path.join(site.environment(environment).secrets, 'registry.json');
  await rm(file, { force: true });
  await writeFile(file, JSON.stringify({ auths: Object.fromEntries(entries) }), { mode: 0o600 });
}

async function begin(name: string, options: object = SMALL): Promise<{ id: string; sample: SampleImage }> {
  const sample = await site.push(name, '1', options);
  return { id: (await start(site, `${name}:1`, 'prod')).id, sample };
}

async function expectReleased(name: string, { id, sample }: { id: string; sample: SampleImage }): Promise<void> {
  const view = await disturb.untilEnded(site, id);
  expect(view.condition, JSON.stringify(view.stall ?? view.result)).toBe('released');
  tokens.setLifetime({ real: 300 });
  for (const environment of ['qa', 'prod']) {
    expect(await publicationsOf(site, environment, name)).toHaveLength(1);
    for (const { digest } of sample.everyManifest) {
      expect(await signaturesOf(site, environment, name, digest)).toEqual(['signature-1']);
    }
    const { registry } = site.environment(environment);
    const auth = registry.auth ?? tokens.bearerFor('puller', `repository:${NAMESPACE}/${name}:pull`);
    expect(await tagOf({ ...registry, auth }, `${NAMESPACE}/${name}`, '1')).toBe(sample.digest);
    const { accepted, log } = await pull(site, environment, `${name}:1`);
    expect(accepted, log).toBe(true);
  }
}

describe('registries that ask who is there', () => {
  it('are served by basic authentication over TLS of a private authority, and by tokens that die early', async () => {
    // The server promises five minutes; the registry takes each token for a second.
    tokens.setLifetime({ announced: 300, real: 1 });
    const before = tokens.issued();
    const promotion = await begin('welcome', { layers: 1 });
    await expectReleased('welcome', promotion);
    expect(tokens.issued() - before).toBeGreaterThan(2);
    expect(new Set(tokens.requests().map(({ user }) => user))).toContain('pusher');
  });

  it('stall the promotion on a wrong password, named by host, until the secret is corrected', async () => {
    await allow('qa', { qa: basic(QA.user, 'wrong/4712') });
    await disturb.restartWorker(site, 'qa');
    const promotion = await begin('wrong');
    const { environment, message } = await disturb.untilStalled(site, promotion.id);
    expect({ environment, message }).toEqual({
      environment: 'qa',
      message: expect.stringContaining(`check the credentials for ${site.environment('qa').registry.host}`),
    });
    expect(message).not.toContain('4712');
    await allow('qa', { qa: basic(QA.user, QA.password) });
    await disturb.restartWorker(site, 'qa');
    await disturb.retryAndRelease(site, promotion.id);
    await expectReleased('wrong', promotion);
  });

  it('stall it where the user may only pull, before anything is signed, until it may push', async () => {
    await allow('prod', { qa: basic(QA.user, QA.password), prod: basic('puller', USERS.puller) });
    await disturb.restartWorker(site, 'prod');
    const promotion = await begin('pull-only');
    const { environment, step, message } = await disturb.untilStalled(site, promotion.id);
    expect({ environment, step }).toEqual({ environment: 'prod', step: 'copy' });
    expect(message).toContain(`check the credentials for ${site.environment('prod').registry.host}`);
    expect(await publicationsOf(site, 'prod', 'pull-only')).toEqual([]);
    await allow('prod', { qa: basic(QA.user, QA.password), prod: basic('pusher', USERS.pusher) });
    await disturb.restartWorker(site, 'prod');
    await disturb.retryAndRelease(site, promotion.id);
    await expectReleased('pull-only', promotion);
  });
});

describe('a registry that is down', () => {
  it('during the copy is waited for, and what it took before is not sent again', async () => {
    const { registry } = site.environment('prod');
    const promotion = await begin('outage', BIG);
    await disturb.untilCopying(registry, 'outage', promotion.sample);
    await registry.halt();
    await registry.restart();
    await expectReleased('outage', promotion);
    // A blob that was taken in the moment of the outage may have found nobody to write it down.
    const sent = disturb.blobsSent(registry, 'outage');
    expect(new Set(sent).size).toBe(sent.length);
    expect([...promotion.sample.blobs.keys()]).toEqual(expect.arrayContaining([...sent]));
  });

  it('during the release stalls it, named by host, and retry finishes what is left', async () => {
    const { registry } = site.environment('prod');
    const ends: Promise<void>[] = [];
    const watched: { id?: string } = {};
    // The first look into git during `release` comes before the tag is moved.
    site.gitHost.setFault(async ({ path: requested }) => {
      if (watched.id === undefined || ends.length > 0 || !requested.startsWith('/signatures-prod.git/'))
        return undefined;
      const where = await disturb.whereIs(site, watched.id);
      if (where === 'prod release' && ends.length === 0) ends.push(registry.halt());
      await Promise.all(ends);
      return undefined;
    });
    const promotion = await begin('late');
    const { id } = promotion;
    watched.id = id;
    const { step, message } = await disturb.untilStalled(site, id);
    site.gitHost.setFault(() => undefined);
    expect(step).toBe('release');
    expect(message).toContain(registry.host);
    await registry.restart();
    await disturb.retryAndRelease(site, id);
    await expectReleased('late', promotion);
  });
});
