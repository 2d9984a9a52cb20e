/** The Tekton library in the test cluster: its tasks and pipelines as they are, run in the image of the command. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { countersignLayout } from '../support/cluster/countersign-image.ts';
import { importImage } from '../support/cluster/node-images.ts';
import { waitUntil } from '../support/parts/index.mjs';
import { CLUSTER, applyAll, kube } from './pods.ts';

const LIBRARY = path.resolve(import.meta.dirname, '../../tekton');
const STEP_IMAGE = 'localhost/countersign:1';

/** How a TaskRun or PipelineRun is to run. */
export interface RunWish {
  readonly namespace: string;
  readonly params?: Readonly<Record<string, string>>;
  /** By name: what a workspace of the run is bound to. */
  readonly workspaces?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly serviceAccount?: string;
  readonly timeout?: string;
}

/** How it ended. */
export interface EndedRun {
  readonly name: string;
  readonly isSucceeded: boolean;
  /** What Tekton says of the end. */
  readonly message: string;
  readonly results: Readonly<Record<string, string>>;
  /** Of a TaskRun's last step; undefined where there was none. */
  readonly exitCode: number | undefined;
  /** Of a TaskRun's steps. */
  readonly log: string;
}

interface Run {
  readonly status?: {
    readonly podName?: string;
    readonly conditions?: readonly { readonly status: string; readonly message?: string }[];
    readonly results?: readonly { readonly name: string; readonly value: string }[];
    readonly steps?: readonly { readonly terminated?: { readonly exitCode: number } }[];
  };
}

let count = 0;

/** A document of the library, or of a sample. */
export interface LibraryDocument {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly params?: readonly { readonly name: string; readonly default?: unknown }[];
  } & Readonly<Record<string, unknown>>;
}

/** The documents of a file below `tekton/`. */
export async function readLibrary(file: string): Promise<readonly LibraryDocument[]> {
  const text = await readFile(path.join(LIBRARY, file), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as LibraryDocument);
}

/** Applies every task, step action and pipeline in a namespace, with the image of the command as it was built here. */
export async function installLibrary(namespace: string): Promise<void> {
  await importImage(CLUSTER, 'countersign', await countersignLayout(() => undefined));
  // Tekton's own containers ask for no more than ours where it is told so; namespaces may be restricted then.
  const flags = JSON.stringify({ data: { 'set-security-context': 'true' } });
  await kube(['patch', 'configmap', 'feature-flags', '-n', 'tekton-pipelines', '--patch', flags]);
  const documents: LibraryDocument[] = [];
  for (const kind of ['stepaction', 'task', 'pipeline']) {
    for (const name of await readdir(path.join(LIBRARY, kind)))
      documents.push(...(await readLibrary(`${kind}/${name}/0.1/${name}.yaml`)));
  }
  await applyAll(documents.map((document) => inStepImage(document, namespace)));
}

/** What an installation does with its own mirror of the image: another default of one parameter. */
function inStepImage(document: LibraryDocument, namespace: string): LibraryDocument {
  const { metadata, spec } = document;
  const params = spec.params?.map((param) =>
    param.name === 'countersignImage' ? { ...param, default: STEP_IMAGE } : param,
  );
  return { ...document, metadata: { ...metadata, namespace }, spec: { ...spec, ...(params && { params }) } };
}

/** Runs a task of the library to its end. */
export async function runTask(task: string, wish: RunWish): Promise<EndedRun> {
  const name = newName(task);
  const spec = { taskRef: { name: task }, serviceAccountName: wish.serviceAccount ?? 'default' };
  // What one task has written, the next one reads.
  const podTemplate = { securityContext: { fsGroup: 65532 } };
  await create('TaskRun', name, { wish, spec: { ...spec, podTemplate, timeout: wish.timeout ?? '4m' } });
  return await endOf('taskrun', name, wish.namespace);
}

/** Runs steps of one's own, such as step actions of the library, in one pod to their end. */
export async function runSteps(steps: readonly unknown[], wish: RunWish): Promise<EndedRun> {
  const name = newName('steps');
  const workspaces = Object.keys(wish.workspaces ?? {}).map((workspace) => ({ name: workspace }));
  await create('TaskRun', name, { wish, spec: { taskSpec: { workspaces, steps }, timeout: '4m' } });
  return await endOf('taskrun', name, wish.namespace);
}

/** Runs a pipeline of the library to its end. */
export async function runPipeline(pipeline: string, wish: RunWish): Promise<EndedRun> {
  const name = newName(pipeline);
  const taskRunTemplate = {
    serviceAccountName: wish.serviceAccount ?? 'default',
    podTemplate: { securityContext: { fsGroup: 65532 } },
  };
  const spec = { pipelineRef: { name: pipeline }, taskRunTemplate, timeouts: { pipeline: wish.timeout ?? '8m' } };
  await create('PipelineRun', name, { wish, spec });
  return await endOf('pipelinerun', name, wish.namespace);
}

function newName(of: string): string {
  count += 1;
  return `${of}-${process.pid}-${count}`;
}

async function create(
  kind: string,
  name: string,
  { wish, spec }: { readonly wish: RunWish; readonly spec: Readonly<Record<string, unknown>> },
): Promise<void> {
  const { namespace, params = {}, workspaces = {} } = wish;
  await applyAll([
    {
      apiVersion: 'tekton.dev/v1',
      kind,
      metadata: { name, namespace },
      spec: {
        ...spec,
        params: Object.entries(params).map(([param, value]) => ({ name: param, value })),
        workspaces: Object.entries(workspaces).map(([workspace, binding]) => ({ name: workspace, ...binding })),
      },
    },
  ]);
}

/** Waits until a run has ended. */
export async function endOf(kind: 'taskrun' | 'pipelinerun', name: string, namespace: string): Promise<EndedRun> {
  let run: Run = {};
  const ended = async (): Promise<boolean> => {
    run = JSON.parse(await kube(['get', kind, name, '-n', namespace, '-o', 'json'])) as Run;
    return (run.status?.conditions ?? []).some(({ status }) => status !== 'Unknown');
  };
  await waitUntil(ended, { what: `${kind} ${name} to end`, timeoutMs: 600_000, pollMs: 500 });
  const { podName, conditions, results = [], steps } = run.status ?? {};
  return {
    name,
    isSucceeded: conditions?.[0]?.status === 'True',
    message: conditions?.[0]?.message ?? '',
    results: Object.fromEntries(results.map((result) => [result.name, result.value])),
    exitCode: steps?.at(-1)?.terminated?.exitCode,
    log: podName === undefined ? '' : await logOf(podName, namespace),
  };
}

/** What the tasks of a pipeline's run said, and what Tekton says of them. */
export async function logsOf(pipelineRun: string, namespace: string): Promise<string> {
  const of = ['--namespace', namespace, '-l', `tekton.dev/pipelineRun=${pipelineRun}`];
  const said = await kube(['get', 'taskruns', ...of, '-o', 'jsonpath={.items[*].status.conditions[*].message}']);
  return `${said}\n${await kube(['logs', ...of, '--all-containers', '--ignore-errors', '--prefix', '--tail=30'])}`;
}

/** What the steps said; of a pod that never ran, why. */
async function logOf(pod: string, namespace: string): Promise<string> {
  return await kube(['logs', pod, '-n', namespace, '--all-containers']).catch(async () => {
    return await kube(['get', 'events', '-n', namespace, '--field-selector', `involvedObject.name=${pod}`]);
  });
}
