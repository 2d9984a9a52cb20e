import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { Host } from '../call.ts';
import { exitCodeOf } from '../exit-codes.ts';

const EXAMPLES = `
Works without any worker: then it shows what Temporal knows, and which worker is missing.
Ends with 0 for a promotion that is under way or released, else with the outcome's exit code.

Examples:
  countersign status shop/web:1.4.2
  countersign status 3f9a2c --output json`;

/** `status`: everything that is known of one promotion. */
export function addStatus(parent: Command, host: Host): void {
  const command = parent
    .command('status')
    .summary('show one promotion')
    .description('Shows where a promotion stands, why it waits, and what to do.')
    .argument('<id>', 'the promotion')
    .addHelpText('after', EXAMPLES);
  onCall(command, host, async (call, { args: [text = ''] }) => {
    const [{ findView }, { statusText }] = await Promise.all([
      import('../promotions/find-view.ts'),
      import('../output/status-text.ts'),
    ]);
    const view = await findView(call, text);
    call.report.result(view, () => statusText(view, { style: call.report.style, now: call.terminal.now() }));
    return exitCodeOf(view.condition);
  });
}
