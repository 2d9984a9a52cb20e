import type { V1Deployment } from '@kubernetes/client-node';
import { quote } from '../../workflows/domain/digest.ts';
import { sleepUnlessAborted } from '../oci/sleep-unless-aborted.ts';
import { SignatureServerError } from './error.ts';
import type { ServerCall } from './http-exchange.ts';
import { KubernetesError, askKubernetes } from './kubernetes-api.ts';
import type { ClusterAccess, KubernetesClients, NeededRight } from './kubernetes-api.ts';
import type { RebuildRequest } from './rebuild-request.ts';

/** A Deployment whose pods take up the served branch when they start. */
export interface RolloutTarget {
  readonly access: ClusterAccess;
  readonly namespace: string;
  readonly deployment: string;
  /** Between two looks; 2 s by default. */
  readonly pollMs?: number;
  /** How long one call follows a rollout before it leaves the rest to the next; 2 minutes by default. */
  readonly followMs?: number;
}

const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';
const COMMIT = 'countersign/commit';
const REQUESTED_AT = 'countersign/requested-at';
const DEFAULT_POLL_MS = 2_000;
const DEFAULT_FOLLOW_MS = 120_000;
const RACES = 5;

/**
 * Restarts a Deployment as `kubectl rollout restart` does, and follows it to its end. A rollout that was asked for at or
 * after this request is enough: its pods started after the commit, so another attempt restarts nothing, and of many
 * requests at once few restart.
 * @throws SignatureServerError `rebuild-refused` where the rollout cannot succeed or a right is missing,
 * `rebuild-unavailable` while it is under way or the API does not answer.
 */
export async function triggerRollout(target: RolloutTarget, request: RebuildRequest, call: ServerCall): Promise<void> {
  const started = performance.now();
  let deployment = await restartOnce(target, request, call);
  for (;;) {
    const progress = progressOf(deployment);
    if (progress.state === 'done') return;
    if (progress.state === 'failed') throw failed(target, progress.why);
    if (performance.now() - started > (target.followMs ?? DEFAULT_FOLLOW_MS)) {
      throw new SignatureServerError('rebuild-unavailable', `${subjectOf(target)} is under way: ${progress.why}`);
    }
    await sleepUnlessAborted(target.pollMs ?? DEFAULT_POLL_MS, call.signal);
    deployment = await read(target, call);
  }
}

/** Somebody else may change the Deployment between our look and our change; then both are made again. */
async function restartOnce(target: RolloutTarget, request: RebuildRequest, call: ServerCall): Promise<V1Deployment> {
  for (let race = 0; race < RACES; race++) {
    const deployment = await read(target, call);
    refuseUnfit(target, deployment);
    const annotations = deployment.spec?.template.metadata?.annotations ?? {};
    // Both times are Temporal's; this machine's clock does not matter.
    if (Date.parse(annotations[REQUESTED_AT] ?? '') >= request.requestedAt) return deployment;
    try {
      return await restart(target, { deployment, request, call });
    } catch (error) {
      if (!(error instanceof SignatureServerError) || error.status !== 409) throw error;
    }
  }
  throw new SignatureServerError('rebuild-unavailable', `${subjectOf(target)} was changed by others ${RACES} times`);
}

async function restart(
  target: RolloutTarget,
  { deployment, request, call }: { deployment: V1Deployment; request: RebuildRequest; call: ServerCall },
): Promise<V1Deployment> {
  const annotations = {
    [RESTARTED_AT]: new Date().toISOString(),
    [COMMIT]: request.after,
    [REQUESTED_AT]: new Date(request.requestedAt).toISOString(),
  };
  const resourceVersion = deployment.metadata?.resourceVersion;
  const body = {
    ...(resourceVersion !== undefined && { metadata: { resourceVersion } }),
    spec: { template: { metadata: { annotations } } },
  };
  const { namespace, deployment: name } = target;
  return await ask(target, { verb: 'patch', call }, async ({ apps, patchOptions }) => {
    return await apps.patchNamespacedDeployment({ namespace, name, body }, patchOptions);
  });
}

async function read(target: RolloutTarget, call: ServerCall): Promise<V1Deployment> {
  const { namespace, deployment: name } = target;
  return await ask(target, { verb: 'get', call }, async ({ apps }) => {
    const deployment = await apps.readNamespacedDeployment({ namespace, name });
    if (deployment.spec === undefined) throw new TypeError('no Deployment');
    return deployment;
  });
}

async function ask<Result>(
  target: RolloutTarget,
  { verb, call }: { readonly verb: string; readonly call: ServerCall },
  request: (clients: KubernetesClients) => Promise<Result>,
): Promise<Result> {
  const { namespace, deployment } = target;
  const subject = `Deployment ${quote(deployment)}`;
  const right: NeededRight = { group: 'apps', resource: 'deployments', verb, namespace, subject };
  try {
    return await askKubernetes(target.access, { right, call }, request);
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    const passing = error.problem === 'unavailable' || error.problem === 'conflict';
    const { status } = error;
    const details = { cause: error, ...(status !== undefined && { status }) };
    const code = passing ? 'rebuild-unavailable' : 'rebuild-refused';
    throw new SignatureServerError(code, `trigger rebuild: ${error.message}`, details);
  }
}

function refuseUnfit(target: RolloutTarget, { spec }: V1Deployment): void {
  if (spec?.paused === true) throw failed(target, 'it is paused; kubectl rollout resume');
  if (spec?.replicas === 0) throw failed(target, 'it has no replica; kubectl scale --replicas');
}

type Progress = { readonly state: 'done' } | { readonly state: 'failed' | 'under-way'; readonly why: string };

/** As `kubectl rollout status` has it. */
function progressOf({ metadata, spec, status }: V1Deployment): Progress {
  const wait = (why: string): Progress => ({ state: 'under-way', why });
  if ((metadata?.generation ?? 0) > (status?.observedGeneration ?? 0))
    return wait('the controller has not seen it yet');
  const conditions = status?.conditions ?? [];
  const stuck = conditions.find(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded');
  if (stuck !== undefined) {
    const failure = conditions.find(({ type }) => type === 'ReplicaFailure')?.message ?? stuck.message;
    return { state: 'failed', why: `its progress deadline is exceeded: ${quote((failure ?? '').slice(0, 300))}` };
  }
  const replicas = status?.replicas ?? 0;
  const updatedReplicas = status?.updatedReplicas ?? 0;
  const availableReplicas = status?.availableReplicas ?? 0;
  const wanted = spec?.replicas ?? 1;
  if (updatedReplicas < wanted) return wait(`${updatedReplicas} of ${wanted} replicas are new`);
  if (replicas > updatedReplicas) return wait(`${replicas - updatedReplicas} old replicas are still there`);
  if (availableReplicas < updatedReplicas) return wait(`${availableReplicas} of ${updatedReplicas} are available`);
  return { state: 'done' };
}

function failed(target: RolloutTarget, why: string): SignatureServerError {
  return new SignatureServerError('rebuild-refused', `${subjectOf(target)}: ${why}`);
}

function subjectOf({ namespace, deployment }: RolloutTarget): string {
  return `rollout of Deployment ${quote(deployment)} in namespace ${quote(namespace)}`;
}
