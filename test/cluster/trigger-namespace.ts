/** The triggers of the library in a namespace of the test cluster, installed as their README says. */
import path from 'node:path';
import { WEBHOOK_SECRETS } from '../support/tekton/push-cases.ts';
import type { Delivery } from '../support/tekton/push-deliveries.ts';
import { waitUntil } from '../support/parts/index.mjs';
import { runInNode } from '../support/cluster/node.ts';
import { kubectl } from '../support/cluster/control-plane.ts';
import { CLUSTER, kube } from './pods.ts';

/** The one that the settings name. */
export const NAMESPACE = 'signature-server';

const OVERLAY = path.resolve(import.meta.dirname, '../../tekton/trigger/overlays/kubernetes');

/** A run as far as the tests look at it. */
export interface StartedRun {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: {
    readonly params?: readonly { readonly name: string; readonly value: string }[];
    readonly taskRunTemplate?: { readonly serviceAccountName?: string };
  };
}

/** Namespace, shared secrets, `kubectl apply -k`; ready when the EventListener answers. Its address. */
export async function installTriggers(): Promise<string> {
  await kube(['create', 'namespace', NAMESPACE]);
  const keys = Object.entries(WEBHOOK_SECRETS).map(([host, secret]) => `--from-literal=${host}=${secret}`);
  await kube(['create', 'secret', 'generic', 'signature-webhook', '--namespace', NAMESPACE, ...keys]);
  await kube(['apply', '-k', OVERLAY]);
  const made = async (): Promise<boolean> =>
    (await kube(named('deployment', 'el-signatures'))).includes('el-signatures');
  await waitUntil(made, { what: 'the Deployment of the EventListener', timeoutMs: 60_000, pollMs: 500 });
  const status = ['rollout', 'status', 'deployment/el-signatures', '--timeout=120s', '--namespace', NAMESPACE];
  await kube(status);
  const service = await kube([
    ...named('service', 'el-signatures'),
    '-o',
    'jsonpath={.spec.clusterIP}:{.spec.ports[0].port}',
  ]);
  const address = `http://${service}/`;
  await waitUntil(() => answers(address), { what: `${address} to answer`, timeoutMs: 60_000, pollMs: 300 });
  return address;
}

/** Sends a delivery; the code of the answer. */
export async function send(address: string, { headers, body }: Delivery): Promise<number> {
  const response = await fetch(address, { method: 'POST', headers, body });
  await response.text();
  return response.status;
}

/** Every PipelineRun in the namespace. */
export async function startedRuns(): Promise<readonly StartedRun[]> {
  const list = await kube(['get', 'pipelineruns', '--namespace', NAMESPACE, '-o', 'json']);
  return (JSON.parse(list) as { items: readonly StartedRun[] }).items;
}

/** Waits for a run of this commit. */
export async function runOf(commit: string): Promise<StartedRun> {
  let run: StartedRun | undefined;
  const name = `signature-server-${commit}`;
  const found = async (): Promise<boolean> =>
    (run = (await startedRuns()).find((one) => one.metadata.name === name)) !== undefined;
  await waitUntil(found, { what: `the run ${name}`, timeoutMs: 60_000, pollMs: 300 });
  return run!;
}

/** The answer of `kubectl auth can-i` for a ServiceAccount of the namespace. */
export async function canI(account: string, words: readonly string[]): Promise<string> {
  const asked = [...kubectl(CLUSTER), 'auth', 'can-i', ...words, '--as', accountName(account)];
  // "no" is an answer as well, with an exit code of its own.
  return (await runInNode(CLUSTER, ['sh', '-c', '"$@" 2>/dev/null || true', 'sh', ...asked])).trim();
}

/** What the API server says that a ServiceAccount may do in a namespace, one line for each verb of each resource. */
export async function rightsOf(account: string, namespace: string): Promise<readonly string[]> {
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`, 'system:authenticated'];
  const as = ['--as', accountName(account), ...groups.flatMap((group) => ['--as-group', group])];
  const answer = await kube(['create', '--validate=false', '-f', '-', '-o', 'json', ...as], JSON.stringify(review));
  const { status } = JSON.parse(answer) as { status: { resourceRules: readonly ResourceRule[] } };
  const lines = status.resourceRules.flatMap(({ verbs, apiGroups = [], resources = [], resourceNames = [''] }) =>
    verbs.flatMap((verb) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          resourceNames.map((name) => `${verb} ${resource}${group && `.${group}`}${name && `/${name}`}`),
        ),
      ),
    ),
  );
  return [...new Set(lines)].sort();
}

interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

function accountName(account: string): string {
  return `system:serviceaccount:${NAMESPACE}:${account}`;
}

function named(kind: string, name: string): readonly string[] {
  return ['get', kind, name, '--namespace', NAMESPACE, '--ignore-not-found'];
}

async function answers(address: string): Promise<boolean> {
  return (await send(address, { headers: { 'Content-Type': 'application/json' }, body: '{}' })) === 202;
}
