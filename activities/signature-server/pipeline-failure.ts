import { quote } from '../../workflows/domain/digest.ts';
import { askForRebuild } from './ask-for-rebuild.ts';
import { SignatureServerError } from './error.ts';
import type { ServerCall } from './http-exchange.ts';
import type { ClusterAccess, NeededRight } from './kubernetes-api.ts';
import { LOG_LIMIT_BYTES, LOG_LINES, formatLogTail } from './log-tail.ts';
import { TASK_RUN, TEKTON, readTaskRuns } from './pipeline-objects.ts';
import type { TaskRun } from './pipeline-objects.ts';

interface Place {
  readonly access: ClusterAccess;
  readonly namespace: string;
}

/** More TaskRuns than a pipeline that rebuilds a server has. */
const MOST_TASK_RUNS = 100;

/**
 * Why a PipelineRun failed: the TaskRun that did, what it says, and the end of its step's log. What cannot be read, for
 * example because a right is missing, is said in its place.
 */
export async function describePipelineFailure(place: Place, pipelineRun: string, call: ServerCall): Promise<string> {
  try {
    const failed = (await listTaskRuns(place, pipelineRun, call)).find(
      ({ status }) =>
        status?.conditions?.some(({ type, status: is }) => type === 'Succeeded' && is === 'False') === true,
    );
    if (failed === undefined) return '';
    const said = failed.status?.conditions?.find(({ type }) => type === 'Succeeded')?.message ?? '';
    return `; TaskRun ${quote(failed.metadata.name)} says ${quote(said)}${await describeStep(place, failed, call)}`;
  } catch (error) {
    return unreadable(error, call);
  }
}

async function listTaskRuns(
  { access, namespace }: Place,
  pipelineRun: string,
  call: ServerCall,
): Promise<readonly TaskRun[]> {
  const right: NeededRight = {
    group: TEKTON.group,
    resource: TASK_RUN.plural,
    verb: 'list',
    namespace,
    subject: `TaskRuns of PipelineRun ${quote(pipelineRun)}`,
  };
  const labelSelector = `tekton.dev/pipelineRun=${pipelineRun}`;
  return await askForRebuild(access, { right, call }, async ({ custom }) =>
    readTaskRuns(
      await custom.listNamespacedCustomObject({ ...TASK_RUN, namespace, labelSelector, limit: MOST_TASK_RUNS }),
    ),
  );
}

async function describeStep(place: Place, { status }: TaskRun, call: ServerCall): Promise<string> {
  const step = status?.steps?.find(({ terminated }) => terminated !== undefined && terminated.exitCode !== 0);
  if (step === undefined || status?.podName === undefined) return '';
  const what = `; step ${quote(step.name)} ended with exit code ${step.terminated?.exitCode ?? 0}`;
  const log = { pod: status.podName, container: step.container ?? `step-${step.name}` };
  try {
    return `${what}, ${formatLogTail(await readLog(place, log, call))}`;
  } catch (error) {
    return `${what}${unreadable(error, call)}`;
  }
}

async function readLog(
  { access, namespace }: Place,
  { pod, container }: { readonly pod: string; readonly container: string },
  call: ServerCall,
): Promise<string> {
  const right: NeededRight = {
    group: '""',
    resource: 'pods/log',
    verb: 'get',
    namespace,
    subject: `log of pod ${quote(pod)}`,
  };
  const bounds = { tailLines: LOG_LINES, limitBytes: LOG_LIMIT_BYTES };
  return await askForRebuild(access, { right, call }, async ({ core }) =>
    core.readNamespacedPodLog({ name: pod, namespace, container, ...bounds }),
  );
}

function unreadable(error: unknown, call: ServerCall): string {
  call.signal?.throwIfAborted();
  if (!(error instanceof SignatureServerError)) throw error;
  return `; more could not be read: ${error.message}`;
}
