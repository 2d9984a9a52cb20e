import { isEnded } from '../exit-codes.ts';
import { environmentLines } from './environment-text.ts';
import { printable } from './escape.ts';
import { formatMoment, formatTime } from './measures.ts';
import { progressBar, progressText } from './progress-bar.ts';
import { conditionText } from './status-text.ts';
import type { TextOptions } from './status-text.ts';
import { troubleLines } from './trouble-text.ts';
import type { RateMeter } from '../promotions/copy-rate.ts';
import { approvals, decidingEnvironment, runningCopy } from '../promotions/view.ts';
import type { PromotionView } from '../promotions/view.ts';

/** The whole view for a terminal, drawn anew with each reading. */
export function liveView(
  view: PromotionView,
  { style, now, meter }: TextOptions & { readonly meter: RateMeter },
): string {
  const copy = runningCopy(view);
  const below = (environment: string): readonly string[] =>
    copy !== null && environment === view.environment ? [progressBar(copy, meter.read(copy.bytesTotal))] : [];
  const head = `${style.bold(printable(`${view.image.name}:${view.image.tag}`))}  ${style.dim(view.image.digest)}`;
  const trouble = troubleLines(view, { style, now });
  return [
    head,
    `${conditionText(view.condition, style)}${isEnded(view.condition) ? ', bound for' : ' on the way to'} ${printable(view.to)}, started ${formatMoment(view.started, now)}`,
    ...environmentLines(view, { style, now, detailed: false, below }),
    ...(view.environments.length === 0 && copy !== null
      ? [`  ${printable(view.environment)}  ${progressBar(copy, meter.read(copy.bytesTotal))}`]
      : []),
    ...(trouble.length === 0 ? [] : ['', ...trouble]),
  ].join('\n');
}

/** What must change before a log gets another line. */
export function changeKey(view: PromotionView): string {
  const { condition, environment, step, stall, problems, to } = view;
  const deciding = decidingEnvironment(view);
  const copy = runningCopy(view);
  const tenth = copy === null || copy.bytesTotal === 0 ? null : Math.floor((copy.bytesDone * 10) / copy.bytesTotal);
  const decided = deciding === undefined ? 0 : deciding.decisions.length;
  const failures = view.activities.map(({ name, attempt, lastFailure }) => [name, lastFailure === null ? 0 : attempt]);
  return JSON.stringify([condition, environment, step, stall?.number, problems, to, tenth, decided, failures]);
}

/** One line of a log: time, environment, step, and what there is to say of it. */
export function changeLine(
  view: PromotionView,
  { style, now, meter }: TextOptions & { readonly meter: RateMeter },
): string {
  const { condition, environment, step } = view;
  const copy = runningCopy(view);
  const where = [environment, step ?? '']
    .filter((part) => part !== '')
    .map(printable)
    .join(' ');
  const said = [
    conditionText(condition, style),
    ...(copy === null ? [] : [progressText(copy, meter.read(copy.bytesTotal))]),
    ...decidingText(view),
    ...troubleLines(view, { style, now }).map((line) => line.trim()),
  ];
  return `${formatTime(now)} ${where}: ${said.join('; ')}`;
}

function decidingText(view: PromotionView): readonly string[] {
  const one = decidingEnvironment(view);
  if (one?.gate?.kind !== 'people') return [];
  return [`${approvals(one).length} of ${one.gate.quorum} approvals of ${printable(one.gate.group)}`];
}
