/** Push webhooks through the real EventListener, with the real interceptors, and the rights of its ServiceAccounts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '../support/parts/index.mjs';
import { WEBHOOK_SECRETS, pushCases } from '../support/tekton/push-cases.ts';
import { GIT_HOSTS, deliveryOf, pushEventOf } from '../support/tekton/push-deliveries.ts';
import type { Delivery, GitHost } from '../support/tekton/push-deliveries.ts';
import { applyAll, kube } from './pods.ts';
import { endOf, installLibrary, logsOf, readLibrary } from './tekton-runs.ts';
import {
  NAMESPACE,
  canI,
  installTriggers,
  removeTriggers,
  rightsOf,
  runOf,
  send,
  startedRuns,
} from './trigger-namespace.ts';

let address: string;
let commits = 0;

beforeAll(async () => {
  await kube(['create', 'namespace', NAMESPACE]);
  address = await installTriggers(NAMESPACE);
});

afterAll(async () => {
  await kube(['delete', 'namespace', NAMESPACE, '--wait=false']);
  await removeTriggers(NAMESPACE);
});

/** A push of a commit that no other test uses. */
function newPush(host: GitHost): { readonly commit: string; readonly delivery: Delivery } {
  commits += 1;
  const commit = `${process.pid}${commits}`.padEnd(40, 'e');
  const event = { ...pushEventOf(host), after: commit };
  return { commit, delivery: deliveryOf(host, event, WEBHOOK_SECRETS[host]) };
}

/** Deliveries are worked on after they are answered: one that comes later is seen to have been worked on, and then some. */
async function settle(): Promise<void> {
  const { commit, delivery } = newPush('github');
  await send(address, delivery);
  await runOf(commit);
  await new Promise((resolve) => setTimeout(resolve, 3000));
}

async function namesOfRuns(): Promise<readonly string[]> {
  return (await startedRuns()).map(({ metadata }) => metadata.name).sort();
}

// There is no pipeline yet: what is created ends at once, without a pod.
describe('EventListener signatures', () => {
  it('starts one run for each push that may have touched a signature, and none for any other delivery', async () => {
    const cases = pushCases();
    const expected = cases.filter(({ fires }) => fires).map(({ commit }) => `signature-server-${commit}`);
    expect(new Set(expected).size).toBe(expected.length);
    // Answered alike, whatever becomes of it: nobody learns from outside what was wrong.
    for (const { delivery, name } of cases) expect(await send(address, delivery), name).toBe(202);
    await waitUntil(async () => (await startedRuns()).length >= expected.length, {
      ...{ what: `${expected.length} runs`, timeoutMs: 120_000, pollMs: 1000 },
    });
    const before = await namesOfRuns();
    await settle();
    const others = (await namesOfRuns()).filter((name) => !before.includes(name));
    expect(others).toHaveLength(1);
    expect(before).toEqual([...expected].sort());
  });

  it.each(GIT_HOSTS)('hands on what %s says, to a run with the rights of signature-rebuild alone', async (host) => {
    const { commit, delivery } = newPush(host);
    await send(address, delivery);
    const { spec } = await runOf(commit);
    expect(spec.taskRunTemplate?.serviceAccountName).toBe('signature-rebuild');
    expect(spec.params).toContainEqual({ name: 'commit', value: commit });
    expect(spec.params).toContainEqual({
      name: 'repository',
      value: expect.stringMatching(/^https:\/\/[a-z.]+\/acme\/signatures\.git$/),
    });
  });

  it('makes one run of 20 deliveries of the same push at once, and of those that follow while it exists', async () => {
    const { commit, delivery } = newPush('gitea');
    const codes = await Promise.all(Array.from({ length: 20 }, () => send(address, delivery)));
    expect(new Set(codes)).toEqual(new Set([202]));
    const { metadata } = await runOf(commit);
    for (let again = 0; again < 3; again += 1) expect(await send(address, delivery)).toBe(202);
    await settle();
    const runs = (await startedRuns()).filter(({ metadata: { name } }) => name.includes(commit));
    expect(runs.map((run) => run.metadata.uid)).toEqual([metadata.uid]);
  });

  it('makes a run again once the first one was pruned', async () => {
    const { commit, delivery } = newPush('gitlab');
    await send(address, delivery);
    const first = await runOf(commit);
    await kube(['delete', 'pipelinerun', first.metadata.name, '--namespace', NAMESPACE]);
    await send(address, delivery);
    expect((await runOf(commit)).metadata.uid).not.toBe(first.metadata.uid);
  });

  it('lets nobody in while the Secret is not there', async () => {
    const secret = ['secret', 'signature-webhook', '--namespace', NAMESPACE];
    const kept = await kube(['get', ...secret, '-o', 'json']);
    await kube(['delete', ...secret]);
    try {
      // Interceptors keep a secret for five seconds.
      await new Promise((resolve) => setTimeout(resolve, 6000));
      const before = await namesOfRuns();
      const { delivery } = newPush('github');
      expect(await send(address, delivery)).toBe(202);
      expect(await send(address, deliveryOf('github', pushEventOf('github'), ''))).toBe(202);
      await new Promise((resolve) => setTimeout(resolve, 5000));
      expect(await namesOfRuns()).toEqual(before);
    } finally {
      const { data } = JSON.parse(kept) as { data: unknown };
      const metadata = { name: 'signature-webhook', namespace: NAMESPACE };
      await applyAll([{ apiVersion: 'v1', kind: 'Secret', metadata, data }]);
    }
  });
});

