import type { Command } from 'commander';
import type { Host } from '../call.ts';
import { EXIT, exitCodeTable } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { suggest } from '../../worker/configuration/suggestion.ts';

const EXIT_CODES = 'exit-codes';

const EXAMPLES = `
Examples:
  countersign help start
  countersign help exit-codes`;

/** `help`: the help of a command, or a topic. */
export function addHelp(parent: Command, host: Host): void {
  parent
    .command('help')
    .summary('show help for a command, or the exit codes')
    .description('Shows the help of a command, or the table of exit codes.')
    .argument('[topic...]', `a command, or ${EXIT_CODES}`)
    .addHelpText('after', EXAMPLES)
    .action((topic: readonly string[]) => {
      host.exitCode = EXIT.success;
      if (topic[0] === EXIT_CODES) host.terminal.stdout.write(exitCodeTable());
      else find(parent, topic).outputHelp();
    });
}

function find(parent: Command, topic: readonly string[]): Command {
  let current = parent;
  for (const name of topic) {
    const next = current.commands.find((one) => one.name() === name || one.aliases().includes(name));
    if (next === undefined) throw unknownTopic(current, name);
    current = next;
  }
  return current;
}

function unknownTopic(command: Command, name: string): Error {
  const names = [...command.commands.map((one) => one.name()), EXIT_CODES];
  const guess = suggest(name, names);
  const hint = guess === undefined ? `expected one of ${names.join(', ')}` : `did you mean ${guess}`;
  return usageError(`there is no help for ${JSON.stringify(name.slice(0, 64))}; ${hint}`);
}
