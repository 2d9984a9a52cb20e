import { registryPrefixes } from '../call.ts';
import type { Call } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError } from '../failure.ts';
import { findPromotion } from './find-promotion.ts';
import { shortId } from './promotion-ids.ts';
import { readPromotion } from './read-promotion.ts';
import type { PromotionView } from './view.ts';

/** How a command means the name it was given. */
export interface FindViewOptions {
  /** For commands that act: where the name fits several, the one that runs is meant. */
  readonly preferRunning?: boolean;
}

/** The id of the promotion that a command was given. */
export async function findId(call: Call, text: string, options: FindViewOptions = {}): Promise<string> {
  const prefixes = registryPrefixes(await call.configuration());
  return await findPromotion(await call.engine(), text, { prefixes, ...options });
}

/** The promotion that a command was given, with everything that is known of it. */
export async function findView(call: Call, text: string, options: FindViewOptions = {}): Promise<PromotionView> {
  const id = await findId(call, text, options);
  const view = await readPromotion(await call.engine(), id, { now: call.terminal.now });
  if (view === undefined) throw new CliError(EXIT.notFound, `there is no promotion ${shortId(id)}`);
  return view;
}
