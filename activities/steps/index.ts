import type { EnvironmentActivities } from '../../workflows/domain/steps.ts';
import type { EnvironmentContext, StepCall } from './context.ts';
import { assess, copy, resolve, verify } from './prepare.ts';
import { discard, propose, publish, sign } from './publish.ts';
import { rebuild, triggerRebuild } from './rebuild.ts';
import { confirm, keepSignatures, release } from './release.ts';

export type { EnvironmentContext, EnvironmentView, StepCall } from './context.ts';
export { triggerRebuild } from './rebuild.ts';
export { StepError } from './step-error.ts';

/** The steps of one environment: each as its activity, with a signal and a way to report progress. */
export type EnvironmentSteps = {
  readonly [Name in keyof EnvironmentActivities]: (
    input: Parameters<EnvironmentActivities[Name]>[0],
    call: StepCall,
  ) => ReturnType<EnvironmentActivities[Name]>;
};

/** Binds the steps to one environment. */
export function createEnvironmentSteps(context: EnvironmentContext): EnvironmentSteps {
  return {
    describe: () => context.readFacts(),
    resolve: (input, call) => resolve(context, input, call),
    assess: (input, call) => assess(context, input, call),
    verify: (input, call) => verify(context, input, call),
    copy: (input, call) => copy(context, input, call),
    sign: (input, call) => sign(context, input, call),
    propose: (input, call) => propose(context, input, call),
    publish: (input, call) => publish(context, input, call),
    rebuild: (input, call) => rebuild(context, input, call),
    keepSignatures: (input, call) => keepSignatures(context, input, call),
    triggerRebuild: (input, call) => triggerRebuild(context, input, call),
    confirm: (input, call) => confirm(context, input, call),
    release: (input, call) => release(context, input, call),
    discard: (input, call) => discard(context, input, call),
  };
}
