/** Programs that the demonstration runs to their end: shown, captured, ended when it is interrupted. */
import { spawn } from 'node:child_process';

/** How a program ended. */
export interface ProgramOutcome {
  readonly code: number | null;
  /** Both streams, in the order of arrival. */
  readonly output: string;
}

export interface ProgramOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the program; its reason is thrown. */
  readonly signal: AbortSignal;
}

/** A program that did not do what the demonstration needs. */
export class ProgramFailedError extends Error {
  constructor(words: string, { code, output }: ProgramOutcome) {
    const last = output.trimEnd().split('\n').slice(-20).join('\n');
    super(`run ${words}: it ended with ${code ?? 'a signal'}, its last lines:\n${last}`);
    this.name = 'ProgramFailedError';
  }
}

const TIMEOUT_MS = 120_000;

/**
 * Runs a program to its end, whatever its exit code.
 * @throws the reason of `signal`, or an Error where the program cannot be started.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { cwd, env = process.env, signal }: ProgramOptions,
): Promise<ProgramOutcome> {
  signal.throwIfAborted();
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
  const end = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', end, { once: true });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    return { code, output: Buffer.concat(chunks).toString('utf8') };
  } finally {
    signal.removeEventListener('abort', end);
  }
}
