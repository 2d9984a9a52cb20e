import { blobBars } from './blob-bars.ts';
import { progressText, shareOf } from './progress-bar.ts';
import type { Call } from '../call.ts';
import { RateMeter } from '../promotions/copy-rate.ts';
import type { CopyProgress } from '../promotions/view.ts';
import { isDrawable } from '../terminal.ts';

/** Shows a copy that runs in this process. */
export interface CopyDisplay {
  readonly show: (progress: CopyProgress) => void;
  /** Harmless when repeated. */
  readonly end: () => void;
}

const REDRAW_MS = 100;
const USUAL_COLUMNS = 80;

/** A bar for each blob and for all on a terminal, a line for each tenth elsewhere; both on standard error. */
export async function openCopyDisplay(call: Call): Promise<CopyDisplay> {
  const { terminal, quiet } = call;
  if (quiet) return { show: () => undefined, end: () => undefined };
  const isLive = isDrawable(terminal.stderr, terminal.env);
  return isLive ? await barDisplay(call) : lineDisplay(call);
}

async function barDisplay({ terminal }: Call): Promise<CopyDisplay> {
  const { createLogUpdate } = await import('log-update');
  const { stderr } = terminal;
  const update = createLogUpdate(stderr as unknown as NodeJS.WritableStream);
  const meter = new RateMeter();
  let drawnAt = Number.NEGATIVE_INFINITY;
  let ended = false;
  return {
    show: (progress) => {
      const now = terminal.now();
      meter.add(now, progress.bytesDone);
      if (ended || now - drawnAt < REDRAW_MS) return;
      drawnAt = now;
      // Asked anew: people resize their terminals.
      const { columns = USUAL_COLUMNS, rows = 1 } = stderr;
      update(blobBars(progress, meter.read(progress.bytesTotal), { columns, rows }));
    },
    end: () => {
      if (ended) return;
      ended = true;
      update.clear();
      update.done();
    },
  };
}

function lineDisplay({ terminal, report }: Call): CopyDisplay {
  const meter = new RateMeter();
  let shown = -1;
  let ended = false;
  return {
    show: (progress) => {
      meter.add(terminal.now(), progress.bytesDone);
      const tenth = tenthOf(progress);
      if (ended || tenth <= shown) return;
      shown = tenth;
      report.note(progressText(progress, meter.read(progress.bytesTotal)));
    },
    end: () => {
      ended = true;
    },
  };
}

/** The last tenth is that of the last blob: bytes that were sent are not yet stored. */
function tenthOf({ bytesDone, bytesTotal, blobsDone, blobsTotal }: CopyProgress): number {
  return blobsDone >= blobsTotal ? 10 : Math.min(Math.floor(shareOf(bytesDone, bytesTotal) * 10), 9);
}
