/** Rebuild triggers against the real API server, the real Tekton and its real interceptors. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createRebuildTrigger, triggerWebhook } from '../../activities/signature-server/index.ts';
import type { RebuildRequest, RebuildTriggerConfig, WebhookShape } from '../../activities/signature-server/index.ts';
import type { RebuildOutcome } from '../../workflows/domain/rebuild.ts';
import { NODE_ADDRESS } from '../support/cluster/place.ts';
import { waitUntil } from '../support/parts/index.mjs';
import { eventListenerObjects, openshiftDefinitions, pipelines } from './rebuild-objects.ts';
import { CLUSTER, applyAll, kube } from './pods.ts';

const NAMESPACE = 'rebuilds';
const COMMIT = 'c'.repeat(40);
const SECRET = 'a secret of the webhook';
const push = {
  repositoryUrl: 'https://g.example.com/acme/s.git',
  branch: 'main',
  before: '0'.repeat(40),
  after: COMMIT,
};
let token = '';

/** The Roles of worker/kubernetes, for a ServiceAccount of this namespace. */
function rightsOf(component: string): readonly unknown[] {
  const file = path.resolve(import.meta.dirname, '../../worker/kubernetes', component, 'rights.yaml');
  const text = readFileSync(file, 'utf8')
    .replaceAll('NAMESPACE-OF-THE-WORKER', NAMESPACE)
    .replaceAll('name: countersign-rebuild', `name: ${component}`);
  return parseAllDocuments(text).map((document) => {
    const object = document.toJS() as { metadata: object };
    return { ...object, metadata: { ...object.metadata, namespace: NAMESPACE } };
  });
}

function access() {
  const ca = readFileSync(path.join(CLUSTER.pki, 'ca.crt'), 'utf8');
  return { api: `https://${NODE_ADDRESS}:443`, ca, readToken: () => Promise.resolve(token) };
}

async function trigger(config: RebuildTriggerConfig, request: Partial<RebuildRequest> = {}): Promise<RebuildOutcome> {
  return await createRebuildTrigger(config).trigger({ ...push, delivery: 'd'.repeat(32), ...request });
}

beforeAll(async () => {
  await kube(['create', 'namespace', NAMESPACE]);
  const account = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'countersign-worker', namespace: NAMESPACE },
  };
  await applyAll([account, ...openshiftDefinitions, ...pipelines(NAMESPACE)]);
  await applyAll([...rightsOf('rebuild-by-pipeline-run'), ...rightsOf('rebuild-by-openshift-build')]);
  token = (await kube(['create', 'token', 'countersign-worker', '-n', NAMESPACE])).trim();
  await kube([
    'wait',
    '--for=condition=Established',
    'crd/builds.build.openshift.io',
    'crd/buildconfigs.build.openshift.io',
  ]);
});

describe('a PipelineRun on real Tekton', () => {
  const target = (pipeline: string): RebuildTriggerConfig => ({
    kind: 'pipelineRun',
    access: access(),
    namespace: NAMESPACE,
    pipeline,
    params: { commit: '{commit}' },
  });

  it('is created, followed to its end, and adopted by a repeated attempt', async () => {
    const first = await trigger(target('rebuild'));
    expect(first).toMatchObject({ kind: 'pipelineRun', outcome: 'rebuilt', name: 'rebuild-dddddddddddd' });
    expect(await trigger(target('rebuild'))).toMatchObject({ outcome: 'already-rebuilt', name: first.name });
    const list = await kube(['get', 'pipelineruns', '-n', NAMESPACE, '-o', 'name']);
    expect(list.trim().split('\n')).toHaveLength(1);
    const results = ['-o', 'jsonpath={.status.results[0].value}'];
    expect(await kube(['get', 'pipelinerun', first.name!, '-n', NAMESPACE, ...results])).toBe(COMMIT);
  });

  it('that fails names the TaskRun and shows the end of the log of its step', async () => {
    await expect(trigger(target('failing'))).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringMatching(
        /^PipelineRun "failing-d{12}" .*TaskRun "failing-d{12}-build" says .*step "build" ended with exit code 3, its log ends with "cloning \| fatal: no such branch"$/,
      ) as string,
    });
  });

  it('without the rights is refused, and the message names the rule', async () => {
    await kube(['delete', 'rolebinding', 'rebuild-by-pipeline-run', '-n', NAMESPACE]);
    await expect(trigger(target('rebuild'), { delivery: 'e'.repeat(32) })).rejects.toMatchObject({
      code: 'rebuild-refused',
      status: 403,
      message: expect.stringContaining(
        '{apiGroups: [tekton.dev], resources: [pipelineruns], verbs: [create]}',
      ) as string,
    });
    await applyAll(rightsOf('rebuild-by-pipeline-run'));
  });
});

