import { EXIT, exitCodeOf } from '../exit-codes.ts';
import { CliError } from '../failure.ts';
import { printable } from '../output/escape.ts';
import type { PromotionEngine, StartRequest } from './engine.ts';
import { idOf, shortId } from './promotion-ids.ts';
import { EXTEND } from '../../workflows/domain/messages.ts';
import type { ExtendMessage, PromotionMemo } from '../../workflows/domain/messages.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';
import type { PromotionInput, PromotionResult } from '../../workflows/domain/promotion.ts';

/** What is asked for, all of it checked. */
export interface StartWish {
  readonly image: PromotedImage;
  readonly route: readonly string[];
  readonly to: string;
  readonly requestedBy: string;
  readonly again: boolean;
}

/** How `start` ended. */
export type Started =
  | { readonly started: 'started' | 'joined'; readonly id: string; readonly run: string }
  /** The destination serves this digest under this tag, and its clusters accept it. */
  | { readonly started: 'already-promoted'; readonly id: string };

/** What `start` needs beside Temporal. */
export interface StartTools {
  readonly engine: PromotionEngine;
  /** Whether the destination serves the image already; false also where that cannot be seen from here. */
  readonly isPromoted: () => Promise<boolean>;
  readonly now: () => number;
}

/** The promotion may end between finding it and joining it; nobody ends so many in a row. */
const TRIES = 5;

/**
 * Starts a promotion, or joins the one that runs. Looks first: what stands already is not started, and what people
 * refused is not asked again unless `again` says so.
 * @throws CliError with the code of the earlier outcome, where that stands in the way.
 */
export async function startPromotion(wish: StartWish, tools: StartTools): Promise<Started> {
  const id = idOf(wish.image);
  if (!wish.again) {
    if (await tools.isPromoted()) return { started: 'already-promoted', id };
    await refuseAfterEnd(id, wish, tools.engine);
  }
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const before = await tools.engine.describe(id);
    const { run } = await tools.engine.start(startRequest(id, wish, tools.now()));
    const extend: ExtendMessage = {
      to: wish.to,
      requestedBy: wish.requestedBy,
      ...(wish.again && { again: true }),
    };
    if ((await tools.engine.signal({ id, run }, EXTEND, extend)) === 'closed') continue;
    return { started: before?.execution === 'running' ? 'joined' : 'started', id, run };
  }
  throw new CliError(EXIT.failure, `${shortId(id)} ended ${TRIES} times while it was being joined; look at its status`);
}

/** What a promotion is started with; also `replay` begins so. */
export function startRequest(
  id: string,
  wish: Omit<StartWish, 'again'> & { again?: boolean },
  now: number,
): StartRequest {
  const entry = wish.route[0] ?? '';
  const { image, to, requestedBy, again } = wish;
  const input: PromotionInput = { image, entry, to, requestedBy, ...(again === true && { again }) };
  const memo = initialMemo(input, now);
  return { id, input, memo, summary: `${image.name}:${image.tag} to ${to}` };
}

/** What the memo says until the workflow itself shows more; without a worker that may be for long. */
export function initialMemo({ image, entry, to, started }: PromotionInput, now: number): PromotionMemo {
  return {
    condition: 'running',
    environment: entry,
    step: '',
    to,
    since: now,
    started: started ?? new Date(now).toISOString(),
    image,
    entry,
    run: '',
    stalled: '',
    stall: 0,
  };
}

async function refuseAfterEnd(id: string, wish: StartWish, engine: PromotionEngine): Promise<void> {
  const last = await engine.describe(id);
  if (last?.execution !== 'completed') return;
  const { result } = await engine.ending({ id, run: last.run });
  if (result === null || !standsInTheWay(result, wish)) return;
  const { outcome, environment, reason } = result;
  throw new CliError(
    exitCodeOf(result.outcome),
    `${shortId(id)} ended as ${outcome} in ${printable(environment)}: ${printable(reason)}; to ask again, start it with --again`,
  );
}

/** A refusal beyond the destination concerns nobody; one on the way to it does. */
function standsInTheWay({ outcome, environment }: PromotionResult, { route, to }: StartWish): boolean {
  if (outcome === 'superseded') return environment === to;
  if (outcome !== 'rejected' && outcome !== 'expired') return false;
  const where = route.indexOf(environment);
  return where < 0 || where <= route.indexOf(to);
}
