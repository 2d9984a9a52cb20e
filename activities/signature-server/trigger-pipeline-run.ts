import { quote } from '../../workflows/domain/digest.ts';
import type { RebuildOutcome } from '../../workflows/domain/rebuild.ts';
import { askForRebuild, hasStatus } from './ask-for-rebuild.ts';
import { SignatureServerError } from './error.ts';
import { followRebuild } from './follow-rebuild.ts';
import type { FollowOptions, RebuildProgress } from './follow-rebuild.ts';
import type { ServerCall } from './http-exchange.ts';
import type { ClusterAccess, NeededRight } from './kubernetes-api.ts';
import { describePipelineFailure } from './pipeline-failure.ts';
import { PIPELINE_RUN, readPipelineRun, TEKTON } from './pipeline-objects.ts';
import type { PipelineRun } from './pipeline-objects.ts';
import { REQUEST_MARK, commitMark } from './rebuild-request.ts';
import type { RebuildRequest } from './rebuild-request.ts';

/** A Pipeline of Tekton that rebuilds the signature server. */
export interface PipelineRunTarget extends FollowOptions {
  readonly access: ClusterAccess;
  readonly namespace: string;
  readonly pipeline: string;
  /** Of the pods; the namespace's own by default. */
  readonly serviceAccount?: string;
  /** By name; `{commit}`, `{branch}` and `{repository}` in a value stand for what was pushed. */
  readonly params?: Readonly<Record<string, string>>;
  /** How long the run may take before Tekton ends it; Tekton's own default, an hour, where absent. */
  readonly timeoutMs?: number;
}

/** Room for the request's digits: the names of pods are made from it, and they are cut at 63. */
const PIPELINE_IN_NAME = 40;
const REQUEST_IN_NAME = 12;

/**
 * Creates a PipelineRun, whose name is made from the request, and follows it to its end: a repeated attempt meets the one
 * that exists. Where it fails, the message names the TaskRun, what it says, and the end of its step's log.
 * @throws SignatureServerError `rebuild-refused` where it failed, was cancelled or a right is missing,
 * `rebuild-unavailable` while it is under way or the API does not answer.
 */
export async function triggerPipelineRun(
  target: PipelineRunTarget,
  request: RebuildRequest,
  call: ServerCall,
): Promise<RebuildOutcome> {
  const name = runName(target, request);
  const created = await createOnce(target, { name, request, call });
  const subject = `PipelineRun ${quote(name)} in namespace ${quote(target.namespace)}`;
  const options = { ...target, ...(call.signal !== undefined && { signal: call.signal }) };
  const looks = await followRebuild(subject, options, async () => {
    const run = await readRun(target, name, call);
    if (run.metadata.labels?.[REQUEST_MARK] !== request.delivery) throw foreign(subject);
    return await progressOf(target, { run, subject, call });
  });
  return { kind: 'pipelineRun', subject, outcome: created || looks > 1 ? 'rebuilt' : 'already-rebuilt', name };
}

function runName({ pipeline }: PipelineRunTarget, { delivery }: RebuildRequest): string {
  const stem = pipeline.slice(0, PIPELINE_IN_NAME).replace(/[.-]+$/, '');
  return `${stem}-${delivery.slice(0, REQUEST_IN_NAME)}`;
}

/** False where it exists already. */
async function createOnce(
  target: PipelineRunTarget,
  { name, request, call }: { readonly name: string; readonly request: RebuildRequest; readonly call: ServerCall },
): Promise<boolean> {
  const { access, namespace, pipeline } = target;
  const right = rightTo('create', namespace, `PipelineRun of Pipeline ${quote(pipeline)}`);
  try {
    await askForRebuild(access, { right, call }, async ({ custom }) => {
      await custom.createNamespacedCustomObject({ ...PIPELINE_RUN, namespace, body: runOf(target, name, request) });
    });
    return true;
  } catch (error) {
    if (hasStatus(error, 409)) return false;
    throw error;
  }
}

function runOf(target: PipelineRunTarget, name: string, request: RebuildRequest): object {
  const { namespace, pipeline, serviceAccount, params = {}, timeoutMs } = target;
  return {
    apiVersion: `${TEKTON.group}/${TEKTON.version}`,
    kind: 'PipelineRun',
    metadata: {
      name,
      namespace,
      labels: { 'app.kubernetes.io/managed-by': 'countersign', [REQUEST_MARK]: request.delivery },
      annotations: commitMark(request),
    },
    spec: {
      pipelineRef: { name: pipeline },
      params: Object.entries(params).map(([key, value]) => ({ name: key, value: fillIn(value, request) })),
      ...(serviceAccount !== undefined && { taskRunTemplate: { serviceAccountName: serviceAccount } }),
      ...(timeoutMs !== undefined && { timeouts: { pipeline: `${Math.ceil(timeoutMs / 1000)}s` } }),
    },
  };
}

function fillIn(value: string, { after, branch, repositoryUrl }: RebuildRequest): string {
  const known: Readonly<Record<string, string>> = { commit: after, branch, repository: repositoryUrl };
  return value.replaceAll(/\{(commit|branch|repository)\}/g, (_, word: string) => known[word] ?? '');
}

async function readRun(target: PipelineRunTarget, name: string, call: ServerCall): Promise<PipelineRun> {
  const { access, namespace } = target;
  const right = rightTo('get', namespace, `PipelineRun ${quote(name)}`);
  try {
    return await askForRebuild(access, { right, call }, async ({ custom }) =>
      readPipelineRun(await custom.getNamespacedCustomObject({ ...PIPELINE_RUN, namespace, name })),
    );
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
    const message = `PipelineRun ${quote(name)} in namespace ${quote(namespace)} was deleted before it ended; it is made anew`;
    throw new SignatureServerError('rebuild-unavailable', message, { cause: error });
  }
}

async function progressOf(
  target: PipelineRunTarget,
  { run, subject, call }: { readonly run: PipelineRun; readonly subject: string; readonly call: ServerCall },
): Promise<RebuildProgress> {
  const succeeded = run.status?.conditions?.find(({ type }) => type === 'Succeeded');
  if (succeeded?.status === 'True') return { state: 'done' };
  if (succeeded?.status !== 'False')
    return { state: 'under-way', why: succeeded?.message ?? 'Tekton has not seen it yet' };
  const why = await describePipelineFailure(target, run.metadata.name, call);
  const message = `${subject} failed: ${succeeded.reason ?? 'no reason'}, ${quote(succeeded.message ?? '')}${why}`;
  return { state: 'failed', message };
}

function rightTo(verb: string, namespace: string, subject: string): NeededRight {
  return { group: TEKTON.group, resource: PIPELINE_RUN.plural, verb, namespace, subject };
}

function foreign(subject: string): SignatureServerError {
  const message = `${subject} exists and was not made by this request; delete it`;
  return new SignatureServerError('rebuild-refused', message);
}
