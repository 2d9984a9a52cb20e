import type {
  DecideReply,
  ListedPromotion,
  PendingActivity,
  PromotionDescription,
  PromotionEngine,
  PromotionEnding,
  ResolveReply,
  StartRequest,
} from '../../cli/promotions/engine.ts';
import type { DecideMessage, PromotionMemo } from '../../workflows/domain/messages.ts';
import type { PromotionInput, PromotionStatus } from '../../workflows/domain/promotion.ts';
import { parseDigest } from '../../workflows/domain/digest.ts';
import { NOW } from './fake-terminal.ts';

export const DIGEST = parseDigest(`sha256:${'0123456789abcdef'.repeat(4)}`);
export const OTHER_DIGEST = parseDigest(`sha256:${'fedcba9876543210'.repeat(4)}`);
export const ID = `promotion/shop/web:1.4.2@${DIGEST}`;

/** What was sent to the fake, in order. */
export interface Sent {
  readonly starts: StartRequest[];
  readonly signals: { readonly id: string; readonly run?: string; readonly name: string; readonly message: unknown }[];
  readonly decisions: { readonly message: DecideMessage; readonly updateId: string }[];
  readonly queries: string[];
}

/** What the fake answers; a promotion is there when its description is. */
export interface FakeAnswers {
  descriptions?: PromotionDescription[];
  listed?: ListedPromotion[];
  status?: PromotionStatus;
  ending?: PromotionEnding;
  input?: PromotionInput;
  decide?: DecideReply;
  resolve?: ResolveReply;
  /** Answers to signals, one after the other; `delivered` when they are used up. */
  signals?: ('delivered' | 'closed')[];
  /** By queue; who is not named polled a moment ago. */
  polls?: Record<string, number | null>;
}

export type FakeEngine = PromotionEngine & { readonly sent: Sent; readonly answers: FakeAnswers };

/** Promotions in memory: answers what it was told to, and keeps what it was sent. */
export function fakeEngine(answers: FakeAnswers = {}): FakeEngine {
  const sent: Sent = { starts: [], signals: [], decisions: [], queries: [] };
  return {
    sent,
    answers,
    start: (request) => {
      sent.starts.push(request);
      return Promise.resolve({ run: `run-${sent.starts.length}` });
    },
    signal: (target, name, message) => {
      sent.signals.push({ ...target, name, message });
      return Promise.resolve(answers.signals?.shift() ?? 'delivered');
    },
    decide: (_, message, { updateId }) => {
      sent.decisions.push({ message, updateId });
      return Promise.resolve(answers.decide ?? { reply: 'unanswered' });
    },
    query: () => Promise.resolve(answers.status),
    describe: (id) => Promise.resolve(answers.descriptions?.find((one) => one.id === id)),
    ending: () => Promise.resolve(answers.ending ?? { result: null, failure: null }),
    firstInput: () => Promise.resolve(answers.input),
    list: (query, limit) => {
      sent.queries.push(query);
      return Promise.resolve((answers.listed ?? answers.descriptions ?? []).slice(0, limit));
    },
    lastPoll: (queue) => Promise.resolve(answers.polls?.[queue] === undefined ? NOW : answers.polls[queue]),
    resolve: () => Promise.resolve(answers.resolve ?? { reply: 'unanswered' }),
  };
}

export function aMemo(fields: Partial<PromotionMemo> = {}): PromotionMemo {
  return {
    condition: 'running',
    environment: 'dev',
    step: 'copy',
    to: 'prod',
    since: NOW - 60_000,
    started: new Date(NOW - 3_600_000).toISOString(),
    image: { name: 'shop/web', tag: '1.4.2', digest: DIGEST },
    entry: 'dev',
    run: 'run-first',
    stalled: '',
    stall: 0,
    ...fields,
  };
}

export function aDescription(fields: Partial<PromotionDescription> = {}): PromotionDescription {
  const memo = fields.memo ?? aMemo();
  return {
    id: ID,
    run: 'run-first',
    execution: 'running',
    startedAt: NOW - 3_600_000,
    closedAt: null,
    memo,
    state: memo.condition ?? '',
    environment: memo.environment ?? '',
    awaiting: [],
    deadline: null,
    activities: [],
    taskAttempts: 0,
    ...fields,
  };
}

export function anActivity(fields: Partial<PendingActivity> = {}): PendingActivity {
  return {
    name: 'publish',
    queue: null,
    started: false,
    attempt: 1,
    scheduledAt: NOW - 5_000,
    startedAt: null,
    heartbeatAt: null,
    nextAttemptAt: null,
    untrustedHeartbeat: undefined,
    lastFailure: null,
    ...fields,
  };
}
