/** Signature servers that are down, stale or lie: never success, and after they are healed the promotion goes on. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestListener } from 'node:http';
import { freePort, startProcess } from '../support/parts/index.mjs';
import type { RunningProcess } from '../support/parts/index.mjs';
import type { SampleImage } from '../support/sample-image.ts';
import { COUNTERSIGN, startSite } from '../support/site.ts';
import type { Site } from '../support/site.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import * as disturb from './disturb.ts';
import { SMALL, publicationsOf, start, tagIn, untilReleased } from './promote.ts';

const QUICK = { attempts: 2, confirm: { within: '5 seconds' } };
const folder = useTempFolder({ per: 'suite' });
let site: Site;
let stalePort: number;
let stale: RunningProcess;

/** A replica without a webhook that never looks by itself: it serves what was there at its start. */
async function startStaleReplica(): Promise<RunningProcess> {
  const { repository, secrets } = site.environment('prod');
  const source = ['--repository', repository.url, '--credentials-file', `${secrets}/git-credentials`, '--poll', '0s'];
  const args = [COUNTERSIGN, 'serve-signatures', ...source, '--listen', `127.0.0.1:${stalePort}`];
  return await startProcess(process.execPath, args, {
    name: 'stale replica',
    ready: async () => (await fetch(`http://127.0.0.1:${stalePort}/readyz`)).ok,
  });
}

beforeAll(async () => {
  stalePort = await freePort();
  const gates = { qa: 'none', prod: 'none' };
  site = await startSite({ folder: folder.path, keyType: 'ed25519', gates, overrides: { qa: QUICK, prod: QUICK } });
  await disturb.changeConfiguration(site.configurationFile, ({ environments }) => {
    const { signatures } = environments['prod'] as { signatures: { replicas: { addresses: string[] } } };
    signatures.replicas.addresses.push(`127.0.0.1:${stalePort}`);
  });
  stale = await startStaleReplica();
  await site.startWorkers();
});

afterAll(async () => {
  await stale.stop();
  await site.stop();
});

async function begin(name: string, to: string): Promise<{ readonly id: string; readonly sample: SampleImage }> {
  const sample = await site.push(name, '1', SMALL);
  return { id: (await start(site, `${name}:1`, to)).id, sample };
}

/** Expects a stall with the signature in git and the tag not moved. */
async function expectStalled(name: string, id: string, environment = 'qa'): Promise<{ step: string; message: string }> {
  const { step, message } = await disturb.untilStalled(site, id);
  expect(await publicationsOf(site, environment, name)).toHaveLength(1);
  expect(await tagIn(site, environment, `${name}:1`)).toBeUndefined();
  return { step, message };
}

describe('a signature server', () => {
  it('that is down during rebuild stalls the promotion, which names it', async () => {
    const { signatureServer } = site.environment('qa');
    await signatureServer.process.stop();
    const { id, sample } = await begin('down', 'qa');
    const { step, message } = await expectStalled('down', id);
    expect(step).toBe('rebuild');
    expect(message).toContain(new URL(signatureServer.url).host);
    await disturb.startServerAgain(site, 'qa');
    await disturb.retryAndRelease(site, id);
    await disturb.expectUndisturbed(site, 'down:1', { sample, environments: ['dev', 'qa'] });
  });

  const page = '<!doctype html><title>Sign in</title><p>Please sign in';
  const faults: readonly (readonly [string, RequestListener, RegExp])[] = [
    ['goes down after its webhook', (request) => void request.socket.destroy(), /expected an answer/],
    [
      'answers every path with a page',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(page),
      /signature-1: expected .*, received /,
    ],
    [
      'serves other bytes',
      ({ url = '' }, response) =>
        void response.writeHead(url.endsWith('/signature-1') ? 200 : 404).end(Buffer.alloc(600, 7)),
      /signature-1: expected .*, received /,
    ],
    ['answers 500', (_, response) => void response.writeHead(500).end(), /signature-1: expected .*, received .*500/],
  ];
  it.each(faults)('that %s is never success', async (fault, listener, expected) => {
    const { host } = new URL(site.environment('qa').signatureServer.url);
    const replaced = await disturb.replaceSignatureServer(site, 'qa', (request, response) => {
      if (request.method === 'POST') response.writeHead(202).end();
      else listener(request, response);
    });
    const name = fault.replaceAll(' ', '-');
    const { id, sample } = await begin(name, 'qa');
    const { step, message } = await expectStalled(name, id);
    expect(step).toBe('confirm');
    expect(message).toContain(host);
    expect(message).toMatch(expected);
    expect(message).not.toContain('Please sign in');
    await replaced.restore();
    await disturb.retryAndRelease(site, id);
    await disturb.expectUndisturbed(site, `${name}:1`, { sample, environments: ['dev', 'qa'] });
  });

  it('with a stale replica is no success either; the stale one is named, and not the other', async () => {
    const { id, sample } = await begin('stale', 'prod');
    const { step, message } = await expectStalled('stale', id, 'prod');
    expect(step).toBe('confirm');
    expect(message).toMatch(new RegExp(`1 of 3 servers asked do not serve them: 127\\.0\\.0\\.1:${stalePort}: GET`));
    await stale.stop();
    stale = await startStaleReplica();
    await disturb.retryAndRelease(site, id);
    await disturb.expectUndisturbed(site, 'stale:1', { sample, environments: ['dev', 'qa', 'prod'] });
  });

  it('that refuses the webhook stalls the promotion until both sides hold the same secret', async () => {
    const replaced = await disturb.replaceSignatureServer(site, 'qa', (_, response) => response.writeHead(401).end());
    const { id, sample } = await begin('refusing', 'qa');
    const { step, message } = await expectStalled('refusing', id);
    expect(step).toBe('rebuild');
    expect(message).toMatch(/received 401; check the webhook's address and that both sides hold the same secret/);
    await replaced.restore();
    await disturb.retryAndRelease(site, id);
    await untilReleased(site, id);
    await disturb.expectUndisturbed(site, 'refusing:1', { sample, environments: ['dev', 'qa'] });
  });
});
