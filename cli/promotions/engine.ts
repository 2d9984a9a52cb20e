import type { DecideAnswer, DecideMessage, PromotionMemo } from '../../workflows/domain/messages.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';
import type { PromotionInput, PromotionResult, PromotionStatus } from '../../workflows/domain/promotion.ts';
import type { ResolveInput } from '../../workflows/domain/steps.ts';
import type { Digest } from '../../workflows/domain/digest.ts';

/** What Temporal does for the command; the one place where it can be replaced. */
export interface PromotionEngine {
  /** Starts a promotion, or finds the one that runs under the id. */
  start(request: StartRequest): Promise<{ readonly run: string }>;
  /** `closed` where the run has ended. */
  signal(target: RunRef, name: string, message: unknown): Promise<'delivered' | 'closed'>;
  decide(target: RunRef, message: DecideMessage, options: DecideOptions): Promise<DecideReply>;
  /** The complete snapshot, or undefined where no worker answers in time. */
  query(target: RunRef, withinMs: number): Promise<PromotionStatus | undefined>;
  /** The newest run of a promotion, or undefined where Temporal knows none. */
  describe(id: string): Promise<PromotionDescription | undefined>;
  /** How a run that is closed ended. */
  ending(target: RunRef): Promise<PromotionEnding>;
  /** What a run was started with, or undefined where that cannot be read. */
  firstInput(target: RunRef): Promise<PromotionInput | undefined>;
  /** Newest first. */
  list(query: string, limit: number): Promise<readonly ListedPromotion[]>;
  /** Milliseconds since 1970 at which somebody last asked for work, or null where nobody did lately. */
  lastPoll(queue: string, kind: 'workflow' | 'activity'): Promise<number | null>;
  /** Lets the first environment's worker resolve a tag. */
  resolve(input: ResolveInput, withinMs: number): Promise<ResolveReply>;
}

/** A promotion, and one run of it where it matters which. */
export interface RunRef {
  readonly id: string;
  readonly run?: string;
}

/** What `start` needs. */
export interface StartRequest {
  readonly id: string;
  readonly input: PromotionInput;
  readonly memo: PromotionMemo;
  readonly summary: string;
}

/** How a decision is sent. */
export interface DecideOptions {
  /** The hash of the statement, so that the same statement sent twice counts once. */
  readonly updateId: string;
  readonly withinMs: number;
}

/** What came back. */
export type DecideReply =
  | { readonly reply: 'judged'; readonly answer: DecideAnswer }
  | { readonly reply: 'refused'; readonly reason: string }
  | { readonly reply: 'unanswered' }
  | { readonly reply: 'closed' };

/** What the first environment's worker said to a tag. */
export type ResolveReply =
  | { readonly reply: 'resolved'; readonly digest: Digest }
  | { readonly reply: 'failed'; readonly type: string; readonly message: string }
  | { readonly reply: 'unanswered' };

/** How Temporal sees a run. */
export type ExecutionStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out' | 'unknown';

/** How a closed run ended: with a result, or with the message of its failure. */
export interface PromotionEnding {
  readonly result: PromotionResult | null;
  readonly failure: string | null;
}

/** One row of a list. */
export interface ListedPromotion {
  readonly id: string;
  readonly run: string;
  readonly execution: ExecutionStatus;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly closedAt: number | null;
  readonly memo: Partial<PromotionMemo>;
  readonly state: string;
  readonly environment: string;
  readonly awaiting: readonly string[];
  readonly deadline: number | null;
}

/** What Temporal tells of a run without any worker. */
export interface PromotionDescription extends ListedPromotion {
  readonly activities: readonly PendingActivity[];
  /** Attempts of the workflow task that is pending; 0 where none is. More than three mean that it fails again and again. */
  readonly taskAttempts: number;
}

/** An activity that is scheduled or runs. */
export interface PendingActivity {
  readonly name: string;
  readonly queue: string | null;
  readonly started: boolean;
  readonly attempt: number;
  readonly scheduledAt: number | null;
  readonly startedAt: number | null;
  readonly heartbeatAt: number | null;
  readonly nextAttemptAt: number | null;
  /** What the last heartbeat carried; checked by nobody yet. */
  readonly untrustedHeartbeat: unknown;
  readonly lastFailure: string | null;
}

/** The image an id names, as far as it can be read from the id alone; a shortened name ends in `~` and hex digits. */
export interface IdParts extends Pick<PromotedImage, 'name' | 'tag' | 'digest'> {
  readonly shortened: boolean;
}
