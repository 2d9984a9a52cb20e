import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { Host } from '../call.ts';

interface WatchCommandOptions {
  readonly timeout?: string;
  readonly untilStalled?: boolean;
}

const EXAMPLES = `
On a terminal the view is live, with bytes, rate and remaining time of a running copy; elsewhere it is a line per change,
and with --output json a JSON document per change. Ends with the outcome's exit code.

Examples:
  countersign watch shop/web:1.4.2
  countersign watch 3f9a2c --until-stalled --timeout 2h`;

/** `watch`: follows one promotion until it ends. */
export function addWatch(parent: Command, host: Host): void {
  const command = parent
    .command('watch')
    .summary('follow one promotion to its end')
    .description('Follows a promotion until it ends.')
    .argument('<id>', 'the promotion')
    .option('--timeout <duration>', 'stop watching after this time, for example "30 minutes"')
    .option('--until-stalled', 'end where the promotion stalls')
    .addHelpText('after', EXAMPLES);
  onCall<WatchCommandOptions>(command, host, async (call, { args: [text = ''], options }) => {
    const [{ findId }, { followPromotion }] = await Promise.all([
      import('../promotions/find-view.ts'),
      import('../output/follow.ts'),
    ]);
    const id = await findId(call, text, { preferRunning: true });
    return await followPromotion(call, id, {
      keepWaiting: options.untilStalled !== true,
      lines: true,
      ...(options.timeout !== undefined && { timeout: options.timeout }),
    });
  });
}
