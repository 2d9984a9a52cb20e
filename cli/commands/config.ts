import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';

interface CheckOptions {
  readonly secrets?: string;
}

const CHECK_EXAMPLES = `
Reports every problem at once, each with file, line and column. With --secrets the secret files of one environment are
looked at too: that they are there, readable, and readable by nobody else.

Examples:
  countersign config check
  countersign config check --config production.yaml --secrets prod --output json`;

/** `config`: the configuration file. */
export function addConfig(parent: Command, host: Host): void {
  const config = parent
    .command('config')
    .summary('check the configuration, or print its schema')
    .description('Checks the configuration file, or prints its schema.')
    .helpCommand(false)
    .addHelpText(
      'after',
      '\nExamples:\n  countersign config check\n  countersign config schema > countersign.schema.json',
    );
  const check = config
    .command('check')
    .summary('check the configuration')
    .description('Checks the configuration and the public files that it names.')
    .option('--secrets <environment>', 'check the secret files of this environment too')
    .addHelpText('after', CHECK_EXAMPLES);
  onCall<CheckOptions>(check, host, runCheck);
  const schema = config
    .command('schema')
    .summary('print the JSON Schema of the configuration')
    .description('Prints the JSON Schema of the configuration, for editors.')
    .addHelpText('after', '\nExamples:\n  countersign config schema > countersign.schema.json');
  onCall(schema, host, async (call) => {
    const { configurationSchemaJson } = await import('../../worker/configuration/index.ts');
    call.terminal.stdout.write(configurationSchemaJson());
    return EXIT.success;
  });
}

async function runCheck(call: Call, { options }: ActionInput<CheckOptions>): Promise<ExitCode> {
  const { findConfigurationProblems } = await import('../operations/check-configuration.ts');
  const problems = await findConfigurationProblems(call, (configuration) =>
    options.secrets === undefined ? undefined : checkEnvironment(configuration, options.secrets, '--secrets'),
  );
  call.report.result({ file: call.configurationFile, problems }, () =>
    problems.length === 0
      ? `${call.configurationFile} is in order`
      : [
          ...problems.map(({ text }) => text),
          `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`,
        ].join('\n'),
  );
  return problems.length === 0 ? EXIT.success : EXIT.usage;
}
