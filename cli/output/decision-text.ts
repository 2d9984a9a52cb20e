import { printable } from './escape.ts';
import { decisionLine } from './gate-text.ts';
import { formatMoment } from './measures.ts';
import type { Style } from './style.ts';
import { alignRows } from './table.ts';
import type { PromotionView } from '../promotions/view.ts';

/** What is decided, by whom and when. */
export interface DecisionTextOptions {
  readonly environment: string;
  readonly by: string;
  /** References by the configuration, for where no worker answers. */
  readonly into: string;
  readonly from: string | null;
  readonly style: Style;
  readonly now: number;
}

/** What a person should see before deciding: image, full digest, where it comes from, what passed before. */
export function decisionText(view: PromotionView, options: DecisionTextOptions): string {
  const { environment, by, style, now } = options;
  const { image, requesters, started } = view;
  const one = view.environments.find((found) => found.environment === environment);
  const facts: (readonly [string, string])[] = [
    ['image', `${image.name}:${image.tag}`],
    ['digest', image.digest],
    ['into', one?.reference ?? options.into],
    ['from', originText(view, options)],
    ['asked', `${formatMoment(started, now)}${requesters.length === 0 ? '' : ` by ${requesters.join(', ')}`}`],
    ['you are', `${by} (claimed, not proven)`],
    ...passedFacts(view, environment),
    ...(one?.decisions ?? []).map((decision) => ['so far', decisionLine(decision)] as const),
  ];
  const rows = alignRows(facts.map(([name, value]) => [`  ${name}`, printable(value)]));
  const silent = view.answered ? [] : [style.attention('  no worker answered: what passed before cannot be shown')];
  return [style.bold(`Decision for ${printable(environment)}`), ...rows, ...silent].join('\n');
}

function originText({ route, environments, image }: PromotionView, { environment, from }: DecisionTextOptions): string {
  const before = route[route.indexOf(environment) - 1];
  const origin = environments.find((one) => one.environment === before);
  return origin?.reference ?? from ?? image.source ?? 'where its builder pushed it';
}

function passedFacts({ environments }: PromotionView, environment: string): (readonly [string, string])[] {
  const passed = environments.filter((one) => one.environment !== environment && one.phase === 'passed');
  return passed.map((one) => {
    const commit = one.publication === null ? '' : `, commit ${one.publication.slice(0, 12)}`;
    const people = one.decisions.filter(({ verdict }) => verdict === 'approve').map((decision) => decision.by);
    const by = people.length === 0 ? '' : `, approved by ${people.join(', ')}`;
    return ['passed', `${one.environment}${one.stood ? ' (stood already)' : ''}${commit}${by}`];
  });
}
