import { conditionOfDescribed } from './condition.ts';
import type { PendingActivity, PromotionDescription, PromotionEngine, PromotionEnding, RunRef } from './engine.ts';
import { findProblems } from './problems.ts';
import { parseId } from './promotion-ids.ts';
import type { ActivityView, CopyProgress, PromotionView, StallView } from './view.ts';
import { isCondition } from '../exit-codes.ts';
import type { ViewCondition } from '../exit-codes.ts';
import { ORCHESTRATOR_QUEUE, copyQueue, environmentQueue } from '../../workflows/domain/names.ts';
import type { PromotionStatus } from '../../workflows/domain/promotion.ts';

/** How long `status` waits for a worker before it shows what Temporal itself knows. */
export const QUERY_WITHIN_MS = 3_000;

/** How a promotion is read. */
export interface ReadOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** 0 leaves the worker alone. */
  readonly queryWithinMs?: number;
}

/**
 * Reads everything that is known of a promotion: first what Temporal tells without a worker, then the worker's own
 * snapshot. Undefined where Temporal knows no such promotion.
 */
export async function readPromotion(
  engine: PromotionEngine,
  id: string,
  { now, queryWithinMs = QUERY_WITHIN_MS }: ReadOptions,
): Promise<PromotionView | undefined> {
  const description = await engine.describe(id);
  if (description === undefined) return undefined;
  const target = { id, run: description.run };
  const ended = description.execution !== 'running';
  const [status, ending] = await Promise.all([
    askWorker(engine, target, queryWithinMs),
    ended ? engine.ending(target) : NOT_ENDED,
  ]);
  const activities = description.activities.map((one) => activityView(one, description.environment));
  const silent = queryWithinMs > 0 && status === undefined;
  const problems = ended ? [] : await findProblems(engine, { description, activities, now, silent });
  const view = viewOf(description, status, ending);
  const reason = view.result?.reason ?? view.failure ?? view.stall?.message ?? null;
  return { ...view, outcome: view.result?.outcome ?? null, reason, activities, problems };
}

/** Where nobody polls, nobody will answer, and the wait is spared. */
async function askWorker(
  engine: PromotionEngine,
  target: RunRef,
  withinMs: number,
): Promise<PromotionStatus | undefined> {
  if (withinMs === 0 || (await engine.lastPoll(ORCHESTRATOR_QUEUE, 'workflow')) === null) return undefined;
  return await engine.query(target, withinMs);
}

const NOT_ENDED: PromotionEnding = { result: null, failure: null };

function viewOf(
  description: PromotionDescription,
  status: PromotionStatus | undefined,
  { result, failure }: PromotionEnding,
): Omit<PromotionView, 'activities' | 'problems' | 'outcome' | 'reason'> {
  const { id, memo, closedAt } = description;
  return {
    id,
    // Until its first workflow task the promotion has shown nothing, and its first run is the one that is there.
    run: status?.run ?? textOr(memo.run, description.run),
    condition: conditionOf(description, status, result),
    image: status?.image ?? memo.image ?? imageOfId(id),
    to: status?.to ?? memo.to ?? '',
    started: status?.started ?? memo.started ?? new Date(description.startedAt).toISOString(),
    since: memo.since === undefined ? null : new Date(memo.since).toISOString(),
    ended: closedAt === null ? null : new Date(closedAt).toISOString(),
    environment: result?.environment ?? environmentOf(description, status),
    step: status === undefined ? textOr(memo.step, null) : stepOf(status),
    answered: status !== undefined,
    requesters: status?.requesters ?? [],
    route: status?.route ?? [],
    environments: status?.environments ?? [],
    refused: status?.refused ?? 0,
    refusals: status?.refusals ?? [],
    stall: description.execution === 'running' ? stallOf(description, status) : null,
    result: result ?? status?.result ?? null,
    failure,
  };
}

/** The snapshot is the newest word on a promotion that runs; the execution has the last word on one that ended. */
function conditionOf(
  description: PromotionDescription,
  status: PromotionStatus | undefined,
  result: PromotionEnding['result'],
): ViewCondition {
  if (description.execution === 'completed' && isCondition(result?.outcome)) return result.outcome;
  const described = conditionOfDescribed(description);
  if (description.execution !== 'running' || described === 'blocked' || status === undefined) return described;
  return status.result === null ? status.condition : 'running';
}

function stallOf({ memo, environment }: PromotionDescription, status: PromotionStatus | undefined): StallView | null {
  if (status !== undefined) {
    if (status.stall === null) return null;
    const { number, step, message, until } = status.stall;
    return { number, environment: status.stall.environment, step, message, until: new Date(until).toISOString() };
  }
  if (memo.condition !== 'stalled' || memo.stall === undefined) return null;
  const { stall: number, step = '', stalled: message = '' } = memo;
  return { number, environment: memo.environment ?? environment, step, message, until: null };
}

function environmentOf({ environment, memo }: PromotionDescription, status: PromotionStatus | undefined): string {
  const current = status?.environments.findLast(({ phase }) => phase !== 'pending');
  return current?.environment ?? memo.environment ?? environment;
}

function stepOf(status: PromotionStatus): string | null {
  return status.stall?.step ?? status.environments.findLast(({ phase }) => phase !== 'pending')?.step ?? null;
}

function activityView(one: PendingActivity, environment: string): ActivityView {
  const { name, started, attempt, lastFailure } = one;
  return {
    name,
    queue: one.queue ?? (name === 'copy' ? copyQueue(environment) : environmentQueue(environment)),
    started,
    attempt,
    scheduled: isoOrNull(one.scheduledAt),
    heartbeat: isoOrNull(one.heartbeatAt),
    nextAttempt: isoOrNull(one.nextAttemptAt),
    lastFailure,
    copy: name === 'copy' ? parseCopyProgress(one.untrustedHeartbeat) : null,
  };
}

/** The counters of a copy's heartbeat, or null where it carries something else. */
export function parseCopyProgress(untrusted: unknown): CopyProgress | null {
  if (typeof untrusted !== 'object' || untrusted === null) return null;
  const { bytesDone, bytesTotal, blobsDone, blobsTotal } = untrusted as Record<string, unknown>;
  if (!isCount(bytesDone) || !isCount(bytesTotal) || !isCount(blobsDone) || !isCount(blobsTotal)) return null;
  return { bytesDone, bytesTotal, blobsDone, blobsTotal };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function imageOfId(id: string): PromotionView['image'] {
  const parts = parseId(id);
  return parts === undefined
    ? { name: id, tag: '', digest: '' }
    : { name: parts.name, tag: parts.tag, digest: parts.digest };
}

function textOr<T>(text: string | undefined, otherwise: T): string | T {
  return text === undefined || text === '' ? otherwise : text;
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
