import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { Host } from '../call.ts';
import { EXIT, isEnded } from '../exit-codes.ts';
import { CliError } from '../failure.ts';
import { ABORT } from '../../workflows/domain/messages.ts';
import type { AbortMessage } from '../../workflows/domain/messages.ts';

interface AbortOptions {
  readonly by?: string;
  readonly reason?: string;
  readonly yes?: boolean;
}

const EXAMPLES = `
Nothing that is published is taken back; its proposal is deleted, and the image stays where it was copied.

Examples:
  countersign abort shop/web:1.4.2 --reason "superseded by 1.4.3"`;

/** `abort`: ends a promotion. */
export function addAbort(parent: Command, host: Host): void {
  const command = parent
    .command('abort')
    .summary('end a promotion')
    .description('Ends a promotion where it stands.')
    .argument('<id>', 'the promotion')
    .option('--by <who>', 'who aborts (default: $COUNTERSIGN_USER, git user.email, user@host)')
    .option('--reason <text>', 'why')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', EXAMPLES);
  onCall<AbortOptions>(command, host, async (call, { args: [text = ''], options }) => {
    const [{ findView }, { shortId }, { canAsk, confirm }] = await Promise.all([
      import('../promotions/find-view.ts'),
      import('../promotions/promotion-ids.ts'),
      import('../output/confirm.ts'),
    ]);
    const { id, condition } = await findView(call, text, { preferRunning: true });
    if (isEnded(condition)) throw new CliError(EXIT.refused, `${shortId(id)} has ended already: ${condition}`);
    const asks = options.yes !== true && canAsk(call.terminal);
    if (asks && !(await confirm(call.terminal, `abort ${shortId(id)}, which is ${condition}?`))) {
      call.report.note('nothing was aborted');
      return EXIT.refused;
    }
    const { reason } = options;
    const message: AbortMessage = { by: await call.caller(options.by), ...(reason !== undefined && { reason }) };
    const engine = await call.engine();
    if ((await engine.signal({ id }, ABORT, message)) === 'closed') {
      throw new CliError(EXIT.refused, `${shortId(id)} has ended meanwhile`);
    }
    call.report.result(
      { id, ...message },
      () => `abort delivered to ${shortId(id)}; follow it with "countersign watch"`,
    );
    return EXIT.success;
  });
}
