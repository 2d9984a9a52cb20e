/**
 * Rollout and replicas through the Kubernetes API, with real workers and signature servers. The API is a strict stand-in: a
 * "pod" is a process that a restart of the Deployment replaces, or leaves as it was.
 */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KubernetesApiServer, TOKEN } from '../support/kubernetes-api.ts';
import { freePort, startProcess } from '../support/parts/index.mjs';
import type { RunningProcess } from '../support/parts/index.mjs';
import { COUNTERSIGN, startSite } from '../support/site.ts';
import type { Site } from '../support/site.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import * as disturb from './disturb.ts';
import { SMALL, start, tagIn, untilReleased } from './promote.ts';

const folder = useTempFolder({ per: 'suite' });
let site: Site;
let api: KubernetesApiServer;
let port: number;
let second: RunningProcess;

/** It never looks by itself: it serves what was there at its start. */
async function startPod(): Promise<RunningProcess> {
  const { repository, secrets } = site.environment('qa');
  const source = ['--repository', repository.url, '--credentials-file', `${secrets}/git-credentials`, '--poll', '0s'];
  const args = [COUNTERSIGN, 'serve-signatures', ...source, '--listen', `127.0.0.1:${port}`];
  return await startProcess(process.execPath, args, {
    name: 'pod',
    ready: async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
  });
}

/** What the controller and the pods do after a restart. */
async function rollOut({ frozen }: { readonly frozen: boolean }): Promise<void> {
  await site.environment('qa').signatureServer.process.stop();
  await disturb.startServerAgain(site, 'qa');
  if (!frozen) {
    await second.stop();
    second = await startPod();
  }
  api.change((deployment) => {
    const observedGeneration = deployment.metadata!.generation!;
    deployment.status = { observedGeneration, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
  });
}

function slice(pod: string, podPort: number) {
  const endpoint = { addresses: ['127.0.0.1'], conditions: { ready: true }, targetRef: { kind: 'Pod', name: pod } };
  const metadata = { labels: { 'kubernetes.io/service-name': 'web' } };
  return { addressType: 'IPv4', metadata, ports: [{ port: podPort }], endpoints: [endpoint] };
}

beforeAll(async () => {
  [api, port] = await Promise.all([KubernetesApiServer.start(), freePort()]);
  const quick = { attempts: 2, confirm: { within: '5 seconds' } };
  site = await startSite({
    folder: folder.path,
    route: ['dev', 'qa'],
    keyType: 'ed25519',
    gates: { qa: 'none' },
    overrides: { qa: { ...quick, rebuild: { rollout: { api: api.url, namespace: 'signatures', deployment: 'web' } } } },
  });
  const { secrets, signatureServer } = site.environment('qa');
  await writeFile(`${secrets}/token`, `${TOKEN}\n`, { mode: 0o600 });
  await disturb.changeConfiguration(site.configurationFile, ({ environments }) => {
    const { signatures } = environments['qa'] as { signatures: { replicas: object } };
    signatures.replicas = { endpoints: { api: api.url, namespace: 'signatures', service: 'web' } };
  });
  api.slices = [slice('web-1', Number(new URL(signatureServer.url).port)), slice('web-2', port)];
  api.deployment = {
    metadata: { name: 'web', generation: 1, resourceVersion: '1' },
    spec: { replicas: 2, selector: {}, template: { metadata: {} } },
    status: { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
  };
  second = await startPod();
  await site.startWorkers();
});

afterAll(async () => {
  await second.stop();
  await site.stop();
  await api.stop();
});

describe('a promotion to an environment on Kubernetes', () => {
  it('restarts the Deployment once, and is confirmed by every pod behind the Service', async () => {
    api.onPatch = () => void rollOut({ frozen: false });
    await site.push('web', '1', SMALL);
    const { id } = await start(site, 'web:1', 'qa');
    const { environments } = await untilReleased(site, id);
    expect(environments.at(-1)).toMatchObject({ environment: 'qa', replicas: 2 });
    expect(api.bodies).toHaveLength(1);
  });

  it('names the pod that stayed behind, and restarts anew when an operator retries', async () => {
    api.onPatch = () => void rollOut({ frozen: true });
    await site.push('frozen', '1', SMALL);
    const { id } = await start(site, 'frozen:1', 'qa');
    const { step, message } = await disturb.untilStalled(site, id);
    expect(step).toBe('confirm');
    expect(message).toContain(`1 of 3 servers asked do not serve them: 127.0.0.1:${port} (pod web-2): GET`);
    expect(await tagIn(site, 'qa', 'frozen:1')).toBeUndefined();
    expect(api.bodies).toHaveLength(2);
    api.onPatch = () => void rollOut({ frozen: false });
    await disturb.retryAndRelease(site, id);
    expect(api.bodies).toHaveLength(3);
  });

  it('stalls where a right is missing, and says which', async () => {
    api.interfere = ({ method }) => (method === 'PATCH' ? { status: 403, body: '{"message":"forbidden"}' } : undefined);
    await site.push('denied', '1', SMALL);
    const { id } = await start(site, 'denied:1', 'qa');
    const { step, message } = await disturb.untilStalled(site, id);
    expect(step).toBe('rebuild');
    expect(message).toContain('add {apiGroups: [apps], resources: [deployments], verbs: [patch]} to a Role');
    expect(message).not.toContain(TOKEN);
    api.interfere = () => undefined;
    await disturb.retryAndRelease(site, id);
  });
});