describe('a run', () => {
  const server = { app: 'signature-server' };

  beforeAll(async () => {
    await installLibrary(NAMESPACE);
    await applyAll([
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'signature-server', namespace: NAMESPACE },
        spec: {
          replicas: 2,
          selector: { matchLabels: server },
          template: {
            metadata: { labels: server },
            spec: {
              terminationGracePeriodSeconds: 0,
              containers: [{ name: 'server', image: 'localhost/debian:1', command: ['sleep', '86400'] }],
            },
          },
        },
      },
    ]);
    // What was published is looked at by the suite of the pipelines, where there is a repository and who serves it.
    const [pipeline] = await readLibrary('pipeline/rebuild-signature-server/0.1/rebuild-signature-server.yaml');
    const { params, workspaces, tasks } = pipeline!.spec as {
      workspaces?: unknown;
      params?: unknown;
      tasks: unknown[];
    };
    const metadata = { ...pipeline!.metadata, namespace: NAMESPACE };
    await applyAll([{ ...pipeline, metadata, spec: { params, workspaces, tasks: tasks.slice(0, 1) } }]);
  });

  it('restarts the signature server with no other right than its ServiceAccount has, push after push', async () => {
    const generations: string[] = [];
    for (const host of GIT_HOSTS) {
      const { commit, delivery } = newPush(host);
      await send(address, delivery);
      const { metadata } = await runOf(commit);
      const ended = await endOf('pipelinerun', metadata.name, NAMESPACE);
      expect(ended.isSucceeded, `${ended.message}\n${await logsOf(metadata.name, NAMESPACE)}`).toBe(true);
      const jsonpath = 'jsonpath={.metadata.generation}';
      generations.push(await kube(['get', 'deployment', 'signature-server', '-n', NAMESPACE, '-o', jsonpath]));
    }
    expect(new Set(generations).size).toBe(GIT_HOSTS.length);
  });
});

const LISTENER_RIGHTS = [
  'create pipelineruns.tekton.dev',
  ...['clusterinterceptors', 'clustertriggerbindings', 'eventlisteners', 'interceptors'].flatMap(reads),
  ...['triggerbindings', 'triggers', 'triggertemplates'].flatMap(reads),
].sort();

function reads(resource: string): readonly string[] {
  return ['get', 'list', 'watch'].map((verb) => `${verb} ${resource}.triggers.tekton.dev`);
}

describe('rights', () => {
  it.each([
    ['signature-listener', LISTENER_RIGHTS],
    ['signature-rebuild', ['get deployments.apps/signature-server', 'patch deployments.apps/signature-server']],
  ])('%s has these, and no other beside what every ServiceAccount has', async (account, expected) => {
    const everybody = await rightsOf('default', NAMESPACE);
    const own = (await rightsOf(account, NAMESPACE)).filter((right) => !everybody.includes(right));
    expect(own).toEqual(expected);
  });

  it.each([
    ['signature-listener', LISTENER_RIGHTS.filter((right) => right.includes(' cluster'))],
    ['signature-rebuild', []],
  ])('%s has no more than these in another namespace', async (account, expected) => {
    const everybody = await rightsOf('default', 'default');
    const own = (await rightsOf(account, 'default')).filter((right) => !everybody.includes(right));
    expect(own).toEqual(expected);
  });

  const own = ['-n', NAMESPACE];
  it.each([
    ['signature-listener', ['create', 'pipelineruns.tekton.dev', ...own], 'yes'],
    ['signature-listener', ['list', 'eventlisteners.triggers.tekton.dev', ...own], 'yes'],
    ['signature-listener', ['get', 'secrets', ...own], 'no'],
    ['signature-listener', ['list', 'secrets', ...own], 'no'],
    ['signature-listener', ['create', 'pods', ...own], 'no'],
    ['signature-listener', ['create', 'taskruns.tekton.dev', ...own], 'no'],
    ['signature-listener', ['get', 'pipelineruns.tekton.dev', ...own], 'no'],
    ['signature-listener', ['delete', 'pipelineruns.tekton.dev', ...own], 'no'],
    ['signature-listener', ['impersonate', 'serviceaccounts', ...own], 'no'],
    ['signature-listener', ['get', 'configmaps', ...own], 'no'],
    ['signature-listener', ['patch', 'deployments.apps/signature-server', ...own], 'no'],
    ['signature-listener', ['create', 'pipelineruns.tekton.dev', '-n', 'default'], 'no'],
    ['signature-rebuild', ['patch', 'deployments.apps/signature-server', ...own], 'yes'],
    ['signature-rebuild', ['get', 'deployments.apps/signature-server', ...own], 'yes'],
    ['signature-rebuild', ['patch', 'deployments.apps/other', ...own], 'no'],
    ['signature-rebuild', ['patch', 'deployments.apps/signature-server', '-n', 'default'], 'no'],
    ['signature-rebuild', ['delete', 'deployments.apps/signature-server', ...own], 'no'],
    ['signature-rebuild', ['get', 'secrets', ...own], 'no'],
    ['signature-rebuild', ['create', 'pods/exec', ...own], 'no'],
    ['signature-rebuild', ['create', 'pipelineruns.tekton.dev', ...own], 'no'],
    ['signature-rebuild', ['*', '*', '--all-namespaces'], 'no'],
  ])('%s: can-i %j: %s', async (account, words, answer) => {
    expect(await canI(account, words)).toBe(answer);
  });
});
