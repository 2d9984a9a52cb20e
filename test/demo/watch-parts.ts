/** What ends the demonstration early: a signal, or a part that ends though nobody told it to. */
import type { Site } from '../support/site.ts';
import type { RunningProcess } from '../support/parts/index.mjs';

/** Somebody interrupted. */
export class InterruptedError extends Error {
  /** 128 and the signal's number, as shells have it. */
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`);
    this.name = 'InterruptedError';
    this.exitCode = 128 + { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 }[signal];
  }
}

/** A part of the company that ended by itself. */
export class PartEndedError extends Error {
  constructor(name: string, how: string, output: string) {
    super(`${name} ended by itself with ${how}, its last lines:\n${lastLines(output)}`);
    this.name = 'PartEndedError';
  }
}

const KEPT_LINES = 20;
const POLL_MS = 500;
/** Ctrl-C reaches a program both from the terminal and through npm: that is one interruption. */
const SAME_INTERRUPTION_MS = 1_500;

/** Aborts at the first signal; a later one calls `giveUp`. */
export function onInterruption(abort: AbortController, giveUp: (error: InterruptedError) => void): void {
  endWithNpm(abort);
  let first: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const error = new InterruptedError(signal);
      first ??= Date.now();
      if (!abort.signal.aborted) abort.abort(error);
      else if (Date.now() - first > SAME_INTERRUPTION_MS) giveUp(error);
    });
  }
}

/** A signal to npm reaches the shell that npm starts, and no further: without that shell nobody waits for us. */
function endWithNpm(abort: AbortController): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent && !abort.signal.aborted) abort.abort(new InterruptedError('SIGTERM'));
  }, POLL_MS).unref();
}

/** Aborts where a part of the site ends; for the time until `stopWatching` is called. */
export function watchParts(site: Site, abort: AbortController): { readonly stopWatching: () => void } {
  let isWatching = true;
  const watched = new Set<RunningProcess>();
  const fail = (name: string, how: string, output: string): void => {
    if (isWatching && !abort.signal.aborted) abort.abort(new PartEndedError(name, how, output));
  };
  const watch = (part: RunningProcess): void => {
    if (watched.has(part)) return;
    watched.add(part);
    void part.exited.then(({ code, signal }) => fail(part.name, signal ?? `exit code ${code}`, part.output()));
  };
  const look = (): void => {
    for (const { signatureServer } of site.environments) watch(signatureServer.process);
    for (const worker of site.workers.values()) watch(worker);
    if (!exists(site.temporal.pid)) fail('temporal', 'a signal or exit code', site.temporal.output());
  };
  look();
  const timer = setInterval(look, POLL_MS);
  return {
    stopWatching: () => {
      isWatching = false;
      clearInterval(timer);
    },
  };
}

/** The end of a program's output. */
export function lastLines(output: string): string {
  const lines = output.trimEnd().split('\n').slice(-KEPT_LINES);
  return lines.map((line) => `  ${line}`).join('\n');
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
