import type { Command } from 'commander';
import { addCommands } from './commands/index.ts';
import type { Host } from './call.ts';
import type { ExitCode } from './exit-codes.ts';
import { createProgramWith, runProgram } from './run-program.ts';
import type { CliServices } from './services.ts';
import type { Terminal } from './terminal.ts';

/**
 * Runs the command with the arguments of a person or a pipeline.
 * @returns the exit code; nothing is thrown.
 */
export async function runCli(args: readonly string[], terminal: Terminal, services: CliServices): Promise<ExitCode> {
  return await runProgram(args, { terminal, services }, addCommands);
}

/** The command with all its subcommands. */
export function createProgram(host: Host): Command {
  return createProgramWith(host, addCommands);
}
