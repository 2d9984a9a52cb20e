import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import { usageError } from '../failure.ts';

interface ListOptions {
  readonly awaiting?: string;
  readonly state?: string;
  readonly all?: boolean;
  readonly limit: string;
}

const EXAMPLES = `
Examples:
  countersign list
  countersign list --awaiting prod
  countersign list --state stalled --output json`;
const LIMIT = '100';

/** `list`: the promotions under way, or all. */
export function addList(parent: Command, host: Host): void {
  const command = parent
    .command('list')
    .summary('list promotions')
    .description('Lists the promotions that are under way.')
    .option(
      '--awaiting <group>',
      'only those that wait for this group of approvers, or for decisions in this environment',
    )
    .option('--state <state>', 'only those in this state, for example deciding, stalled, released, failed')
    .option('--all', 'also those that ended')
    .option('--limit <number>', 'at most so many, the newest ones', LIMIT)
    .addHelpText('after', EXAMPLES);
  onCall<ListOptions>(command, host, async (call, { options }) => {
    const [{ listQuery }, { listRows, listText }] = await Promise.all([
      import('../promotions/visibility-query.ts'),
      import('../output/list-text.ts'),
    ]);
    const limit = Number(options.limit);
    if (!Number.isInteger(limit) || limit < 1 || limit > 10_000) throw usageError('--limit: expected 1 to 10000');
    const query = listQuery({ ...options, all: options.all === true });
    const engine = await call.engine();
    const found = await engine.list(query, limit);
    const rows = listRows(found);
    call.report.result(rows, () => listText(rows, { style: call.report.style, now: call.terminal.now() }));
    if (found.length === limit) call.report.note(`only the newest ${limit} are shown; --limit shows more`);
    return EXIT.success;
  });
}
