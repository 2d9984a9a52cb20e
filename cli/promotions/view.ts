import type { ViewCondition } from '../exit-codes.ts';
import type { Decision } from '../../workflows/domain/gate.ts';
import type { EnvironmentStatus, PromotionResult } from '../../workflows/domain/promotion.ts';
import type { CopyHeartbeat } from '../../workflows/domain/steps.ts';

/** A promotion as the command shows it, with or without a worker; the JSON of `status`, `watch` and `start --wait`. */
export interface PromotionView {
  readonly id: string;
  /** What decisions must name. */
  readonly run: string;
  readonly condition: ViewCondition;
  readonly image: { readonly name: string; readonly tag: string; readonly digest: string; readonly source?: string };
  readonly to: string;
  /** ISO 8601. */
  readonly started: string;
  /** ISO 8601: since when it is in this condition and environment, as far as that is known. */
  readonly since: string | null;
  readonly ended: string | null;
  /** The environment and step at work. */
  readonly environment: string;
  readonly step: string | null;
  /** Whether a worker answered; what follows it is known only then. */
  readonly answered: boolean;
  readonly requesters: readonly string[];
  readonly route: readonly string[];
  readonly environments: readonly EnvironmentStatus[];
  readonly refused: number;
  readonly refusals: readonly string[];
  readonly stall: StallView | null;
  readonly result: PromotionResult | null;
  /** How it ended, in one word; null while it runs. */
  readonly outcome: PromotionResult['outcome'] | null;
  /** Why it ended, failed or is stalled, in a sentence; null where there is nothing to say. */
  readonly reason: string | null;
  readonly failure: string | null;
  readonly activities: readonly ActivityView[];
  /** What is wrong beside the promotion itself: a worker that is not there, a workflow task that fails. */
  readonly problems: readonly string[];
}

/** Why it is stalled; `retry` names the number. */
export interface StallView {
  readonly number: number;
  readonly environment: string;
  readonly step: string;
  readonly message: string;
  /** ISO 8601; null where no worker answered. */
  readonly until: string | null;
}

/** What a worker is doing, or is to do. */
export interface ActivityView {
  readonly name: string;
  readonly queue: string;
  readonly started: boolean;
  readonly attempt: number;
  /** ISO 8601. */
  readonly scheduled: string | null;
  readonly heartbeat: string | null;
  readonly nextAttempt: string | null;
  readonly lastFailure: string | null;
  readonly copy: CopyProgress | null;
}

/** The bytes of a running copy. */
export type CopyProgress = Omit<CopyHeartbeat, 'digestsDone'>;

/** The environment that waits for decisions, or undefined. */
export function decidingEnvironment(view: PromotionView): EnvironmentStatus | undefined {
  return view.environments.find(({ phase }) => phase === 'deciding');
}

/** The approvals that count so far, by person. */
export function approvals(one: EnvironmentStatus): readonly Decision[] {
  return one.decisions.filter(({ verdict }) => verdict === 'approve');
}

/** The progress of the copy that runs, or null. */
export function runningCopy(view: PromotionView): CopyProgress | null {
  return view.activities.find(({ name }) => name === 'copy')?.copy ?? null;
}
