/** countersign in the cluster: promotions by workers that are pods, confirmed at every replica, whatever dies meanwhile. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Digest } from '../../workflows/domain/digest.ts';
import { blobsSent, holdPushes, retryAndRelease, untilEnded, untilStalled } from '../end-to-end/disturb.ts';
import { approve, publicationsOf, signaturesOf, start, status, tagIn } from '../end-to-end/promote.ts';
import type { PromotionView } from '../../cli/promotions/view.ts';
import { waitUntil } from '../support/parts/index.mjs';
import { fetchManifestRaw } from '../support/registry-push.ts';
import { NAMESPACE } from '../support/site.ts';
import type { Site } from '../support/site.ts';
import { useTempFolder } from '../support/temp-folder.ts';
import { installInCluster } from './installation.ts';
import type { Installation } from './installation.ts';
import { applyAll, judgeByPod, kube } from './pods.ts';
import { startTrustedSite, trustOnNode } from './trusted-site.ts';
import type { TrustedSite } from './trusted-site.ts';

const folder = useTempFolder({ per: 'suite' });
/** One blob at a time, so that a copy can be met in its middle. */
const SLOWLY = { copy: { concurrency: 1 }, confirm: { within: '45 seconds' } };
const ROUTE = ['dev', 'qa', 'prod'];
let trusted: TrustedSite;
let site: Site;
let installation: Installation;

beforeAll(async () => {
  trusted = await startTrustedSite(folder.path, { gates: { qa: 'none' }, overrides: { qa: SLOWLY, prod: SLOWLY } });
  site = trusted.site;
  installation = await installInCluster(trusted, {
    dev: { replicas: 1, base: 'signature-server' },
    qa: { replicas: 2, base: 'signature-server-httpd' },
    prod: { replicas: 4, base: 'signature-server' },
  });
  await trustOnNode(site, { environment: 'prod', configurationFile: installation.configurationFile });
});
afterAll(async () => {
  await installation.close();
  await site.stop();
});

async function pushToDev(
  image: string,
  ballast?: { readonly layers: number; readonly megabytes: number },
): Promise<Digest> {
  return await trusted.push(`${site.environment('dev').prefix}/${image}`, `hello from ${image}`, ballast);
}

/** One publication, one signature and the tag in each environment, as after a run that nobody disturbed. */
async function expectUndisturbed(image: string, digest: Digest): Promise<void> {
  const [name = ''] = image.split(':');
  for (const environment of ROUTE) {
    const published = await publicationsOf(site, environment, name);
    expect({ environment, published: published.map((one) => one.digest) }).toEqual({
      environment,
      published: [digest],
    });
    expect(await signaturesOf(site, environment, name, digest)).toEqual(['signature-1']);
    expect(await tagIn(site, environment, image)).toBe(digest);
  }
}

async function untilAskedInProd(id: string): Promise<void> {
  let view: PromotionView | undefined;
  const asked = async (): Promise<boolean> => {
    view = await status(site, id);
    return view.condition === 'deciding' && view.environment === 'prod';
  };
  await waitUntil(asked, { what: 'the gate of prod', timeoutMs: 280_000, pollMs: 1_000 }).catch((cause: unknown) => {
    throw new Error(`the gate of prod did not open: ${JSON.stringify(view, undefined, 2)}`, { cause });
  });
}

describe('a promotion started from outside, through workers in the cluster', () => {
  it('goes from dev to prod although its worker dies in copy, sign and publish, and ends as if undisturbed', async () => {
    const image = 'web:1';
    const digest = await pushToDev(image, { layers: 6, megabytes: 24 });
    let isSigning = false;
    // After the copy, the next that asks git is `sign`: it is held until its worker is dead.
    site.gitHost.setFault(async ({ path }) => {
      if (!path.startsWith('/signatures-qa.git/')) return undefined;
      isSigning ||= (await fetchManifestRaw(site.environment('qa').registry, `${NAMESPACE}/web`, digest)) !== undefined;
      return isSigning ? 'hang' : undefined;
    });
    const { id } = await start(site, image, 'prod');
    await waitUntil(() => blobsSent(site.environment('qa').registry, 'web').length > 0, {
      what: 'the copy to qa',
      timeoutMs: 120_000,
      pollMs: 20,
    });
    await installation.killWorker('qa');
    console.log('the worker of qa was deleted in the middle of copy');
    await waitUntil(() => isSigning, { what: 'sign in qa', timeoutMs: 120_000 });
    expect((await status(site, id)).step).toBe('sign');
    await installation.killWorker('qa');
    console.log('the worker of qa was deleted in the middle of sign');
    site.gitHost.setFault(() => undefined);
    await untilAskedInProd(id);
    const held = await holdPushes(site.environment('prod').repository);
    expect(await approve(site, id)).toMatchObject({ code: 0 });
    await held.untilHeld();
    await installation.killWorker('prod');
    console.log('the worker of prod was deleted in the middle of publish');
    await held.release();
    const view = await untilEnded(site, id);
    expect(view.condition, JSON.stringify(view.result)).toBe('released');
    expect(view.environments.map(({ environment }) => environment)).toEqual(ROUTE);
    await expectUndisturbed(image, digest);
    const { prefix } = site.environment('prod');
    expect(await judgeByPod(`${prefix}/web:1`)).toMatchObject({ isAccepted: true });
    expect(await judgeByPod(`${prefix}/web@${digest}`)).toMatchObject({ isAccepted: true });
  });
});

