import type { Call } from '../call.ts';
import { progressBar, progressText } from './progress-bar.ts';
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

/** A bar on a terminal, a line for each tenth elsewhere; both on standard error. */
export async function openCopyDisplay(call: Call): Promise<CopyDisplay> {
  const { terminal, quiet } = call;
  if (quiet) return { show: () => undefined, end: () => undefined };
  const isLive = isDrawable(terminal.stderr, terminal.env);
  return isLive ? await barDisplay(call) : lineDisplay(call);
}

async function barDisplay({ terminal }: Call): Promise<CopyDisplay> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(terminal.stderr as unknown as NodeJS.WritableStream);
  const meter = new RateMeter();
  let drawnAt = 0;
  let ended = false;
  return {
    show: (progress) => {
      const now = terminal.now();
      meter.add(now, progress.bytesDone);
      if (ended || now - drawnAt < REDRAW_MS) return;
      drawnAt = now;
      update(progressBar(progress, meter.read(progress.bytesTotal)));
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
  return {
    show: (progress) => {
      meter.add(terminal.now(), progress.bytesDone);
      const { bytesDone, bytesTotal } = progress;
      const tenth = bytesTotal === 0 ? 0 : Math.floor((bytesDone * 10) / bytesTotal);
      if (tenth <= shown) return;
      shown = tenth;
      report.note(progressText(progress, meter.read(bytesTotal)));
    },
    end: () => undefined,
  };
}
