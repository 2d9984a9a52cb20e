import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';

interface TidyOptions {
  readonly environment: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const EXAMPLES = `
A promotion that was terminated leaves the branch of its proposal behind. Each environment is tidied with its own git
credentials, so one at a time. Lists what it would delete, and asks; where nobody can answer it needs --yes.

Examples:
  countersign tidy --environment prod --dry-run
  countersign tidy --environment prod --yes`;

/** `tidy`: deletes proposals that nobody waits for. */
export function addTidy(parent: Command, host: Host): void {
  const command = parent
    .command('tidy')
    .summary('delete leftover proposals')
    .description('Deletes the branches of proposals whose promotions no longer run.')
    .requiredOption('--environment <environment>', 'whose signature repository is tidied')
    .option('--dry-run', 'only list them')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', EXAMPLES);
  onCall<TidyOptions>(command, host, runTidy);
}

async function runTidy(call: Call, { options }: ActionInput<TidyOptions>): Promise<ExitCode> {
  const [{ openLeftovers }, { leftoverText }, { canAsk, confirm }] = await Promise.all([
    import('../operations/leftovers.ts'),
    import('../output/leftover-text.ts'),
    import('../output/confirm.ts'),
  ]);
  const environment = checkEnvironment(await call.configuration(), options.environment, '--environment');
  const { find, remove, close } = await openLeftovers(call, environment);
  call.closeLater(close);
  const found = await find();
  const onlyList = options.dryRun === true || found.length === 0;
  if (onlyList) {
    call.report.result({ environment, leftovers: found, deleted: [] }, () => leftoverText(environment, found));
    return EXIT.success;
  }
  call.terminal.stderr.write(`${leftoverText(environment, found)}\n`);
  if (options.yes !== true) {
    if (!canAsk(call.terminal)) throw usageError('nobody can be asked here; give --yes to delete them, or --dry-run');
    if (!(await confirm(call.terminal, `delete ${found.length} of them?`))) return EXIT.refused;
  }
  const deleted: string[] = [];
  for (const one of found) {
    await remove(one);
    deleted.push(one.branch);
  }
  call.report.result({ environment, leftovers: found, deleted }, () => `deleted ${deleted.length} branches`);
  return EXIT.success;
}
