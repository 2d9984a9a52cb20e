import { CancellationScope, allHandlersFinished, condition, isCancellation } from '@temporalio/workflow';
import { abortedResult, cleanUp } from './clean-up.ts';
import { EnvironmentRun } from './environment-run.ts';
import { PromotionEnd } from './failures.ts';
import { handleMessages } from './messages.ts';
import { PromotionRun } from './promotion-run.ts';
import { readFacts } from './decide.ts';
import { routeTo } from '../domain/promotion.ts';
import type { EnvironmentState, PromotionInput, PromotionResult } from '../domain/promotion.ts';

/**
 * Carries one image along the route, up to its destination. It ends as completed with an outcome (released, superseded,
 * rejected, expired, aborted); it fails only where it stalled and nobody came, and can then be replayed.
 */
export async function promotion(input: PromotionInput): Promise<PromotionResult> {
  const scope = new CancellationScope();
  const run = new PromotionRun(input, scope);
  handleMessages(run);
  const result = await conclude(run, () => scope.run(() => carry(run)));
  return await CancellationScope.nonCancellable(async () => {
    const leftBehind = await cleanUp(run, result);
    run.result = { ...result, leftBehind };
    run.show();
    await condition(allHandlersFinished);
    return run.result;
  });
}

/** Turns the ways in which a promotion ends early into results; failures and continue-as-new pass through. */
async function conclude(run: PromotionRun, act: () => Promise<PromotionResult>): Promise<PromotionResult> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof PromotionEnd) return run.end(error);
    if (!isCancellation(error)) throw error;
    return await CancellationScope.nonCancellable(() => abortedResult(run));
  }
}

async function carry(run: PromotionRun): Promise<PromotionResult> {
  const { state } = run;
  run.show();
  await readRoute(run);
  // The destination may be extended while the last environment is under way, so it is read again each time.
  for (let next = nextEnvironment(run); next !== undefined; next = nextEnvironment(run)) {
    await new EnvironmentRun(run, next).carry();
  }
  const last = state.environments.at(-1);
  const stood = last?.stood === true ? 'it stood there already' : `released in ${state.to}`;
  const overtaken = last?.release?.release === 'overtaken';
  const reason = overtaken ? 'a later publication was confirmed first and holds the tag' : stood;
  return { outcome: overtaken ? 'superseded' : 'released', environment: state.to, reason, leftBehind: [] };
}

/** The route is a fact of the environments' configuration, never of whoever starts the promotion. */
async function readRoute(run: PromotionRun): Promise<void> {
  const { state, input } = run;
  if (state.route.length > 0) return;
  const entry: EnvironmentState = { environment: input.entry, phase: 'pending', step: null, done: [] };
  state.environments.push(entry);
  for (;;) {
    await readFacts(run, entry);
    const route = entry.facts?.route ?? [];
    const problem = routeProblem(run, route);
    if (problem === undefined) {
      state.route = route;
      break;
    }
    await run.stall(entry, 'describe', { type: 'configuration-invalid', message: problem });
  }
  for (const to of run.pendingDestinations.splice(0)) {
    if (state.route.indexOf(to) > state.route.indexOf(state.to)) state.to = to;
  }
}

function routeProblem(run: PromotionRun, route: readonly string[]): string | undefined {
  const { entry, image } = run.input;
  const { to } = run.state;
  const path = route.join(', ');
  if (route[0] !== entry) return `the route begins with ${route[0] ?? 'nothing'}, not with ${entry}: ${path}`;
  if (routeTo(route, to) === undefined) return `there is no environment ${JSON.stringify(to)} on the route ${path}`;
  const sources = run.state.environments[0]?.facts?.sources ?? [];
  if (image.source !== undefined && !sources.includes(image.source)) {
    return `${image.source} is not among the sources of ${entry}; add it there, or push the image to ${entry}'s registry`;
  }
  return undefined;
}

function nextEnvironment({ state }: PromotionRun): EnvironmentState | undefined {
  for (const environment of routeTo(state.route, state.to) ?? []) {
    const known = state.environments.find((one) => one.environment === environment);
    if (known === undefined) {
      const fresh: EnvironmentState = { environment, phase: 'pending', step: null, done: [] };
      state.environments.push(fresh);
      return fresh;
    }
    if (known.phase !== 'passed') return known;
  }
  return undefined;
}
