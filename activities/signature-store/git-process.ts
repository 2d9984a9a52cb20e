import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

/** One run of the system's git. */
export interface GitRun {
  readonly arguments: readonly string[];
  /** The whole environment of the child; nothing of ours is passed on beside it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly input?: Uint8Array | string | undefined;
  /** Milliseconds after which the child is ended. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

export interface GitOutcome {
  readonly exitCode: number;
  readonly stdout: Buffer;
  /** The last part of what git and the remote wrote; not yet scrubbed, never to be shown as it is. */
  readonly untrustedStderr: string;
  /** Status of the last HTTP answer, where git spoke HTTP. */
  readonly httpStatus: number | undefined;
  readonly timedOut: boolean;
}

const STDOUT_LIMIT = 512 * 1024 * 1024;
const STDERR_LIMIT = 16 * 1024;
const KILL_AFTER = 2000;
/** A request's first line, or the status of its answer. */
const REQUEST_OR_STATUS = /=> Send header: [A-Z]+ \/|<= Recv header: HTTP\/[\d.]+ (\d{3})/g;

/**
 * Runs git and waits for its end. Aborting ends git together with the transports it started, then rejects with the
 * signal's reason.
 */
export async function runGit(run: GitRun): Promise<GitOutcome> {
  run.signal?.throwIfAborted();
  // A group of its own, so that ssh and the HTTP transport end with git.
  const child = spawn('git', run.arguments, {
    env: run.environment,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const killer = endWith(child, run);
  try {
    const outcome = await collect(child, run.input);
    run.signal?.throwIfAborted();
    return { ...outcome, timedOut: killer.timedOut() };
  } finally {
    killer.dispose();
  }
}

function endWith(child: ChildProcess, run: GitRun): { timedOut: () => boolean; dispose: () => void } {
  let late = false;
  let force: NodeJS.Timeout | undefined;
  const end = (): void => {
    killGroup(child, 'SIGTERM');
    force ??= setTimeout(() => killGroup(child, 'SIGKILL'), KILL_AFTER);
  };
  const timer = setTimeout(() => {
    late = true;
    end();
  }, run.deadline);
  run.signal?.addEventListener('abort', end, { once: true });
  return {
    timedOut: () => late,
    dispose: () => {
      clearTimeout(timer);
      clearTimeout(force);
      run.signal?.removeEventListener('abort', end);
    },
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // The group has ended between our decision and the call.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function collect(child: ChildProcess, input: GitRun['input']): Promise<Omit<GitOutcome, 'timedOut'>> {
  const chunks: Buffer[] = [];
  let size = 0;
  let untrustedStderr = '';
  let httpStatus: number | undefined;
  let traceRest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > STDOUT_LIMIT) killGroup(child, 'SIGKILL');
    else chunks.push(chunk);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    untrustedStderr = (untrustedStderr + text).slice(-STDERR_LIMIT);
  });
  // Git's trace of HTTP headers, the only place that tells a 403 from a 503 without reading prose.
  const trace = child.stdio[3];
  if (trace !== null && trace !== undefined && 'setEncoding' in trace) {
    trace.setEncoding('latin1').on('data', (text: string) => {
      const lines = traceRest + text;
      // A request that is never answered has no status: that of the challenge before it would tell a wrong story.
      for (const [, status] of lines.matchAll(REQUEST_OR_STATUS)) {
        httpStatus = status === undefined ? undefined : Number(status);
      }
      traceRest = lines.slice(lines.lastIndexOf('\n') + 1).slice(-1024);
    });
  }
  const exitCode = await ended(child, input);
  return { exitCode, stdout: Buffer.concat(chunks), untrustedStderr, httpStatus };
}

function ended(child: ChildProcess, input: GitRun['input']): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
    // A child that ended early closes its input; its exit code says why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}
