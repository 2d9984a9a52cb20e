import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { ActivityOptions } from '@temporalio/workflow';
import { copyQueue, environmentQueue } from '../domain/names.ts';
import type { EnvironmentActivities } from '../domain/steps.ts';

const CONFIRM_FIRST_MS = 1_000;
const CONFIRM_FACTOR = 1.5;
const CONFIRM_MOST_MS = 60_000;

/** How many times the steps of an environment are tried before the promotion stalls. */
export interface StepAttempts {
  readonly attempts: number;
  readonly confirmWithinMs?: number;
}

/**
 * The activities of one environment, on its own queues. The total bound is a week because it runs while no worker is
 * there, and an absent worker must not fail a step; errors do, by their kind and by bounded attempts.
 */
export function environmentActivities(environment: string, { attempts, confirmWithinMs = 0 }: StepAttempts) {
  const step = stepOptions(environment, attempts);
  const on = (changes: ActivityOptions): EnvironmentActivities =>
    proxyActivities<EnvironmentActivities>({ ...step, ...changes });
  const { describe, resolve, assess, verify, sign, propose, publish, rebuild, keepSignatures, release } = on({});
  const { copy } = on(copyOptions(environment, attempts));
  const { confirm } = on(pollOptions(confirmWithinMs));
  const { triggerRebuild } = on({ startToCloseTimeout: '15 minutes' });
  const { confirm: confirmOnce } = on({ retry: { maximumAttempts: 1 } });
  const { describe: glance } = on(GLANCE);
  const { discard, assess: assessSoon } = on({ scheduleToCloseTimeout: '10 minutes' });
  const before = { describe, resolve, assess, verify, copy, sign, propose, publish };
  const after = { rebuild, keepSignatures, triggerRebuild, confirm, release };
  return { ...before, ...after, confirmOnce, glance, discard, assessSoon };
}

/** A look that nothing waits for. */
const GLANCE: ActivityOptions = {
  scheduleToCloseTimeout: '1 minute',
  cancellationType: ActivityCancellationType.TRY_CANCEL,
  retry: { maximumAttempts: 2 },
};

function stepOptions(environment: string, attempts: number): ActivityOptions {
  return {
    taskQueue: environmentQueue(environment),
    startToCloseTimeout: '3 minutes',
    scheduleToCloseTimeout: '7 days',
    heartbeatTimeout: '30 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '2 seconds',
      backoffCoefficient: 2,
      maximumInterval: '1 minute',
      maximumAttempts: attempts,
    },
  };
}

function copyOptions(environment: string, attempts: number): ActivityOptions {
  return {
    taskQueue: copyQueue(environment),
    startToCloseTimeout: '12 hours',
    heartbeatTimeout: '60 seconds',
    retry: {
      initialInterval: '5 seconds',
      backoffCoefficient: 2,
      maximumInterval: '5 minutes',
      maximumAttempts: attempts,
    },
  };
}

function pollOptions(withinMs: number): ActivityOptions {
  return {
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: {
      initialInterval: CONFIRM_FIRST_MS,
      backoffCoefficient: CONFIRM_FACTOR,
      maximumInterval: CONFIRM_MOST_MS,
      maximumAttempts: pollsWithin(withinMs),
    },
  };
}

/** How many polls, each waiting longer than the last, fit into `withinMs`; at least one. */
export function pollsWithin(withinMs: number): number {
  let polls = 1;
  let wait = CONFIRM_FIRST_MS;
  for (let elapsed = wait; elapsed <= withinMs; elapsed += wait) {
    polls += 1;
    wait = Math.min(wait * CONFIRM_FACTOR, CONFIRM_MOST_MS);
  }
  return polls;
}
