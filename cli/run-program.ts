import { CommanderError, Option } from 'commander';
import type { Command } from 'commander';
import type { Host } from './call.ts';
import { CliCommand } from './cli-command.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { exitCodeOfError, messageOfError } from './failure.ts';
import { jsonText, printableLines } from './output/escape.ts';
import { createStyle } from './output/style.ts';
import type { Terminal } from './terminal.ts';

const VERSION = '0.1.0';
const DESCRIPTION = 'Carries container images from environment to environment: copied, re-signed, approved, confirmed.';
const AFTER = `
Names: ID is a promotion's id, a unique prefix of it, NAME:TAG, or the first digits of the digest.
Exit codes: countersign help exit-codes

Examples:
  countersign start shop/web:1.4.2 --to prod --wait
  countersign list --awaiting prod
  countersign approve shop/web:1.4.2 --environment prod`;

/** Adds commands to the program. */
type AddCommands = (program: Command, host: Host) => void;

/**
 * Runs the command with the arguments of a person or a pipeline.
 * @returns the exit code; nothing is thrown.
 */
export async function runProgram(
  args: readonly string[],
  { terminal, services }: Pick<Host, 'terminal' | 'services'>,
  addCommands: AddCommands,
): Promise<ExitCode> {
  const host: Host = { terminal, services, exitCode: EXIT.success };
  try {
    await createProgramWith(host, addCommands).parseAsync([...args], { from: 'user' });
    return host.exitCode;
  } catch (error) {
    // Commander has said what is wrong, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
    showError(error, args, terminal);
    return exitCodeOfError(error);
  }
}

/** The command with these subcommands. */
export function createProgramWith(host: Host, addCommands: AddCommands): Command {
  const { stdout, stderr, env } = host.terminal;
  const program = new CliCommand('countersign')
    .description(DESCRIPTION)
    .version(VERSION, '-V, --version', 'show the version')
    .addOption(
      new Option('-c, --config <file>', 'configuration file (default: $COUNTERSIGN_CONFIG, else ./countersign.yaml)'),
    )
    .addOption(new Option('-o, --output <format>', 'how results are written (default: text)').choices(['text', 'json']))
    .option('-q, --quiet', 'only results and errors')
    .option('--temporal <host:port>', 'Temporal is there, whatever the configuration says')
    .option(
      '--result <field=file>',
      'write one field of the JSON answer to a file, for pipelines, for example Tekton results; can be repeated',
      (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
    )
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .exitOverride()
    .showHelpAfterError('(add --help for the options and examples)')
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(printableLines(text)),
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
      getOutHasColors: () => createStyle(stdout, env).coloured,
      getErrHasColors: () => createStyle(stderr, env).coloured,
    })
    .addHelpText('after', AFTER);
  addCommands(program, host);
  return program;
}

/** On standard error; with JSON wanted, as JSON, so that a program need not read prose. */
function showError(error: unknown, args: readonly string[], { stderr, env }: Terminal): void {
  const message = messageOfError(error);
  if (wantsJson(args)) stderr.write(`${jsonText({ error: { message, exitCode: exitCodeOfError(error) } })}\n`);
  else stderr.write(`${createStyle(stderr, env).bad('error:')} ${printableLines(message)}\n`);
}

function wantsJson(args: readonly string[]): boolean {
  return args.some((arg, index) => {
    if (/^(--output|-o)$/.test(arg)) return args[index + 1] === 'json';
    return arg === '--output=json' || arg === '-ojson';
  });
}
