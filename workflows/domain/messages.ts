import type { UntrustedDecision } from './decision.ts';

/** Workflow types by their wire names. */
export const PROMOTION_WORKFLOW = 'promotion';
export const RESOLVE_WORKFLOW = 'resolve';
export const REBUILD_WORKFLOW = 'rebuild';

/** Signals, the update and the query by their wire names: a public contract, sent with any Temporal client. */
export const APPROVE = 'approve';
export const REJECT = 'reject';
export const RETRY = 'retry';
export const ABORT = 'abort';
export const EXTEND = 'extend';
export const DECIDE = 'decide';
export const STATUS = 'status';

/** Between promotions and the rebuild workflow of an environment: a promotion asks, and is told how it went. */
export const REQUEST_REBUILD = 'request';
export const REBUILT = 'rebuilt';

/** Argument of the signals `approve` and `reject` (there `reason` is mandatory). */
export type DecisionMessage = Omit<UntrustedDecision, 'verdict'>;

/** Argument of the update `decide`. */
export type DecideMessage = UntrustedDecision;

/** What the update `decide` answers. */
export interface DecideAnswer {
  /** `counted`, or `repeated` where the same person said the same before. */
  readonly decision: 'counted' | 'repeated';
  readonly gateState: string;
}

/** Argument of the signal `retry`: the number of the stall, as `status` shows it; another number is ignored. */
export interface RetryMessage {
  readonly stall: number;
}

/** Argument of the signal `abort`. */
export interface AbortMessage {
  readonly by?: string;
  readonly reason?: string;
}

/** Argument of the signal `extend`, which `start` sends to a promotion that runs already. */
export interface ExtendMessage {
  readonly to: string;
  readonly requestedBy: string;
  readonly again?: boolean;
}

/** The memo of a promotion, for `status` where no worker answers; under 2 KB. */
export interface PromotionMemo {
  readonly condition: string;
  readonly environment: string;
  readonly step: string;
  readonly to: string;
  readonly since: number;
  readonly started: string;
  readonly image: { readonly name: string; readonly tag: string; readonly digest: string; readonly source?: string };
  readonly entry: string;
  readonly run: string;
  /** Why it is stalled, cut at 500 characters; empty otherwise. */
  readonly stalled: string;
  readonly stall: number;
}
