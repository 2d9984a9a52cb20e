import { EXIT, exitCodeOf, isEnded } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { CliError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import type { PromotionEngine } from './engine.ts';
import { shortId } from './promotion-ids.ts';
import { QUERY_WITHIN_MS, readPromotion } from './read-promotion.ts';
import type { PromotionView } from './view.ts';

/** How a promotion is followed. */
export interface WatchOptions {
  /** Milliseconds; unlimited where left out. */
  readonly timeoutMs?: number;
  /** Whether a promotion that stalls is followed on; else the watch ends there. */
  readonly keepWaiting: boolean;
  /** Called with every reading, changed or not. */
  readonly show: (view: PromotionView) => void;
}

/** What a watch ended with. */
export interface Watched {
  readonly view: PromotionView;
  readonly exitCode: ExitCode;
}

const TICK_MS = 1_000;
/** A worker that did not answer is asked again only after a while, so that the readings stay quick. */
const SILENCE_MS = 10_000;

/** Follows a promotion until it ends, stalls, the time is over, or somebody interrupts. */
export async function watchPromotion(
  engine: PromotionEngine,
  id: string,
  { terminal, timeoutMs, keepWaiting, show }: WatchOptions & { readonly terminal: Terminal },
): Promise<Watched> {
  const { now, signal, sleep } = terminal;
  const end = timeoutMs === undefined ? Infinity : now() + timeoutMs;
  let askAgainAt = 0;
  let snapshot: PromotionView | undefined;
  for (;;) {
    const queryWithinMs = now() >= askAgainAt ? QUERY_WITHIN_MS : 0;
    const read = await readPromotion(engine, id, { now, queryWithinMs });
    if (read === undefined) throw new CliError(EXIT.notFound, `there is no promotion ${shortId(id)}`);
    if (read.answered) askAgainAt = 0;
    else if (queryWithinMs > 0) askAgainAt = now() + SILENCE_MS;
    const view = read.answered ? read : withLastSnapshot(read, snapshot);
    snapshot = view;
    show(view);
    if (isEnded(view.condition)) return { view, exitCode: exitCodeOf(view.condition) };
    if (view.condition === 'stalled' && !keepWaiting) return { view, exitCode: EXIT.stalled };
    if (signal.aborted || now() >= end) return { view, exitCode: EXIT.unfinished };
    await sleep(Math.min(TICK_MS, end - now()), signal);
  }
}

/** While a worker is silent, what it said last is still worth showing. */
function withLastSnapshot(read: PromotionView, last: PromotionView | undefined): PromotionView {
  if (last === undefined) return read;
  const { requesters, route, environments } = last;
  const problems = read.problems.length > 0 ? read.problems : last.problems;
  return { ...read, requesters, route, environments, problems };
}
