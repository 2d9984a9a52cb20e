import { formatBytes } from './measures.ts';
import { barBefore, cut, progressBar, shareOf } from './progress-bar.ts';
import type { Rate } from '../promotions/copy-rate.ts';
import type { CopyProgress } from '../promotions/view.ts';
import { shortDigest } from '../../workflows/domain/digest.ts';

/** The space there is; a line in the last column would wrap in some terminals. */
export interface Space {
  readonly columns: number;
  readonly rows: number;
}

/** A bar for each blob on its way, and one for all of them below; as many lines as there is space for. */
export function blobBars(progress: CopyProgress, rate: Rate | null, { columns, rows }: Space): string {
  const { inFlight = [] } = progress;
  const width = Math.max(columns - 1, 1);
  // One line for all, one for the cursor below it, and one where not all blobs have room.
  const room = Math.max(rows - 2, 0);
  const shown = inFlight.length <= room ? inFlight : inFlight.slice(0, Math.max(room - 1, 0));
  const hidden = inFlight.length - shown.length;
  return [
    ...shown.map((blob) => blobBar(blob, width)),
    ...(hidden > 0 && room > 0 ? [cut(`and ${hidden} more`, width)] : []),
    progressBar(progress, rate, width),
  ].join('\n');
}

function blobBar({ digest, bytesDone, size }: NonNullable<CopyProgress['inFlight']>[number], width: number): string {
  const share = shareOf(bytesDone, size);
  const name = shortDigest(digest);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  const text = `${percent}  ${formatBytes(bytesDone)} of ${formatBytes(size)}`;
  return cut(`${name} ${barBefore(text, share, width - name.length - 1)}`, width);
}
