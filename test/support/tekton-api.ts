/**
 * A strict loopback stand-in for the part of a Kubernetes API with Tekton that creates and follows a PipelineRun: unknown
 * fields, wrong kinds, missing rights and names that exist are refused. A PipelineRun moves when a test says so.
 */
import { LoopbackApi, status, unknownFields } from './loopback-api.ts';
import type { ApiAnswer, ApiRequest } from './loopback-api.ts';

const TEKTON = '/apis/tekton.dev/v1/namespaces/signatures';
const PODS = '/api/v1/namespaces/signatures/pods/';
const ANY = { '*': true };
const PIPELINE_RUN = {
  apiVersion: true,
  kind: true,
  metadata: { name: true, namespace: true, labels: ANY, annotations: ANY },
  spec: {
    pipelineRef: { name: true },
    params: { name: true, value: true },
    taskRunTemplate: { serviceAccountName: true },
    timeouts: { pipeline: true },
  },
};

interface StandInRun {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> };
  readonly spec: unknown;
  status?: unknown;
}

export class TektonApiServer extends LoopbackApi {
  readonly runs = new Map<string, StandInRun>();
  /** What a PipelineRun comes to, one condition for each look; the last one stays. */
  conditions: readonly Readonly<Record<string, string>>[] = [
    { type: 'Succeeded', status: 'Unknown', reason: 'Running', message: 'Tasks Completed: 0' },
    { type: 'Succeeded', status: 'True', reason: 'Succeeded' },
  ];
  taskRuns: readonly unknown[] = [];
  /** By `pod/container`. */
  readonly logs = new Map<string, string>();
  #looks = 0;

  protected decide(request: ApiRequest): ApiAnswer {
    const { path, method } = request;
    if (request.isAnonymous) return status(403, 'forbidden: User "system:anonymous"');
    if (path === `${TEKTON}/pipelineruns` && method === 'POST') return this.#create(request.body as StandInRun);
    if (path.startsWith(`${TEKTON}/pipelineruns/`) && method === 'GET') return this.#get(path.split('/').at(-1)!);
    if (path === `${TEKTON}/taskruns` && method === 'GET') return this.#list(request);
    if (path.startsWith(PODS) && path.endsWith('/log') && method === 'GET') return this.#log(request);
    return status(404, `the server could not find the requested resource ${path}`);
  }

  #create(run: StandInRun): ApiAnswer {
    const refused = this.refuse('create pipelineruns', 'pipelineruns.tekton.dev');
    if (refused !== undefined) return refused;
    const unknown = unknownFields(run, PIPELINE_RUN);
    if (unknown.length > 0) return status(400, `strict decoding error: unknown field "${unknown[0]}"`);
    if (run.apiVersion !== 'tekton.dev/v1' || run.kind !== 'PipelineRun') return status(400, 'wrong kind');
    const { name } = run.metadata;
    if (!/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/.test(name)) return status(422, `invalid name ${name}`);
    if (this.runs.has(name)) return status(409, `pipelineruns.tekton.dev "${name}" already exists`);
    this.runs.set(name, run);
    return { status: 201, body: run };
  }

  #get(name: string): ApiAnswer {
    const refused = this.refuse('get pipelineruns', `pipelineruns.tekton.dev "${name}"`);
    if (refused !== undefined) return refused;
    const run = this.runs.get(name);
    if (run === undefined) return status(404, `pipelineruns.tekton.dev "${name}" not found`);
    const condition = this.conditions[Math.min(this.#looks, this.conditions.length - 1)];
    this.#looks += 1;
    return { status: 200, body: { ...run, ...(condition !== undefined && { status: { conditions: [condition] } }) } };
  }

  #list({ query }: ApiRequest): ApiAnswer {
    const refused = this.refuse('list taskruns', 'taskruns.tekton.dev');
    if (refused !== undefined) return refused;
    const [label, name = ''] = (query.get('labelSelector') ?? '').split('=');
    if (label !== 'tekton.dev/pipelineRun' || !this.runs.has(name))
      return status(400, 'this server knows one selector');
    return { status: 200, body: { kind: 'TaskRunList', apiVersion: 'tekton.dev/v1', items: this.taskRuns } };
  }

  #log({ path, query }: ApiRequest): ApiAnswer {
    const refused = this.refuse('get pods/log', 'pods');
    if (refused !== undefined) return refused;
    const [lines, bytes] = [Number(query.get('tailLines')), Number(query.get('limitBytes'))];
    if (!(lines > 0 && bytes > 0)) return status(400, 'this server gives bounded logs only');
    const log = this.logs.get(`${path.slice(PODS.length, -'/log'.length)}/${query.get('container') ?? ''}`);
    if (log === undefined) return status(404, 'pods not found');
    return { status: 200, body: log.split('\n').slice(-lines).join('\n').slice(0, bytes) };
  }
}
