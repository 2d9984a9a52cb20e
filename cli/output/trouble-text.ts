import { printable, printableShort } from './escape.ts';
import { formatMoment } from './measures.ts';
import type { Style } from './style.ts';
import { shortId } from '../promotions/promotion-ids.ts';
import type { ActivityView, PromotionView } from '../promotions/view.ts';

const MESSAGE_LIMIT = 1_000;

/** What keeps a promotion from going on, and what to do; nothing where all is well. */
export function troubleLines(
  view: PromotionView,
  { style, now }: { readonly style: Style; readonly now: number },
): readonly string[] {
  return [
    ...stallLines(view, style, now),
    ...view.activities.flatMap((one) => attemptLines(one, style, now)),
    ...view.problems.map((problem) => `${style.attention('problem:')} ${printable(problem)}`),
  ];
}

function stallLines({ id, stall, since }: PromotionView, style: Style, now: number): readonly string[] {
  if (stall === null) return [];
  const name = printable(shortId(id));
  const limit = stall.until === null ? '' : `; it fails ${formatMoment(stall.until, now)}`;
  const began = since === null ? '' : ` since ${formatMoment(since, now)}`;
  return [
    `${style.bad('stalled')} in ${printable(stall.environment)} at ${printable(stall.step)}${began}${limit}`,
    `  ${printableShort(stall.message, MESSAGE_LIMIT)}`,
    `  mend it, then: countersign retry ${name}`,
    `  or give up:    countersign abort ${name}`,
  ];
}

/** A step that failed and is tried again by itself. */
function attemptLines(one: ActivityView, style: Style, now: number): readonly string[] {
  if (one.lastFailure === null) return [];
  const next =
    one.nextAttempt !== null && Date.parse(one.nextAttempt) > now
      ? `, again ${formatMoment(one.nextAttempt, now)}`
      : '';
  return [
    `${style.attention(printable(one.name))} failed, attempt ${one.attempt}${next}: ${printableShort(one.lastFailure, MESSAGE_LIMIT)}`,
  ];
}
