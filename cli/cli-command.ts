import { Command, Option } from 'commander';

/**
 * A command that looks for unknown options before missing ones. Commander does it the other way round, so that a slip in
 * the name of a required option would be called missing, and never get its suggestion.
 */
export class CliCommand extends Command {
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  override requiredOption(flags: string, description = ''): this {
    const option = new Option(flags, `${description} (required)`);
    return this.addOption(option).hook('preAction', (_, acting) => {
      if (acting.getOptionValue(option.attributeName()) !== undefined) return;
      acting.error(`error: required option '${flags}' not specified`, {
        code: 'commander.missingMandatoryOptionValue',
      });
    });
  }
}
