/** Follows a promotion through `countersign watch --output json`, and draws it as `countersign watch` does. */
import { createLogUpdate } from 'log-update';
import { isEnded } from '../../cli/exit-codes.ts';
import { changeLine, liveView } from '../../cli/output/live-view.ts';
import { statusText } from '../../cli/output/status-text.ts';
import { RateMeter } from '../../cli/promotions/copy-rate.ts';
import { runningCopy } from '../../cli/promotions/view.ts';
import type { PromotionView } from '../../cli/promotions/view.ts';
import { startProcess } from '../support/parts/index.mjs';
import type { RunningProcess } from '../support/parts/index.mjs';
import { COUNTERSIGN } from '../support/site.ts';
import type { Company } from './company.ts';
import { EnvironmentTimes } from './environment-times.ts';

/** How long one stretch of the way may take, in milliseconds; Infinity where a person is waited for. */
export type Patience = number;

/** A promotion that is being followed. */
export interface Followed {
  readonly times: EnvironmentTimes;
  /** Shows it until `done`, or until it has ended. */
  until(done: (view: PromotionView) => boolean, patienceMs?: Patience): Promise<PromotionView>;
  stop(): Promise<void>;
}

/** A promotion that does not go on. */
export class StuckError extends Error {
  readonly environment: string;

  constructor(message: string, environment: string) {
    super(message);
    this.name = 'StuckError';
    this.environment = environment;
  }
}

const PATIENCE_MS = 120_000;
const REDRAW_MS = 200;

interface Watching {
  readonly company: Company;
  readonly process: RunningProcess;
  readonly meter: RateMeter;
  /** Not shown yet, the oldest first. */
  readonly fresh: PromotionView[];
  last: PromotionView | undefined;
  /** The last line, without its time. */
  told: string;
}

/** Follows the promotion from now on; `stop` it where its end is not waited for. */
export async function followPromotion(company: Company, id: string): Promise<Followed> {
  const { site } = company;
  const times = new EnvironmentTimes();
  const watching: Omit<Watching, 'process'> = {
    company,
    meter: new RateMeter(),
    fresh: [],
    last: undefined,
    told: '',
  };
  const process_ = await startProcess(
    process.execPath,
    [COUNTERSIGN, '--config', site.configurationFile, 'watch', id, '--output', 'json'],
    {
      name: 'countersign watch',
      onLine: (line) => {
        if (!line.startsWith('{')) return;
        const view = JSON.parse(line) as PromotionView;
        times.add(view, Date.now());
        const copy = runningCopy(view);
        if (copy !== null) watching.meter.add(Date.now(), copy.bytesDone);
        watching.fresh.push(view);
      },
    },
  );
  const whole = Object.assign(watching, { process: process_ });
  return {
    times,
    until: (done, patienceMs = PATIENCE_MS) => showUntil(whole, done, patienceMs),
    stop: () => process_.stop(),
  };
}

async function showUntil(
  watching: Watching,
  done: (view: PromotionView) => boolean,
  patienceMs: Patience,
): Promise<PromotionView> {
  const { company, fresh } = watching;
  const display = openDisplay(watching);
  const end = Date.now() + patienceMs;
  try {
    for (;;) {
      for (let view = fresh.shift(); view !== undefined; view = fresh.shift()) {
        watching.last = view;
        display.changed(view);
        if (isEnded(view.condition) || done(view)) return view;
        if (patienceMs !== Infinity) checkGoesOn(view);
      }
      checkInTime(watching, end);
      display.redraw();
      await pause(REDRAW_MS, company.signal);
    }
  } finally {
    display.end();
  }
}

function checkGoesOn(view: PromotionView): void {
  if (view.condition !== 'stalled') return;
  const { environment = view.environment, step = '', message = '' } = view.stall ?? {};
  throw new StuckError(`the promotion stalled in ${environment} at ${step}: ${message}`, environment);
}

function checkInTime({ process: { isRunning, output }, fresh, last, company }: Watching, end: number): void {
  if (!isRunning() && fresh.length === 0) {
    throw new Error(`countersign watch ended by itself, its last lines:\n${output().slice(-2_000)}`);
  }
  if (Date.now() < end) return;
  const { style } = company.stage;
  const shown = last === undefined ? 'nothing was seen of it' : statusText(last, { style, now: Date.now() });
  throw new StuckError(`the promotion did not go on in time:\n${shown}`, last?.environment ?? 'orchestrator');
}

interface Display {
  changed(view: PromotionView): void;
  redraw(): void;
  end(): void;
}

function openDisplay(watching: Watching): Display {
  const { stage } = watching.company;
  const options = () => ({ style: stage.style, now: Date.now(), meter: watching.meter });
  if (!stage.isLive) {
    return {
      changed: (view) => {
        // A reading can differ in what the line does not tell.
        const line = changeLine(view, options());
        const told = line.slice(line.indexOf('Z '));
        if (told !== watching.told) stage.line(line);
        watching.told = told;
      },
      redraw: () => undefined,
      end: () => undefined,
    };
  }
  const update = createLogUpdate(stage.stream as unknown as NodeJS.WritableStream);
  const draw = (): void => {
    if (watching.last === undefined) return;
    const lines = liveView(watching.last, options()).split('\n');
    update(lines.map((line) => `   ${line}`).join('\n'));
  };
  return { changed: draw, redraw: draw, end: () => update.done() };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(finish, ms);
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    }
    signal.addEventListener('abort', finish, { once: true });
  });
  signal.throwIfAborted();
}
