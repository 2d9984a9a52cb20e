import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';

const EXAMPLES = `
Run it once per namespace, before the first worker; repeating it changes nothing.

Examples:
  countersign setup --config production.yaml`;

/** `setup`: prepares the Temporal namespace. */
export function addSetup(parent: Command, host: Host): void {
  const command = parent
    .command('setup')
    .summary('prepare the Temporal namespace')
    .description('Registers the search attributes and sets the retention of the Temporal namespace.')
    .addHelpText('after', EXAMPLES);
  onCall(command, host, async (call) => {
    const { setUpNamespace } = await import('../../worker/setup.ts');
    const report = await setUpNamespace(await call.configuration());
    const { namespace, added, present, retentionDays } = report;
    call.report.result(report, () => {
      const made = added.length === 0 ? 'nothing to register' : `registered ${added.join(', ')}`;
      return `namespace ${namespace}: ${made}, ${present.length} there already; ended promotions are kept ${retentionDays} days at least`;
    });
    return EXIT.success;
  });
}
