import type {
  WorkflowExecutionDescription,
  WorkflowExecutionInfo,
  WorkflowExecutionStatusName,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import type { ExecutionStatus, ListedPromotion, PendingActivity, PromotionDescription } from './engine.ts';
import type { PromotionMemo } from '../../workflows/domain/messages.ts';

type RawActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];
type RawFailure = NonNullable<RawActivity['lastFailure']>;
type RawTime = RawActivity['scheduledTime'];

const EXECUTIONS: Partial<Readonly<Record<WorkflowExecutionStatusName, ExecutionStatus>>> = {
  RUNNING: 'running',
  PAUSED: 'running',
  // A run that continued as new is not the newest one, and the newest is what counts.
  CONTINUED_AS_NEW: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed-out',
};
/** `temporal.api.enums.v1.PendingActivityState`: scheduled, waiting for a worker. */
const SCHEDULED = 1;
const CAUSES = 5;

/** One row of a list. */
export function listedPromotion(info: Omit<WorkflowExecutionInfo, 'raw'>): ListedPromotion {
  const attributes = attributesOf(info);
  const [deadline] = attributes('CountersignDeadline');
  return {
    id: info.workflowId,
    run: info.runId,
    execution: EXECUTIONS[info.status.name] ?? 'unknown',
    startedAt: info.startTime.getTime(),
    closedAt: info.closeTime?.getTime() ?? null,
    memo: parseMemo(info.memo),
    state: textOf(attributes('CountersignState')[0]),
    environment: textOf(attributes('CountersignEnvironment')[0]),
    awaiting: attributes('CountersignAwaiting').map(textOf),
    deadline: deadline instanceof Date ? deadline.getTime() : null,
  };
}

/** Everything that Temporal tells of the newest run. */
export function describedPromotion(description: WorkflowExecutionDescription): PromotionDescription {
  const { pendingActivities, pendingWorkflowTask } = description.raw;
  return {
    ...listedPromotion(description),
    activities: (pendingActivities ?? []).map(pendingActivity),
    taskAttempts: pendingWorkflowTask?.attempt ?? 0,
  };
}

function pendingActivity(raw: RawActivity): PendingActivity {
  return {
    name: raw.activityType?.name ?? '',
    queue: raw.activityOptions?.taskQueue?.name ?? null,
    started: ((raw.state as number | null | undefined) ?? SCHEDULED) !== SCHEDULED,
    attempt: raw.attempt ?? 1,
    scheduledAt: timeOf(raw.scheduledTime),
    startedAt: timeOf(raw.lastStartedTime),
    heartbeatAt: timeOf(raw.lastHeartbeatTime),
    nextAttemptAt: timeOf(raw.nextAttemptScheduleTime),
    untrustedHeartbeat: decode(raw.heartbeatDetails?.payloads?.[0]),
    lastFailure: raw.lastFailure == null ? null : failureText(raw.lastFailure),
  };
}

/** Text fields that are there and of the right type; anybody who may start workflows can write a memo. */
function parseMemo(untrusted: Record<string, unknown> | undefined): Partial<PromotionMemo> {
  const memo: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(untrusted ?? {})) {
    if (TEXTS.includes(name) && typeof value === 'string') memo[name] = value;
    if (NUMBERS.includes(name) && typeof value === 'number') memo[name] = value;
    if (name === 'image' && isImage(value)) memo[name] = value;
  }
  return memo;
}

const TEXTS: readonly string[] = ['condition', 'environment', 'step', 'to', 'started', 'entry', 'run', 'stalled'];
const NUMBERS: readonly string[] = ['since', 'stall'];

function isImage(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, tag, digest, source } = value as Record<string, unknown>;
  return [name, tag, digest, source ?? ''].every((field) => typeof field === 'string');
}

function attributesOf(
  info: Pick<WorkflowExecutionInfo, 'typedSearchAttributes'>,
): (name: string) => readonly unknown[] {
  const pairs = info.typedSearchAttributes.getAll();
  return (name) => {
    const value: unknown = pairs.find(({ key }) => key.name === name)?.value;
    if (Array.isArray(value)) return value as readonly unknown[];
    return value === undefined ? [] : [value];
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Timestamps carry 64-bit numbers as objects that turn into digits. */
function timeOf(time: RawTime): number | null {
  if (time?.seconds == null) return null;
  const at = Number(String(time.seconds)) * 1000 + Math.floor((time.nanos ?? 0) / 1_000_000);
  return at > 0 ? at : null;
}

function decode(payload: Payload | undefined): unknown {
  if (payload === undefined) return undefined;
  try {
    return defaultPayloadConverter.fromPayload(payload);
  } catch {
    return undefined;
  }
}

/** The innermost message: the outer ones only say that an activity failed. */
function failureText(failure: RawFailure): string {
  let current = failure;
  for (let depth = 0; depth < CAUSES && current.cause != null && !current.message; depth++) current = current.cause;
  return current.message ?? 'no reason was given';
}
