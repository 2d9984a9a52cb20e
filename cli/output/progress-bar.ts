import { formatBytes, formatSpan } from './measures.ts';
import type { Rate } from '../promotions/copy-rate.ts';
import type { CopyProgress } from '../promotions/view.ts';

const BAR_WIDTH = 30;

/** A running copy on one line: bar, percent, bytes, rate, remaining time, blobs. */
export function progressBar(copy: CopyProgress, rate: Rate | null): string {
  const { bytesDone, bytesTotal } = copy;
  const share = bytesTotal === 0 ? 0 : Math.min(bytesDone / bytesTotal, 1);
  const full = Math.floor(share * BAR_WIDTH);
  return `${'━'.repeat(full)}${'─'.repeat(BAR_WIDTH - full)} ${progressText(copy, rate)}`;
}

/** The same without the bar, for a log. */
export function progressText(
  { bytesDone, bytesTotal, blobsDone, blobsTotal }: CopyProgress,
  rate: Rate | null,
): string {
  const percent = bytesTotal === 0 ? 0 : Math.floor((Math.min(bytesDone, bytesTotal) * 100) / bytesTotal);
  const parts = [
    `${percent} %`,
    `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`,
    ...(rate === null ? [] : [`${formatBytes(rate.bytesPerSecond)}/s`]),
    ...(rate?.leftMs == null ? [] : [`${formatSpan(rate.leftMs)} left`]),
    `${blobsDone} of ${blobsTotal} blobs`,
  ];
  return parts.join(', ');
}
