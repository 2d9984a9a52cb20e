import {
  ApplicationFailure,
  ContinueAsNew,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  log,
  workflowInfo,
} from '@temporalio/workflow';
import type { CancellationScope } from '@temporalio/workflow';
import type { PromotionEnd } from './failures.ts';
import { explainFailure } from './failures.ts';
import type { StepFailure } from './failures.ts';
import { publishState } from './visibility.ts';
import { newPromotion } from '../domain/promotion.ts';
import type { EnvironmentState, PromotionInput, PromotionResult, PromotionState, Stall } from '../domain/promotion.ts';
import type { PromotionRecord, StepInput } from '../domain/steps.ts';

/** Until an environment told how long a stalled promotion waits. */
const DEFAULT_STALLED_FOR_MS = 30 * 24 * 3600 * 1000;
/** Signatures carried over a continue-as-new; above this they are made or adopted again. */
const CARRIED_SIGNATURES_LIMIT = 32 * 1024;
const KEPT_REFUSALS = 5;

/** Failures that the flow itself answers; everything else stalls. */
const ANSWERED = new Set(['superseded', 'decisions-insufficient']);

/** One promotion at work: its state, and what every step has in common: stalling, retrying, showing the state. */
export class PromotionRun {
  readonly input: PromotionInput;
  readonly state: PromotionState;
  result: PromotionResult | null = null;
  /** Set by `abort` or a cancellation: why. */
  aborted: string | null = null;
  /** Destinations asked for before the route was known. */
  readonly pendingDestinations: string[] = [];
  readonly #scope: CancellationScope;
  /** Grows with every message that may let a waiting step go on. */
  #messages = 0;
  #retried = 0;
  #shown = '';

  constructor(input: PromotionInput, scope: CancellationScope) {
    this.input = input;
    this.#scope = scope;
    const { firstExecutionRunId, startTime } = workflowInfo();
    const started = input.started ?? startTime.toISOString();
    this.state = input.carried ?? newPromotion(firstExecutionRunId, started, input);
  }

  /** What the commits of this promotion say of it. */
  get record(): PromotionRecord {
    const { run, started, requesters } = this.state;
    return { promotion: workflowInfo().workflowId, run, image: this.input.image, started, requesters };
  }

  stepInput(one: EnvironmentState): StepInput {
    return { environment: one.environment, record: this.record };
  }

  /** Shows the state outside, where condition or environment changed since the last time. */
  show(): void {
    const one = this.state.environments.findLast(({ phase }) => phase !== 'pending');
    const shown = `${one?.environment ?? ''} ${one?.phase ?? ''} ${this.state.stall?.number ?? 0} ${this.result?.outcome ?? ''} ${this.state.to}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    publishState(this.input, this.state, this.result);
  }

  /** Runs a step until it succeeds: a failure that Temporal gave up on stalls the promotion until `retry`. */
  async attempt<T>(one: EnvironmentState, step: Stall['step'], act: () => Promise<T>): Promise<T> {
    if (step !== 'describe' && step !== 'assess') one.step = step;
    if (this.state.stall?.environment === one.environment && this.state.stall.step === step) await this.#untilRetried();
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (error instanceof ContinueAsNew) throw error;
        if (isCancellation(error) && this.#scope.consideredCancelled) throw error;
        const failure = explainFailure(error);
        if (ANSWERED.has(failure.type)) throw error;
        await this.stall(one, step, failure);
      }
    }
  }

  /** Like `attempt`, for a step that is done once and remembered. */
  async once(
    one: EnvironmentState,
    step: Exclude<Stall['step'], 'describe' | 'assess'>,
    act: () => Promise<void>,
  ): Promise<void> {
    if (one.done.includes(step)) return;
    await this.attempt(one, step, act);
    one.done.push(step);
  }

  /** Waits for `retry` or `abort`, 30 days at most; then the promotion fails, and can be replayed. */
  async stall(one: EnvironmentState, step: Stall['step'], { type, message }: StepFailure): Promise<void> {
    const since = Date.now();
    const until = since + (one.facts?.stalledForMs ?? DEFAULT_STALLED_FOR_MS);
    this.state.stalls += 1;
    this.state.stall = { number: this.state.stalls, environment: one.environment, step, type, message, since, until };
    log.warn('promotion stalled', { environment: one.environment, step, type, reason: message });
    await this.#untilRetried();
  }

  /** `retry` of the stall that is there goes on; any other number is ignored, so that a double click retries once. */
  retry(stall: number): boolean {
    if (this.state.stall?.number !== stall) return false;
    this.#retried = stall;
    this.#messages += 1;
    return true;
  }

  abort(reason: string): void {
    this.aborted ??= reason;
    this.#scope.cancel();
  }

  /** A message arrived that may let a waiting step go on. */
  wake(): void {
    this.#messages += 1;
  }

  /** Counts what was refused, keeps the last reasons, and never the message itself. */
  refuse(reason: string): void {
    this.state.refused += 1;
    this.state.refusals.push(reason.slice(0, 300));
    if (this.state.refusals.length > KEPT_REFUSALS) this.state.refusals.shift();
  }

  /** Waits for a message or until `deadline`; continues as new where the history has grown long. */
  async untilMessage(deadline: number): Promise<void> {
    const seen = this.#messages;
    const left = Math.max(deadline - Date.now(), 1);
    await condition(() => this.#messages !== seen || workflowInfo().continueAsNewSuggested, left);
    if (workflowInfo().continueAsNewSuggested) await this.#continueAsNew();
  }

  /** The result of a promotion that ends before its destination. */
  end(end: PromotionEnd): PromotionResult {
    return { outcome: end.outcome, environment: end.environment, reason: end.message, leftBehind: [] };
  }

  async #untilRetried(): Promise<void> {
    const { stall } = this.state;
    if (stall === null) return;
    this.show();
    while (this.#retried !== stall.number) {
      if (Date.now() >= stall.until) {
        throw ApplicationFailure.nonRetryable(`nobody retried: ${stall.message}`, stall.type, { ...stall });
      }
      await this.untilMessage(stall.until);
    }
    this.state.stall = null;
    this.show();
  }

  async #continueAsNew(): Promise<never> {
    await condition(allHandlersFinished);
    for (const one of this.state.environments) {
      if (JSON.stringify(one.signatures ?? []).length > CARRIED_SIGNATURES_LIMIT) one.signatures = [];
    }
    return await continueAsNew<(input: PromotionInput) => Promise<PromotionResult>>({
      ...this.input,
      carried: this.state,
    });
  }
}
