import { CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { toFailure } from './failure.ts';
import type { EnvironmentSteps, StepCall } from './steps/index.ts';
import type { EnvironmentActivities } from '../workflows/domain/steps.ts';

/** Often enough that cancellation and a dead worker are noticed well within the heartbeat timeout of 30 seconds. */
const HEARTBEAT_MS = 5_000;

/** The activities of one environment: its steps, with heartbeats, cancellation and failures as Temporal knows them. */
export function createEnvironmentActivities(steps: EnvironmentSteps): EnvironmentActivities {
  return {
    describe: asActivity(steps.describe),
    resolve: asActivity(steps.resolve),
    assess: asActivity(steps.assess),
    verify: asActivity(steps.verify),
    copy: asActivity(steps.copy),
    sign: asActivity(steps.sign),
    propose: asActivity(steps.propose),
    publish: asActivity(steps.publish),
    rebuild: asActivity(steps.rebuild),
    keepSignatures: asActivity(steps.keepSignatures),
    triggerRebuild: asActivity(steps.triggerRebuild),
    confirm: asActivity(steps.confirm),
    release: asActivity(steps.release),
    discard: asActivity(steps.discard),
  };
}

function asActivity<Input, Output>(
  step: (input: Input, call: StepCall) => Promise<Output>,
): (input: Input) => Promise<Output> {
  return async (input) => {
    const context = Context.current();
    const untrustedEarlier: unknown = context.info.heartbeatDetails;
    // A heartbeat without details would forget those of the attempt before.
    let details: unknown = untrustedEarlier;
    const progress = (now: unknown): void => {
      details = now;
      context.heartbeat(now);
    };
    const timer = setInterval(() => context.heartbeat(details), HEARTBEAT_MS);
    try {
      const scheduledAt = context.info.scheduledTimestampMs;
      return await step(input, { signal: context.cancellationSignal, scheduledAt, progress, untrustedEarlier });
    } catch (error) {
      throw context.cancellationSignal.aborted ? cancellationOf(context, error) : toFailure(error);
    } finally {
      clearInterval(timer);
    }
  };
}

/** A worker that shuts down is no decision to cancel: the step is tried again elsewhere. */
function cancellationOf(context: Context, error: unknown): Error {
  if (context.cancellationDetails?.workerShutdown === true) {
    return ApplicationFailure.retryable('the worker was shut down in the middle of the step', 'internal');
  }
  return error instanceof CancelledFailure ? error : new CancelledFailure('the step was cancelled');
}
