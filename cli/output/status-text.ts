import { environmentLines } from './environment-text.ts';
import { printable, printableShort } from './escape.ts';
import { formatMoment } from './measures.ts';
import { progressBar } from './progress-bar.ts';
import type { Style } from './style.ts';
import { alignRows } from './table.ts';
import { troubleLines } from './trouble-text.ts';
import { exitCodeOf, isEnded } from '../exit-codes.ts';
import { runningCopy } from '../promotions/view.ts';
import type { PromotionView } from '../promotions/view.ts';

/** How text is made. */
export interface TextOptions {
  readonly style: Style;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A promotion for a person: what it carries, where it stands, why it waits, what to do. */
export function statusText(view: PromotionView, { style, now }: TextOptions): string {
  const blocks = [
    [style.bold(printable(`${view.image.name}:${view.image.tag}`))],
    factLines(view, { style, now }),
    environmentBlock(view, { style, now }),
    troubleLines(view, { style, now }),
    refusalLines(view),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** The state in one coloured word. */
export function conditionText(condition: PromotionView['condition'], style: Style): string {
  if (condition === 'released') return style.good(condition);
  if (condition === 'deciding') return style.attention(condition);
  if (condition === 'running') return style.active(condition);
  return exitCodeOf(condition) === 0 ? condition : style.bad(condition);
}

function factLines(view: PromotionView, { style, now }: TextOptions): readonly string[] {
  const { image, id, run, to, route, requesters, started, ended, since } = view;
  const facts: (readonly [string, string])[] = [
    ['digest', image.digest],
    ...(image.source === undefined ? [] : [['source', image.source] as const]),
    ['id', id],
    ['run', run],
    ['to', route.length === 0 ? to : `${to} on the route ${route.join(' → ')}`],
    ['started', `${formatMoment(started, now)}${requesters.length === 0 ? '' : ` by ${requesters.join(', ')}`}`],
    ...(ended === null ? [] : [['ended', formatMoment(ended, now)] as const]),
  ];
  const rows = alignRows(facts.map(([name, value]) => [`  ${name}`, printable(value)]));
  const width = Math.max(...facts.map(([name]) => name.length));
  const elapsed = since === null || ended !== null ? '' : ` since ${formatMoment(since, now)}`;
  return [`  ${'state'.padEnd(width)}  ${conditionText(view.condition, style)}${whereText(view)}${elapsed}`, ...rows];
}

function whereText(view: PromotionView): string {
  const { result, failure, condition, environment, step } = view;
  if (result !== null && isEnded(condition)) {
    const left = result.leftBehind.length === 0 ? '' : `; left behind: ${result.leftBehind.map(printable).join(', ')}`;
    const where = ` in ${printable(result.environment)}`;
    const why = result.reason === `${condition}${where}` ? '' : `: ${printableShort(result.reason, 1_000)}`;
    return `${where}${why}${left}`;
  }
  if (failure !== null) return `: ${printableShort(failure, 1_000)}`;
  if (isEnded(condition) || environment === '') return '';
  return ` in ${printable(environment)}${step === null ? '' : `, at ${printable(step)}`}`;
}

function environmentBlock(view: PromotionView, { style, now }: TextOptions): readonly string[] {
  const copy = runningCopy(view);
  const below = (environment: string): readonly string[] =>
    copy !== null && environment === view.environment ? [progressBar(copy, null)] : [];
  if (view.environments.length > 0) return environmentLines(view, { style, now, detailed: true, below });
  return copy === null ? [] : [`  ${printable(view.environment)}  ${progressBar(copy, null)}`];
}

function refusalLines({ refused, refusals }: PromotionView): readonly string[] {
  if (refused === 0) return [];
  return [
    `${refused} ${refused === 1 ? 'message was' : 'messages were'} refused; the last ones:`,
    ...refusals.map((one) => `  ${printableShort(one, 300)}`),
  ];
}
