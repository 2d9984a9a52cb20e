import type { Style } from './style.ts';
import { STEPS } from '../../workflows/domain/steps.ts';
import type { Step } from '../../workflows/domain/steps.ts';
import type { EnvironmentStatus } from '../../workflows/domain/promotion.ts';

/** What a row of steps needs beside the environment. */
export interface StepMarksOptions {
  readonly style: Style;
  /** The first environment takes the image as its builder pushed it: there is nothing to verify it against. */
  readonly isFirst: boolean;
  /** The step that stalled, if it was in this environment. */
  readonly stalledAt: string | null;
}

/** The steps of an environment in their order, each with a mark: done, at work, stalled, to come. */
export function stepMarks(one: EnvironmentStatus, options: StepMarksOptions): string {
  return stepsOf(one, options)
    .map((step) => mark(step, one, options))
    .join(' ');
}

function stepsOf(one: EnvironmentStatus, { isFirst }: StepMarksOptions): readonly Step[] {
  if (one.stood) return one.done;
  const before = one.gate?.kind === 'people' ? one.gate.before : null;
  const steps = STEPS.filter((step) => {
    if (one.done.includes(step) || one.step === step) return step !== 'decide';
    return step !== 'decide' && !(step === 'verify' && isFirst);
  });
  if (before === null) return steps;
  const at = steps.indexOf(before);
  return [...steps.slice(0, at), 'decide', ...steps.slice(at)];
}

function mark(step: Step, one: EnvironmentStatus, { style, stalledAt }: StepMarksOptions): string {
  if (one.done.includes(step)) return style.good(`✔ ${step}`);
  if (stalledAt === step) return style.bad(`✖ ${step}`);
  const atWork = one.step === step && (one.phase === 'running' || one.phase === 'deciding');
  return atWork ? style.active(`● ${step}`) : style.dim(`· ${step}`);
}
