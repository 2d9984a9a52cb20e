import { EXIT } from '../exit-codes.ts';
import { CliError, usageError } from '../failure.ts';
import { conditionOfDescribed } from './condition.ts';
import type { PromotionDescription, PromotionEngine, StartRequest } from './engine.ts';
import { parseId, shortId } from './promotion-ids.ts';
import { initialMemo } from './start.ts';
import { EXTEND } from '../../workflows/domain/messages.ts';
import { isDigest } from '../../workflows/domain/digest.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';
import type { PromotionInput } from '../../workflows/domain/promotion.ts';

/** What `replay` needs beside Temporal. */
export interface ReplayTools {
  readonly engine: PromotionEngine;
  readonly route: readonly string[];
  /** Whoever replays; counts as requester only where nobody knows who asked. */
  readonly by: string;
  /** Where the promotion leads, for one of which nothing but the id is known. */
  readonly to?: string;
  readonly now: () => number;
}

/** How long a worker may take to say who asked for the promotion. */
const QUERY_WITHIN_MS = 3_000;

/**
 * Starts a promotion that ended in failure again, under its own id and with its original start time: the time orders
 * promotions that aim at one tag. Whoever asked for it stays its requester, so that nobody comes to decide on their
 * own request by way of a replay.
 * @throws CliError where it runs, or ended with an outcome.
 */
export async function replayPromotion(
  id: string,
  tools: ReplayTools,
): Promise<{ readonly id: string; readonly run: string }> {
  const { engine } = tools;
  const last = await engine.describe(id);
  if (last === undefined) throw new CliError(EXIT.notFound, `there is no promotion ${shortId(id)}`);
  refuseUnlessFailed(id, last);
  const { request, requesters } = await rebuild(last, tools);
  const { run } = await engine.start(request);
  for (const requestedBy of requesters) {
    if (requestedBy !== request.input.requestedBy) {
      await engine.signal({ id, run }, EXTEND, { to: request.input.to, requestedBy });
    }
  }
  return { id, run };
}

function refuseUnlessFailed(id: string, last: PromotionDescription): void {
  if (last.execution === 'running') {
    const state = conditionOfDescribed(last);
    const way = state === 'stalled' ? 'use "countersign retry"' : 'watch it with "countersign watch"';
    throw new CliError(EXIT.refused, `${shortId(id)} has not ended, it is ${state}; ${way}`);
  }
  if (last.execution === 'completed') {
    throw new CliError(
      EXIT.refused,
      `${shortId(id)} did not fail, it ended as ${conditionOfDescribed(last)}; to ask again, use "countersign start … --again"`,
    );
  }
}

async function rebuild(
  last: PromotionDescription,
  tools: ReplayTools,
): Promise<{ request: StartRequest; requesters: readonly string[] }> {
  const { id, run, memo } = last;
  const input = await tools.engine.firstInput({ id, run });
  const status = await tools.engine.query({ id, run }, QUERY_WITHIN_MS);
  const image = input?.image ?? imageOf(last);
  const entry = input?.entry ?? memo.entry ?? tools.route[0] ?? '';
  const to = status?.to ?? memo.to ?? input?.to ?? tools.to;
  if (to === undefined) throw usageError(`nothing is known of where ${shortId(id)} leads; give --to ENVIRONMENT`);
  const known = status?.requesters ?? input?.carried?.requesters ?? [];
  const requestedBy = input?.requestedBy ?? known[0] ?? tools.by;
  const started = status?.started ?? memo.started ?? input?.started ?? new Date(last.startedAt).toISOString();
  const again = input?.again === true && { again: true };
  const fresh: PromotionInput = { image, entry, to, requestedBy, started, ...again };
  const memoOfIt = initialMemo(fresh, tools.now());
  const request = { id, input: fresh, memo: memoOfIt, summary: `${image.name}:${image.tag} to ${to} (replayed)` };
  return { request, requesters: known };
}

function imageOf({ id, memo }: PromotionDescription): PromotedImage {
  const { image } = memo;
  if (image !== undefined && isDigest(image.digest)) return { ...image, digest: image.digest };
  const parts = parseId(id);
  if (parts === undefined || parts.shortened) {
    throw new CliError(EXIT.failure, `${id} does not say which image it carries, and its memo is gone; start it anew`);
  }
  return { name: parts.name, tag: parts.tag, digest: parts.digest };
}
