import { formatBytes, formatSpan } from './measures.ts';
import type { Rate } from '../promotions/copy-rate.ts';
import type { CopyProgress } from '../promotions/view.ts';

const BAR_WIDTH = 30;
/** A shorter bar says nothing that the percents do not say. */
const SHORTEST_BAR = 5;

/** A running copy on one line: bar, percent, bytes, rate, remaining time, blobs; the bar gives way on a narrow line. */
export function progressBar(copy: CopyProgress, rate: Rate | null, columns = Number.POSITIVE_INFINITY): string {
  return barBefore(progressText(copy, rate), shareOf(copy.bytesDone, copy.bytesTotal), columns);
}

/** A bar of a share between 0 and 1 before a text, on a line of at most so many characters. */
export function barBefore(text: string, share: number, columns: number): string {
  const width = Math.min(BAR_WIDTH, columns - text.length - 1);
  if (width < SHORTEST_BAR) return cut(text, columns);
  const full = Math.floor(share * width);
  return `${'━'.repeat(full)}${'─'.repeat(width - full)} ${text}`;
}

/** The first characters of a line that is too long. */
export function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(columns - 1, 0))}…`;
}

/** How much of it is done, between 0 and 1. */
export function shareOf(done: number, total: number): number {
  return total <= 0 ? 0 : Math.max(0, Math.min(done / total, 1));
}

/** The same without the bar, for a log. */
export function progressText(
  { bytesDone, bytesTotal, blobsDone, blobsTotal }: CopyProgress,
  rate: Rate | null,
): string {
  const parts = [
    `${Math.floor(shareOf(bytesDone, bytesTotal) * 100)} %`,
    `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`,
    ...(rate === null ? [] : [`${formatBytes(rate.bytesPerSecond)}/s`]),
    ...(rate?.leftMs == null ? [] : [`${formatSpan(rate.leftMs)} left`]),
    `${blobsDone} of ${blobsTotal} blobs`,
  ];
  return parts.join(', ');
}
