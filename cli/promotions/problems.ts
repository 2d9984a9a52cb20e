import { BLOCKED_AFTER_ATTEMPTS } from './condition.ts';
import type { PromotionDescription, PromotionEngine } from './engine.ts';
import type { ActivityView } from './view.ts';
import { ORCHESTRATOR_QUEUE, copyQueue, environmentQueue } from '../../workflows/domain/names.ts';

/** A long poll lasts a minute at most; whoever asked longer ago than this is gone. */
const POLL_LIVES_MS = 75_000;
/** A worker that is being restarted is no problem yet. */
const WORKERLESS_AFTER_MS = 60_000;

/** What is looked at. */
export interface ProblemsInput {
  readonly description: PromotionDescription;
  readonly activities: readonly ActivityView[];
  readonly now: () => number;
  /** The worker was asked and did not answer. */
  readonly silent: boolean;
}

/** Says which worker is missing, and whether the workflow itself cannot go on. */
export async function findProblems(engine: PromotionEngine, input: ProblemsInput): Promise<readonly string[]> {
  const { description, silent } = input;
  const problems: string[] = [];
  if (description.taskAttempts > BLOCKED_AFTER_ATTEMPTS) {
    problems.push(
      `the orchestrator failed ${description.taskAttempts - 1} times at this promotion and tries again; its log says why`,
    );
  } else if (silent) {
    problems.push(await explainSilence(engine, input.now));
  }
  for (const queue of waitingQueues(input)) {
    const lastPoll = await engine.lastPoll(queue, 'activity');
    if (isGone(lastPoll, input.now())) problems.push(missingWorker(queue, description.environment));
  }
  return problems;
}

async function explainSilence(engine: PromotionEngine, now: () => number): Promise<string> {
  const lastPoll = await engine.lastPoll(ORCHESTRATOR_QUEUE, 'workflow');
  if (isGone(lastPoll, now())) {
    return `no worker for the workflows: nobody polls the queue ${ORCHESTRATOR_QUEUE}; start "countersign worker --orchestrate" or "countersign up"`;
  }
  return `the orchestrator did not answer in time; shown is what Temporal knows`;
}

/** The queues of activities that wait for a worker for more than a minute. */
function waitingQueues({ activities, now }: ProblemsInput): readonly string[] {
  const waiting = activities.filter(({ started, scheduled, nextAttempt }) => {
    const since = Math.max(Date.parse(scheduled ?? ''), nextAttempt === null ? 0 : Date.parse(nextAttempt));
    return !started && now() - since >= WORKERLESS_AFTER_MS;
  });
  return [...new Set(waiting.map(({ queue }) => queue))];
}

function isGone(lastPoll: number | null, now: number): boolean {
  return lastPoll === null || now - lastPoll > POLL_LIVES_MS;
}

function missingWorker(queue: string, environment: string): string {
  const ours = [environmentQueue(environment), copyQueue(environment)].includes(queue);
  const name = ours ? environment : queue;
  return `no worker for ${name}: nobody polls the queue ${queue}; start "countersign worker --environment ${name}"`;
}
