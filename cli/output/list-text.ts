import { printable, printableShort } from './escape.ts';
import { formatSpan, formatTime } from './measures.ts';
import { conditionText } from './status-text.ts';
import type { TextOptions } from './status-text.ts';
import { alignRows } from './table.ts';
import type { ViewCondition } from '../exit-codes.ts';
import { conditionOfListed } from '../promotions/condition.ts';
import type { ListedPromotion } from '../promotions/engine.ts';
import { shortId } from '../promotions/promotion-ids.ts';

/** One promotion of a list; the JSON of `list`. */
export interface ListRow {
  readonly id: string;
  readonly run: string;
  readonly state: ViewCondition;
  readonly environment: string;
  readonly to: string;
  /** Environment and group of approvers that are waited for. */
  readonly awaiting: readonly string[];
  /** ISO 8601. */
  readonly deadline: string | null;
  readonly stalled: string | null;
  /** ISO 8601: since when it is in this state, as far as that is known. */
  readonly since: string;
  readonly started: string;
}

const REASON_LIMIT = 60;

/** The rows of a list. */
export function listRows(found: readonly ListedPromotion[]): readonly ListRow[] {
  return found.map((one) => {
    const { id, run, memo, awaiting, deadline, startedAt, closedAt } = one;
    const state = conditionOfListed(one);
    return {
      id,
      run,
      state,
      environment: one.environment === '' ? (memo.environment ?? '') : one.environment,
      to: memo.to ?? '',
      awaiting: state === 'deciding' ? awaiting : [],
      deadline: deadline === null || state !== 'deciding' ? null : iso(deadline),
      stalled: state === 'stalled' ? (memo.stalled ?? '') : null,
      since: iso(closedAt ?? memo.since ?? startedAt),
      started: memo.started ?? iso(startedAt),
    };
  });
}

/** The list for a person: an id that can be typed, state, environment, what is waited for, since when. */
export function listText(rows: readonly ListRow[], { style, now }: TextOptions): string {
  if (rows.length === 0) return 'no promotions';
  const head = ['ID', 'STATE', 'ENVIRONMENT', 'WAITING FOR', 'SINCE'];
  const body = rows.map((row) => [
    printable(shortId(row.id)),
    row.state,
    printable(row.environment),
    waitingFor(row, now),
    `${formatTime(row.since)} (${formatSpan(now - Date.parse(row.since))})`,
  ]);
  const [headline = '', ...lines] = alignRows([head, ...body]);
  // Colours are put in after aligning: escape sequences have a length and no width.
  const coloured = lines.map((line, index) => colourState(line, rows[index]?.state, style));
  return [style.dim(headline), ...coloured].join('\n');
}

function colourState(line: string, state: ViewCondition | undefined, style: TextOptions['style']): string {
  if (state === undefined) return line;
  const at = line.indexOf(`  ${state}`);
  return `${line.slice(0, at + 2)}${conditionText(state, style)}${line.slice(at + 2 + state.length)}`;
}

function waitingFor({ state, awaiting, deadline, stalled }: ListRow, now: number): string {
  if (state === 'stalled') return printableShort(`retry: ${stalled ?? ''}`, REASON_LIMIT);
  if (state !== 'deciding') return '';
  const until = deadline === null ? '' : `, ${formatSpan(Date.parse(deadline) - now)} left`;
  return `${awaiting.map(printable).join(', ')}${until}`;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