describe('the webhook trigger and an EventListener with the real interceptors', () => {
  let url = '';

  beforeAll(async () => {
    await kube(['create', 'secret', 'generic', 'webhook', '-n', NAMESPACE, `--from-literal=token=${SECRET}`]);
    await applyAll(eventListenerObjects(NAMESPACE));
    const ready = async (): Promise<boolean> =>
      (await kube([
        'get',
        'deployment',
        'el-rebuild',
        '-n',
        NAMESPACE,
        '-o',
        'jsonpath={.status.availableReplicas}',
      ])) === '1';
    await waitUntil(ready, { what: 'the EventListener', timeoutMs: 180_000, pollMs: 1_000 });
    const service = ['get', 'service', 'el-rebuild', '-n', NAMESPACE];
    url = `http://${await kube([...service, '-o', 'jsonpath={.spec.clusterIP}'])}:8080/`;
  });

  async function runsOf(after: string): Promise<number> {
    const list = await kube(['get', 'pipelineruns', '-n', NAMESPACE, '-l', `commit=${after}`, '-o', 'name']);
    return list.trim() === '' ? 0 : list.trim().split('\n').length;
  }

  // Triggers has no interceptor for Gitea: its github one accepts Gitea's deliveries, which carry GitHub's headers too.
  it.each([
    ['github', '1'],
    ['gitlab', '2'],
    ['gitea', '3'],
  ] as const)('in the shape of %s start a run, and once for a repeated delivery', async (shape, digit) => {
    const after = digit.repeat(40);
    const input = {
      ...push,
      url,
      after,
      secret: SECRET,
      shape: shape satisfies WebhookShape,
      delivery: `delivery-${digit}`,
    };
    await triggerWebhook(input);
    await waitUntil(async () => (await runsOf(after)) === 1, { what: `a run for ${shape}`, timeoutMs: 60_000 });
    await triggerWebhook(input);
    const wrong = digit.repeat(39) + 'f';
    await triggerWebhook({ ...input, after: wrong, secret: 'another' });
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect([await runsOf(after), await runsOf(wrong)]).toEqual([1, 0]);
  });
});

describe("OpenShift's types in a real API server", () => {
  const target = (): RebuildTriggerConfig => {
    return {
      kind: 'openshiftBuild',
      access: access(),
      namespace: NAMESPACE,
      buildConfig: 'signature-server',
      pollMs: 200,
    };
  };
  const buildOf = (delivery: string) => ({
    apiVersion: 'build.openshift.io/v1',
    kind: 'Build',
    metadata: { name: `b-${delivery[0]}`, namespace: NAMESPACE, labels: { 'countersign/request': delivery } },
    spec: { triggeredBy: [{ message: 'countersign' }] },
  });
  const finish = async (name: string, status: object): Promise<void> => {
    const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
    await kube(['patch', 'builds.build.openshift.io', name, '-n', NAMESPACE, ...patch]);
  };

  beforeAll(async () => {
    const metadata = { name: 'signature-server', namespace: NAMESPACE };
    await applyAll([{ apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata, spec: {} }]);
  });

  it('are read with the rights that are given: a Build of an earlier attempt is adopted and followed', async () => {
    const delivery = 'a'.repeat(32);
    await applyAll([buildOf(delivery)]);
    await finish('b-a', { phase: 'Running' });
    const following = trigger(target(), { delivery });
    setTimeout(() => void finish('b-a', { phase: 'Complete' }), 1_500);
    expect(await following).toMatchObject({ outcome: 'rebuilt', name: 'b-a' });
    expect(await trigger(target(), { delivery })).toMatchObject({ outcome: 'already-rebuilt' });
  });

  it('show why a Build failed; a log that is not served is said', async () => {
    const delivery = 'b'.repeat(32);
    await applyAll([buildOf(delivery)]);
    await finish('b-b', {
      phase: 'Failed',
      reason: 'FetchSourceFailed',
      message: 'no source',
      logSnippet: 'fatal: gone',
    });
    await expect(trigger(target(), { delivery })).rejects.toMatchObject({
      code: 'rebuild-refused',
      message: expect.stringMatching(
        /ended as Failed: "FetchSourceFailed", "no source"; its log ends with "fatal: gone"; more could not be read/,
      ) as string,
    });
  });

  it('name the right that is missing, as this API server judges it', async () => {
    await kube(['delete', 'rolebinding', 'rebuild-by-openshift-build', '-n', NAMESPACE]);
    await expect(trigger(target(), { delivery: 'f'.repeat(32) })).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining(
        '{apiGroups: [build.openshift.io], resources: [buildconfigs], verbs: [get]}',
      ) as string,
    });
    await applyAll(rightsOf('rebuild-by-openshift-build'));
    // The API of CustomResources has no instantiate: the right is there, and the path is not.
    await expect(trigger(target(), { delivery: 'f'.repeat(32) })).rejects.toMatchObject({ status: 404 });
  });
});
