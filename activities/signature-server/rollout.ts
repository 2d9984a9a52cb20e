import type { V1Deployment } from '@kubernetes/client-node';
import { quote } from '../../workflows/domain/digest.ts';
import type { RebuildOutcome } from '../../workflows/domain/rebuild.ts';
import { askForRebuild, hasStatus } from './ask-for-rebuild.ts';
import { SignatureServerError } from './error.ts';
import { followRebuild } from './follow-rebuild.ts';
import type { FollowOptions, RebuildProgress } from './follow-rebuild.ts';
import type { ServerCall } from './http-exchange.ts';
import type { ClusterAccess, KubernetesClients, NeededRight } from './kubernetes-api.ts';
import { REQUEST_MARK, commitMark } from './rebuild-request.ts';
import type { RebuildRequest } from './rebuild-request.ts';

/** A Deployment whose pods take up the served branch when they start. */
export interface RolloutTarget extends FollowOptions {
  readonly access: ClusterAccess;
  readonly namespace: string;
  readonly deployment: string;
}

const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';
const REQUESTED_AT = 'countersign/requested-at';
const REVISION = 'deployment.kubernetes.io/revision';
/** Requests that a Deployment remembers, so that none of them restarts it twice. */
const REMEMBERED = 8;
const RACES = 5;

/**
 * Restarts a Deployment as `kubectl rollout restart` does, and follows it to its end. A rollout that was asked for at or
 * after this request is enough: its pods started after the commit, so another attempt restarts nothing, and of many
 * requests at once few restart.
 * @throws SignatureServerError `rebuild-refused` where the rollout cannot succeed or a right is missing,
 * `rebuild-unavailable` while it is under way or the API does not answer.
 */
export async function triggerRollout(
  target: RolloutTarget,
  request: RebuildRequest,
  call: ServerCall,
): Promise<RebuildOutcome> {
  let { deployment, restarted } = await restartOnce(target, request, call);
  let isFirst = true;
  const options = { ...target, ...(call.signal !== undefined && { signal: call.signal }) };
  const looks = await followRebuild(subjectOf(target), options, async () => {
    if (!isFirst) deployment = await read(target, call);
    isFirst = false;
    return progressOf(target, deployment);
  });
  const revision = deployment.metadata?.annotations?.[REVISION];
  return {
    kind: 'rollout',
    subject: subjectOf(target),
    outcome: restarted || looks > 1 ? 'rebuilt' : 'already-rebuilt',
    name: target.deployment,
    ...(revision !== undefined && { revision }),
  };
}

/** Somebody else may change the Deployment between our look and our change; then both are made again. */
async function restartOnce(
  target: RolloutTarget,
  request: RebuildRequest,
  call: ServerCall,
): Promise<{ readonly deployment: V1Deployment; readonly restarted: boolean }> {
  for (let race = 0; race < RACES; race++) {
    const deployment = await read(target, call);
    refuseUnfit(target, deployment);
    if (isAskedFor(deployment, request)) return { deployment, restarted: false };
    try {
      return { deployment: await restart(target, { deployment, request, call }), restarted: true };
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
    }
  }
  throw new SignatureServerError('rebuild-unavailable', `${subjectOf(target)} was changed by others ${RACES} times`);
}

/** At this time or later, by Temporal's clock: this machine's does not matter. Where nobody tells the time, by name. */
function isAskedFor({ spec }: V1Deployment, { delivery, requestedAt }: RebuildRequest): boolean {
  const annotations = spec?.template.metadata?.annotations ?? {};
  if (requestedAt === undefined) return rememberedIn(annotations).includes(delivery);
  return Date.parse(annotations[REQUESTED_AT] ?? '') >= requestedAt;
}

function rememberedIn(annotations: Readonly<Record<string, string>>): readonly string[] {
  return (annotations[REQUEST_MARK] ?? '').split(' ').filter((name) => name !== '');
}

async function restart(
  target: RolloutTarget,
  { deployment, request, call }: { deployment: V1Deployment; request: RebuildRequest; call: ServerCall },
): Promise<V1Deployment> {
  const before = rememberedIn(deployment.spec?.template.metadata?.annotations ?? {});
  const { requestedAt } = request;
  const annotations = {
    [RESTARTED_AT]: new Date().toISOString(),
    ...commitMark(request),
    [REQUEST_MARK]: [request.delivery, ...before].slice(0, REMEMBERED).join(' '),
    ...(requestedAt !== undefined && { [REQUESTED_AT]: new Date(requestedAt).toISOString() }),
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
  const { access, namespace, deployment } = target;
  const subject = `Deployment ${quote(deployment)}`;
  const right: NeededRight = { group: 'apps', resource: 'deployments', verb, namespace, subject };
  return await askForRebuild(access, { right, call }, request);
}

function refuseUnfit(target: RolloutTarget, { spec }: V1Deployment): void {
  if (spec?.paused === true) throw failed(target, 'it is paused; kubectl rollout resume');
  if (spec?.replicas === 0) throw failed(target, 'it has no replica; kubectl scale --replicas');
}

/** As `kubectl rollout status` has it. */
function progressOf(target: RolloutTarget, { metadata, spec, status }: V1Deployment): RebuildProgress {
  const wait = (why: string): RebuildProgress => ({ state: 'under-way', why });
  if ((metadata?.generation ?? 0) > (status?.observedGeneration ?? 0))
    return wait('the controller has not seen it yet');
  const conditions = status?.conditions ?? [];
  const stuck = conditions.find(({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded');
  if (stuck !== undefined) {
    const failure = conditions.find(({ type }) => type === 'ReplicaFailure')?.message ?? stuck.message;
    const why = `its progress deadline is exceeded: ${quote((failure ?? '').slice(0, 300))}`;
    return { state: 'failed', message: `${subjectOf(target)}: ${why}` };
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
