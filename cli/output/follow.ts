import type { Call } from '../call.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { changeKey, changeLine, liveView } from './live-view.ts';
import { statusText } from './status-text.ts';
import { RateMeter } from '../promotions/copy-rate.ts';
import { runningCopy } from '../promotions/view.ts';
import type { PromotionView } from '../promotions/view.ts';
import { watchPromotion } from '../promotions/watch.ts';
import { isDrawable } from '../terminal.ts';
import { parseDuration } from '../../worker/configuration/duration.ts';

/** How a promotion is followed on the screen. */
export interface FollowOptions {
  readonly keepWaiting: boolean;
  /** A duration as people write it. */
  readonly timeout?: string;
  /** With JSON: a document per change; else only the last one. */
  readonly lines: boolean;
  /** What else belongs to the answer. */
  readonly further?: object;
}

/** Shows a promotion until it ends: live on a terminal, line by line elsewhere, as JSON where that is wanted. */
export async function followPromotion(call: Call, id: string, options: FollowOptions): Promise<ExitCode> {
  const timeoutMs = options.timeout === undefined ? undefined : parseDuration(options.timeout);
  if (options.timeout !== undefined && timeoutMs === undefined) {
    throw usageError('--timeout: expected a duration such as "30 minutes" or 2h');
  }
  const display = await openDisplay(call, options);
  const { view, exitCode } = await watchPromotion(await call.engine(), id, {
    terminal: call.terminal,
    keepWaiting: options.keepWaiting,
    show: display.show,
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  display.end(view);
  return exitCode;
}

interface Display {
  readonly show: (view: PromotionView) => void;
  readonly end: (view: PromotionView) => void;
}

async function openDisplay(call: Call, options: FollowOptions): Promise<Display> {
  const { report, terminal } = call;
  if (report.format === 'json') return jsonDisplay(call, options);
  const isLive = isDrawable(terminal.stdout, terminal.env) && !call.quiet;
  return isLive ? await liveDisplay(call, options) : logDisplay(call, options);
}

function jsonDisplay({ report }: Call, { lines, further }: FollowOptions): Display {
  if (!lines) return { show: () => undefined, end: (view) => report.result({ ...view, ...further }, () => '') };
  return { show: onChange((view) => report.item(view, () => '')), end: () => undefined };
}

function logDisplay({ report, terminal, quiet }: Call, { further }: FollowOptions): Display {
  const meter = new RateMeter();
  const options = () => ({ style: report.style, now: terminal.now(), meter });
  const line = onChange((view) => report.line(changeLine(view, options())));
  return {
    show: (view) => {
      measure(meter, view, terminal.now());
      if (!quiet) line(view);
    },
    end: (view) => report.result({ ...view, ...further }, () => `\n${statusText(view, options())}`),
  };
}

async function liveDisplay({ report, terminal }: Call, { further }: FollowOptions): Promise<Display> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(terminal.stdout as unknown as NodeJS.WritableStream);
  const meter = new RateMeter();
  const options = () => ({ style: report.style, now: terminal.now(), meter });
  return {
    show: (view) => {
      measure(meter, view, terminal.now());
      update(liveView(view, options()));
    },
    end: (view) => {
      update.clear();
      update.done();
      report.result({ ...view, ...further }, () => statusText(view, options()));
    },
  };
}

function measure(meter: RateMeter, view: PromotionView, now: number): void {
  const copy = runningCopy(view);
  if (copy !== null) meter.add(now, copy.bytesDone);
}

function onChange(act: (view: PromotionView) => void): (view: PromotionView) => void {
  let last = '';
  return (view) => {
    const key = changeKey(view);
    if (key === last) return;
    last = key;
    act(view);
  };
}
