import { quote } from './digest.ts';

/** What a promotion asks the rebuild workflow of an environment for. */
export interface RebuildAsk {
  /** The workflow id of the promotion, which is told how it went. */
  readonly promotion: string;
  /** Names this request: asked twice it counts once. */
  readonly request: string;
  /** Attempts of the trigger before it is given up, as the environment's configuration has it. */
  readonly attempts: number;
}

/** The argument of the rebuild workflow. */
export interface RebuildInput {
  readonly environment: string;
  readonly waiting: readonly RebuildAsk[];
  /** Rebuilds that earlier runs have made. */
  readonly rebuilds?: number;
}

/** What the rebuild workflow returns, and its query `status`. */
export interface RebuildSummary {
  readonly environment: string;
  /** Triggers that came to an end since it began to run. */
  readonly rebuilds: number;
  /** Promotions whose rebuild is under way, and those that wait for the next one. */
  readonly served: number;
  readonly waiting: number;
  /** Signals that were refused. */
  readonly refused: number;
}

/** How it went, as the requester is told. */
export type RebuildAnswer =
  | {
      readonly request: string;
      readonly outcome: 'rebuilt';
      /** What was done, in words: `Build "signature-server-7"`. */
      readonly subject: string;
      /** Other promotions that were served by the same rebuild. */
      readonly shared: number;
    }
  | { readonly request: string; readonly outcome: 'failed'; readonly type: string; readonly message: string };

/** What a trigger did. */
export interface RebuildOutcome {
  readonly kind: 'webhook' | 'pipelineRun' | 'openshiftBuild' | 'rollout' | 'none';
  /** What was done, in words. */
  readonly subject: string;
  /** `accepted`: the other side was told, and says no more; `already-rebuilt`: an earlier attempt had done it all. */
  readonly outcome: 'rebuilt' | 'accepted' | 'already-rebuilt';
  /** Name of the Build, PipelineRun or Deployment. */
  readonly name?: string;
  /** The rollout's number. */
  readonly revision?: string;
}

/** Requests that one environment's rebuild workflow keeps; further ones are refused, and ask again later. */
export const MOST_WAITING = 1000;
const MOST_ATTEMPTS = 1000;
const TEXT_LIMIT = 300;
const MESSAGE_LIMIT = 2000;

/** Reads a request that anybody may have sent. */
export function parseRebuildAsk(untrusted: unknown): { readonly ask: RebuildAsk } | { readonly refused: string } {
  const { promotion, request, attempts } = asRecord(untrusted);
  if (!isText(promotion) || !isText(request)) return { refused: 'a request needs promotion and request' };
  const tries = typeof attempts === 'number' && Number.isInteger(attempts) ? attempts : Number.NaN;
  if (!(tries >= 1 && tries <= MOST_ATTEMPTS)) {
    return { refused: `attempts must be a whole number from 1 to ${MOST_ATTEMPTS}` };
  }
  return { ask: { promotion, request, attempts: tries } };
}

/** Reads an answer that anybody may have sent; undefined where it is none. */
export function parseRebuildAnswer(untrusted: unknown): RebuildAnswer | undefined {
  const { request, outcome, subject, shared, type, message } = asRecord(untrusted);
  if (!isText(request)) return undefined;
  if (outcome === 'rebuilt') {
    if (typeof subject !== 'string' || typeof shared !== 'number') return undefined;
    return { request, outcome, subject: subject.slice(0, TEXT_LIMIT), shared };
  }
  if (outcome !== 'failed' || !isText(type) || typeof message !== 'string') return undefined;
  return { request, outcome, type, message: message.slice(0, MESSAGE_LIMIT) };
}

/** Reads the argument of a workflow that anybody may have started. */
export function parseRebuildInput(untrusted: unknown): RebuildInput | { readonly refused: string } {
  const { environment, waiting, rebuilds } = asRecord(untrusted);
  if (typeof environment !== 'string' || !/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(environment)) {
    return { refused: `expected the name of an environment, received ${quote(JSON.stringify(environment))}` };
  }
  const asks: RebuildAsk[] = [];
  for (const one of Array.isArray(waiting) ? (waiting as unknown[]) : []) {
    const parsed = parseRebuildAsk(one);
    if ('refused' in parsed) return parsed;
    asks.push(parsed.ask);
  }
  return { environment, waiting: asks.slice(0, MOST_WAITING), rebuilds: typeof rebuilds === 'number' ? rebuilds : 0 };
}

/** The requests of one environment: those whose rebuild is under way, those that wait for the next, those answered. */
export class RebuildQueue {
  rebuilds: number;
  refused = 0;
  readonly #waiting = new Map<string, RebuildAsk>();
  #served: readonly RebuildAsk[] = [];
  /** So that a request that crosses its answer is told again and not built again. */
  readonly #answered = new Map<string, RebuildAnswer>();

  constructor({ waiting, rebuilds = 0 }: RebuildInput) {
    this.rebuilds = rebuilds;
    for (const ask of waiting) this.#waiting.set(keyOf(ask), ask);
  }

  get waiting(): readonly RebuildAsk[] {
    return [...this.#waiting.values()];
  }

  get served(): readonly RebuildAsk[] {
    return this.#served;
  }

  /** Takes a request up; the answer where it was answered before. */
  add(untrusted: unknown): RebuildAnswer | undefined {
    const parsed = parseRebuildAsk(untrusted);
    if ('refused' in parsed) {
      this.refused += 1;
      return undefined;
    }
    const { ask } = parsed;
    const key = keyOf(ask);
    const answered = this.#answered.get(key);
    if (answered !== undefined) return answered;
    if (this.#waiting.has(key) || this.#served.some((one) => keyOf(one) === key)) return undefined;
    if (this.#waiting.size >= MOST_WAITING) this.refused += 1;
    else this.#waiting.set(key, ask);
    return undefined;
  }

  /** Everybody who waits is served by the rebuild that begins now. */
  take(): readonly RebuildAsk[] {
    this.#served = this.waiting;
    this.#waiting.clear();
    return this.#served;
  }

  /** The answers of the rebuild that has ended, each with whom to tell. */
  settle(answer: (ask: RebuildAsk) => RebuildAnswer): readonly { to: string; answer: RebuildAnswer }[] {
    const told = this.#served.map((ask) => ({ to: ask.promotion, key: keyOf(ask), answer: answer(ask) }));
    this.#served = [];
    this.rebuilds += 1;
    for (const one of told) this.#answered.set(one.key, one.answer);
    for (const key of this.#answered.keys()) {
      if (this.#answered.size <= MOST_WAITING) break;
      this.#answered.delete(key);
    }
    return told;
  }
}

function keyOf({ promotion, request }: RebuildAsk): string {
  return `${request} ${promotion}`;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= TEXT_LIMIT;
}

function asRecord(untrusted: unknown): Record<string, unknown> {
  return typeof untrusted === 'object' && untrusted !== null ? (untrusted as Record<string, unknown>) : {};
}
