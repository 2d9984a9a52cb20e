/** Runs a program to its end and keeps what it said. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

export interface CommandOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Default 120,000 ms; then it is killed. */
  readonly timeoutMs?: number;
}

/** Never throws for an exit code; only where the program cannot be started. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandOutcome> {
  const { cwd, env, input = '', timeoutMs = 120_000 } = options;
  const child = spawn(command, args, {
    stdio: 'pipe',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    ...(cwd !== undefined && { cwd }),
    ...(env && { env }),
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