describe('the replicas behind the Service', () => {
  it('one that is frozen at an older commit keeps a promotion from being confirmed, and is named', async () => {
    await freezeReplica();
    const digest = await pushToDev('web:2');
    const { id } = await start(site, 'web:2', 'prod');
    await untilAskedInProd(id);
    expect(await approve(site, id)).toMatchObject({ code: 0 });
    const stall = await untilStalled(site, id);
    console.log(`stalled: ${JSON.stringify(stall)}`);
    expect(stall).toMatchObject({ step: 'confirm', environment: 'prod' });
    expect(JSON.stringify(stall)).toContain('frozen');
    expect(await tagIn(site, 'prod', 'web:2')).toBeUndefined();
    await kube(['delete', 'pod', 'frozen', '-n', 'signatures-prod', '--grace-period=0', '--force']);
    await retryAndRelease(site, id);
    expect(await tagIn(site, 'prod', 'web:2')).toBe(digest);
  });

  /** A pod that the Service finds and no rollout reaches; it never looks for new commits. */
  async function freezeReplica(): Promise<void> {
    const deployment = JSON.parse(
      await kube(['get', 'deployment', 'signature-server', '-n', 'signatures-prod', '-o', 'json']),
    ) as { readonly spec: { readonly template: { readonly metadata: { labels: object }; readonly spec: PodSpec } } };
    const { metadata, spec } = deployment.spec.template;
    const [server, ...others] = spec.containers;
    const frozen = { ...server!, args: [...server!.args, '--poll=0s'] };
    await applyAll([
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'frozen', namespace: 'signatures-prod', labels: metadata.labels },
        spec: { ...spec, containers: [frozen, ...others] },
      },
    ]);
    await kube(['wait', 'pod', 'frozen', '-n', 'signatures-prod', '--for=condition=Ready', '--timeout=60s']);
  }
});

describe('the rights of the ServiceAccounts', () => {
  const worker = 'system:serviceaccount:countersign-prod:countersign-worker';
  const orchestrator = 'system:serviceaccount:countersign:countersign-orchestrator';

  it.each([
    ['list', 'endpointslices.discovery.k8s.io', 'signatures-prod'],
    ['get', 'deployments.apps/signature-server', 'signatures-prod'],
    ['patch', 'deployments.apps/signature-server', 'signatures-prod'],
  ])('the worker of prod can %s %s in %s', async (verb, resource, namespace) => {
    expect(await can(worker, { verb, resource, namespace })).toBe(true);
  });

  it.each([
    ['patch', 'deployments.apps/other', 'signatures-prod'],
    ['delete', 'deployments.apps/signature-server', 'signatures-prod'],
    ['get', 'secrets', 'signatures-prod'],
    ['get', 'secrets', 'countersign-prod'],
    ['create', 'pods', 'countersign-prod'],
    ['list', 'endpointslices.discovery.k8s.io', 'signatures-qa'],
    ['patch', 'deployments.apps/signature-server', 'signatures-qa'],
    ['get', 'secrets', 'countersign-qa'],
  ])('the worker of prod cannot %s %s in %s', async (verb, resource, namespace) => {
    expect(await can(worker, { verb, resource, namespace })).toBe(false);
  });

  it.each([
    ['get', 'secrets', 'countersign'],
    ['list', 'pods', 'countersign'],
    ['patch', 'deployments.apps/signature-server', 'signatures-prod'],
  ])('the orchestrator cannot %s %s in %s', async (verb, resource, namespace) => {
    expect(await can(orchestrator, { verb, resource, namespace })).toBe(false);
  });
});

interface PodSpec {
  readonly containers: readonly { readonly args: readonly string[] }[];
}

async function can(
  who: string,
  { verb, resource, namespace }: { readonly verb: string; readonly resource: string; readonly namespace: string },
): Promise<boolean> {
  const asked = kube(['auth', 'can-i', verb, resource, '-n', namespace, '--as', who]);
  // "no" comes with exit code 1.
  return (
    (await asked.catch((error: unknown) => String((error as { readonly stdout?: string }).stdout))).trim() === 'yes'
  );
}
