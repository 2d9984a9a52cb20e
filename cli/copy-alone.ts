import { addCopy } from './commands/copy.ts';
import { runProgram } from './run-program.ts';
import type { ExitCode } from './exit-codes.ts';
import type { CliServices } from './services.ts';
import type { Terminal } from './terminal.ts';

/** Runs the command where its first argument is `copy`: what the build puts into one file. */
export async function runCopyAlone(
  args: readonly string[],
  terminal: Terminal,
  services: CliServices,
): Promise<ExitCode> {
  return await runProgram(args, { terminal, services }, addCopy);
}
