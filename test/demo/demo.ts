/** The demonstration from the first scene to the last line, and the end of everything it started. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Site } from '../support/site.ts';
import { startCompany } from './company.ts';
import type { Company } from './company.ts';
import { playEncore, showAddresses } from './encore.ts';
import { describeFailure } from './failure.ts';
import { showEvidence, showOtherEnd, showProductionPulls, showSummary } from './finale.ts';
import { playPromotion } from './scenes.ts';
import { openStage } from './stage.ts';
import type { Stage } from './stage.ts';
import { InterruptedError, onInterruption, watchParts } from './watch-parts.ts';

export interface DemoOptions {
  readonly keep: boolean;
  readonly interactive: boolean;
  /** When the command began, in milliseconds since 1970. */
  readonly startedAt: number;
}

/** One run: what is up, and what ends it. */
interface Run {
  readonly options: DemoOptions;
  readonly stage: Stage;
  readonly folder: string;
  readonly abort: AbortController;
  site?: Site;
  /** Everything was shown; what stays up stays until somebody interrupts. */
  isOver?: true;
}

const STOP_WITHIN_MS = 15_000;

/**
 * Plays everything and returns the exit code. The process must end right after it: that is when what could not be ended
 * in order is killed, and the folder is removed.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const folder = mkdtempSync(path.join(realpathSync(os.tmpdir()), 'countersign-demo-'));
  // Whatever a part puts into a temp folder of its own is removed with this one.
  process.env['TMPDIR'] = folder;
  const stage = openStage(process.stdout, process.env);
  const run: Run = { options, stage, folder, abort: new AbortController() };
  onInterruption(run.abort, ({ exitCode }) => {
    removeAtExit(folder);
    process.exit(exitCode);
  });
  const exitCode = await playAndTell(run);
  await stop(run.site);
  if (options.keep && exitCode === 1) console.error(`the folder is kept: ${folder}`);
  else removeAtExit(folder);
  return exitCode;
}

async function playAndTell(run: Run): Promise<number> {
  const { abort, stage } = run;
  try {
    await orAborted(play(run), abort.signal);
    return 0;
  } catch (error) {
    if (error instanceof InterruptedError) {
      console.error(`\n${error.message}; stopping …`);
      return run.isOver === true ? 0 : error.exitCode;
    }
    console.error(`\n${stage.style.bad('the demonstration failed:')} ${await describeFailure(error, run.site)}`);
    return 1;
  }
}

async function play(run: Run): Promise<void> {
  const { options, stage, folder, abort } = run;
  stage.scene(
    'A company on one machine',
    'Three environments, each with a registry, a signature repository, a signature server and a signing key of its own; Temporal carries the promotions.',
  );
  const withWebPage = options.keep || options.interactive;
  const company = await startCompany({ folder, stage, signal: abort.signal, withWebPage });
  run.site = company.site;
  const { stopWatching } = watchParts(company.site, abort);
  stage.command(`export COUNTERSIGN_CONFIG=${company.site.configurationFile}`);
  if (options.interactive) showAddresses(company);
  const upAt = Date.now();
  try {
    await playScenes(company, run);
    showTotal(run, upAt);
    if (options.keep) await playEncore(company, () => (run.isOver = true));
  } finally {
    stopWatching();
  }
}

async function playScenes(company: Company, { options }: Run): Promise<void> {
  const played = await playPromotion(company, options);
  if (played.view.condition === 'released') {
    await showProductionPulls(company, played.image);
    await showEvidence(company, played.image);
  } else {
    await showOtherEnd(company, played.view);
  }
  showSummary(company, played);
}

function showTotal({ stage, options }: Run, upAt: number): void {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  const now = Date.now();
  stage.line();
  stage.line(`total ${seconds(now - options.startedAt)}, of it ${seconds(upAt - options.startedAt)} for the set-up`);
}

/** What cannot be interrupted by itself is left where it stands; its processes are ended with this one. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  work.catch(() => undefined);
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail, { once: true });
    work.then(resolve, (error: unknown) => reject((signal.aborted ? signal.reason : error) as Error));
  });
}

async function stop(site: Site | undefined): Promise<void> {
  if (site === undefined) return;
  await Promise.race([
    site.stop().catch(() => undefined),
    new Promise<void>((resolve) => setTimeout(resolve, STOP_WITHIN_MS).unref()),
  ]);
}

/** Comes after the handler that kills what still runs, which was registered with the first process. */
function removeAtExit(folder: string): void {
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
}
