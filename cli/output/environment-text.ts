import { printable } from './escape.ts';
import { gateLines } from './gate-text.ts';
import { rebuildLines } from './rebuild-text.ts';
import { stepMarks } from './step-marks.ts';
import type { Style } from './style.ts';
import type { PromotionView } from '../promotions/view.ts';
import type { EnvironmentStatus } from '../../workflows/domain/promotion.ts';

/** How environments are shown. */
export interface EnvironmentTextOptions {
  readonly style: Style;
  readonly now: number;
  /** References and commits too. */
  readonly detailed: boolean;
  /** Lines for below an environment, for example a progress bar. */
  readonly below?: (environment: string) => readonly string[];
}

/** One block of lines for each environment on the way to the destination. */
export function environmentLines(view: PromotionView, options: EnvironmentTextOptions): readonly string[] {
  const names = namesOf(view);
  const width = Math.max(...names.map((name) => name.length), 0);
  const indent = ' '.repeat(width + 4);
  return names.flatMap((name, index) => {
    const one = view.environments.find(({ environment }) => environment === name);
    const label = `  ${name.padEnd(width)}  `;
    const { style } = options;
    if (one === undefined) return [`${label}${style.dim('to come')}`];
    const stalledAt = view.stall?.environment === name ? view.stall.step : null;
    const marks = stepMarks(one, { style, isFirst: index === 0, stalledAt });
    const head = one.phase === 'pending' ? pendingText(view, name, style) : headOf(one, marks);
    const rebuilt = rebuildLines(one, options);
    const below = [...(options.detailed ? detailLines(one) : []), ...rebuilt, ...gateLines(one, options.now)];
    const more = options.below?.(name) ?? [];
    return [`${label}${head}`, ...[...below, ...more].map((line) => `${indent}${line}`)];
  });
}

function pendingText({ environment, condition }: PromotionView, name: string, style: Style): string {
  const begins = environment === name && (condition === 'running' || condition === 'stalled');
  return begins ? 'its configuration is being read' : style.dim('to come');
}

function namesOf({ route, environments, to }: PromotionView): readonly string[] {
  const names = route.length > 0 ? route : environments.map(({ environment }) => environment);
  const end = names.indexOf(to);
  return (end < 0 ? names : names.slice(0, end + 1)).map(printable);
}

function headOf(one: EnvironmentStatus, marks: string): string {
  return one.stood ? `stood already  ${marks}`.trimEnd() : marks;
}

function detailLines(one: EnvironmentStatus): readonly string[] {
  const { reference, publication, release, replicas, copy } = one;
  return [
    ...(reference === null ? [] : [printable(reference)]),
    ...(copy === null
      ? []
      : [`copied ${copy.blobsCopied} blobs, ${copy.blobsSkipped} were there, ${copy.blobsMounted} mounted`]),
    ...(publication === null ? [] : [`published by commit ${printable(publication)}`]),
    ...(replicas === null
      ? []
      : [replicas === 0 ? 'replicas not checked' : `served by ${replicas} replica${replicas === 1 ? '' : 's'}`]),
    ...(release === null ? [] : [releaseText(release)]),
  ];
}

function releaseText(release: NonNullable<EnvironmentStatus['release']>): string {
  switch (release.release) {
    case 'moved':
      return `tag moved${release.tagBefore === null ? '' : ` from ${release.tagBefore}`}`;
    case 'already-there':
      return 'the tag pointed to it already';
    case 'overtaken':
      return `a later publication holds the tag: ${release.by}`;
    case 'untouched':
      return "the tag is its builder's";
  }
}
