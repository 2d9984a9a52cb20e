import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';

interface ReplayOptions {
  readonly by?: string;
  readonly to?: string;
}

const EXAMPLES = `
For a promotion that failed, was terminated or timed out. It looks at the world, not at memory: what is done is found
done, and a gate is passed again only where git shows that it was passed for this digest.

Examples:
  countersign replay shop/web:1.4.2`;

/** `replay`: starts a failed promotion again under its own id. */
export function addReplay(parent: Command, host: Host): void {
  const command = parent
    .command('replay')
    .summary('start a failed promotion again')
    .description('Starts a promotion that ended in failure again, under the same id and with its original start time.')
    .argument('<id>', 'the promotion')
    .option('--to <environment>', 'where it leads, for one of which nothing but the id is known')
    .option('--by <who>', 'who asks, where nobody knows who asked for it first')
    .addHelpText('after', EXAMPLES);
  onCall<ReplayOptions>(command, host, async (call, { args: [text = ''], options }) => {
    const [{ findId }, { replayPromotion }, { shortId }] = await Promise.all([
      import('../promotions/find-view.ts'),
      import('../promotions/replay.ts'),
      import('../promotions/promotion-ids.ts'),
    ]);
    const configuration = await call.configuration();
    const to = options.to === undefined ? undefined : checkEnvironment(configuration, options.to, '--to');
    const replayed = await replayPromotion(await findId(call, text), {
      engine: await call.engine(),
      route: configuration.route,
      by: await call.caller(options.by),
      now: call.terminal.now,
      ...(to !== undefined && { to }),
    });
    call.report.result(replayed, () => `replaying ${shortId(replayed.id)}; follow it with "countersign watch"`);
    return EXIT.success;
  });
}
