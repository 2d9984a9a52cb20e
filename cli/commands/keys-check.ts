import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';

interface CheckOptions {
  readonly environment?: readonly string[];
}

const HELP = `
For every environment, or those named: is its signing key there, does its passphrase open it, may it sign, does it live
long enough (gate's deadline and minimumValidity), is its public key published, who can verify it. Reads secrets and shows
none; where only one environment's secrets are, name that environment.
JSON: file, accepted, environments [{environment, findings [{step, status, what, why, mend}]}].
Ends with 1 where a key does not do, 2 where the configuration cannot be used.

Examples:
  countersign keys check
  countersign keys check production.yaml --environment prod --output json`;

/** `keys check`: the keys of a whole configuration. */
export function addKeysCheck(keys: Command, host: Host): void {
  const command = keys
    .command('check')
    .summary('check the keys of a configuration before they are needed')
    .description('Checks the keys of a whole configuration before they are needed.')
    .argument('[config]', 'configuration file (default: as --config)')
    .option('--environment <environment...>', 'only these')
    .addHelpText('after', HELP);
  onCall<CheckOptions>(command, host, runCheck);
}

async function runCheck(call: Call, { args: [file], options }: ActionInput<CheckOptions>): Promise<ExitCode> {
  const [{ checkKeys }, { findingsText }] = await Promise.all([
    import('../keys/check-keys.ts'),
    import('../output/findings-text.ts'),
  ]);
  const configuration =
    file === undefined ? await call.configuration() : await call.services.readConfiguration(call.resolvePath(file));
  const names = options.environment ?? configuration.route;
  for (const name of names) checkEnvironment(configuration, name, '--environment');
  const checked = await checkKeys(configuration, names, new Date(call.terminal.now()));
  const { style } = call.report;
  call.report.result(checked, () =>
    checked.environments
      .map(({ environment, findings }) => `${style.bold(environment)}\n${findingsText(findings, style)}`)
      .join('\n\n'),
  );
  return checked.accepted ? EXIT.success : EXIT.failure;
}
