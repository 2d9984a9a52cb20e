/** The triggers of the library in a namespace of the test cluster, installed as their README says. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WEBHOOK_SECRETS } from '../support/tekton/push-cases.ts';
import { pushEventOf, withCommits } from '../support/tekton/push-deliveries.ts';
import type { Delivery, PushEvent } from '../support/tekton/push-deliveries.ts';
import type { GitHostRepository } from '../support/git-host.ts';
import { waitUntil } from '../support/parts/index.mjs';
import { runInNode } from '../support/cluster/node.ts';
import { kubectl } from '../support/cluster/control-plane.ts';
import { CLUSTER, kube } from './pods.ts';

/** The one that the settings name. */
export const NAMESPACE = 'signature-server';

const TRIGGER = path.resolve(import.meta.dirname, '../../tekton/trigger');
const OVERLAY = 'overlays/kubernetes';

/** A run as far as the tests look at it. */
export interface StartedRun {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: {
    readonly params?: readonly { readonly name: string; readonly value: string }[];
    readonly taskRunTemplate?: { readonly serviceAccountName?: string };
  };
}

/** A copy of the triggers for a site: its settings written into the overlay, and components switched on there. */
export async function copyTriggers(
  folder: string,
  { settings, components }: { settings: Readonly<Record<string, string>>; components: readonly string[] },
): Promise<string> {
  await cp(TRIGGER, folder, { recursive: true });
  await change(path.join(folder, OVERLAY, 'settings.yaml'), (text) =>
    Object.entries(settings).reduce(
      (changed, [name, value]) => changed.replace(new RegExp(`^  ${name}: .*$`, 'm'), `  ${name}: ${value}`),
      text,
    ),
  );
  await change(path.join(folder, OVERLAY, 'kustomization.yaml'), (text) =>
    components.reduce(
      (changed, name) => changed.replace(`# - ../../components/${name} `, `- ../../components/${name} `),
      text,
    ),
  );
  return folder;
}

/** Shared secrets, `kubectl apply -k`; ready when the EventListener answers. Its address. */
export async function installTriggers(namespace: string, folder = TRIGGER): Promise<string> {
  const keys = Object.entries(WEBHOOK_SECRETS).map(([host, secret]) => `--from-literal=${host}=${secret}`);
  await kube(['create', 'secret', 'generic', 'signature-webhook', '--namespace', namespace, ...keys]);
  await kube(['apply', '-k', path.join(folder, OVERLAY)]);
  const made = async (): Promise<boolean> =>
    (await kube(named(namespace, 'deployment', 'el-signatures'))).includes('el-signatures');
  await waitUntil(made, { what: 'the Deployment of the EventListener', timeoutMs: 60_000, pollMs: 500 });
  const status = ['rollout', 'status', 'deployment/el-signatures', '--timeout=120s', '--namespace', namespace];
  await kube(status);
  const service = await kube([
    ...named(namespace, 'service', 'el-signatures'),
    '-o',
    'jsonpath={.spec.clusterIP}:{.spec.ports[0].port}',
  ]);
  const address = `http://${service}/`;
  await waitUntil(() => answers(address), { what: `${address} to answer`, timeoutMs: 60_000, pollMs: 300 });
  return address;
}

/** Removes what is not in the namespace. */
export async function removeTriggers(namespace: string): Promise<void> {
  const binding = `clusterrolebinding/countersign-signature-listener.${namespace}`;
  await kube(['delete', '--ignore-not-found', 'clusterrole/countersign-signature-listener', binding]);
}

/** Two commits with a signature each, pushed by hand to the served branch: the push event as GitHub delivers it. */
export async function pushByHand(
  repository: GitHostRepository,
  told: { readonly full_name: string; readonly clone_url: string },
): Promise<PushEvent> {
  const before = (await repository.git('rev-parse', 'main')).trim();
  const push = async (digit: string): Promise<string> => {
    const file = `images/acme/by-hand@sha256=${digit.repeat(64)}/signature-1`;
    return await repository.commit('main', { [file]: Buffer.from([0x90, 0x0d, 0x03, 0x04, 0x00, 0x08, 0x01]) });
  };
  const ids = [await push('a'), await push('b')];
  const event = pushEventOf('github');
  const commits = ids.map((id) => ({ ...event.commits[0]!, id }));
  return {
    ...withCommits(event, commits),
    before,
    after: ids[1]!,
    repository: { ...(event['repository'] as object), ...told },
  };
}

/** Sends a delivery; the code of the answer. */
export async function send(address: string, { headers, body }: Delivery): Promise<number> {
  const response = await fetch(address, { method: 'POST', headers, body });
  await response.text();
  return response.status;
}

/** Every PipelineRun in the namespace. */
export async function startedRuns(namespace = NAMESPACE): Promise<readonly StartedRun[]> {
  const list = await kube(['get', 'pipelineruns', '--namespace', namespace, '-o', 'json']);
  return (JSON.parse(list) as { items: readonly StartedRun[] }).items;
}

/** Waits for a run of this commit. */
export async function runOf(commit: string, namespace = NAMESPACE): Promise<StartedRun> {
  let run: StartedRun | undefined;
  const name = `signature-server-${commit}`;
  const found = async (): Promise<boolean> =>
    (run = (await startedRuns(namespace)).find((one) => one.metadata.name === name)) !== undefined;
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

async function change(file: string, how: (text: string) => string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const changed = how(text);
  if (changed === text) throw new Error(`${file} is not what it was: nothing in it was changed`);
  await writeFile(file, changed);
}

function named(namespace: string, kind: string, name: string): readonly string[] {
  return ['get', kind, name, '--namespace', namespace, '--ignore-not-found'];
}

async function answers(address: string): Promise<boolean> {
  return (await send(address, { headers: { 'Content-Type': 'application/json' }, body: '{}' })) === 202;
}
