import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError } from '../failure.ts';
import { RETRY } from '../../workflows/domain/messages.ts';

const EXAMPLES = `
Examples:
  countersign retry shop/web:1.4.2`;

/** `retry`: lets a stalled promotion try its step again. */
export function addRetry(parent: Command, host: Host): void {
  const command = parent
    .command('retry')
    .summary('let a stalled promotion go on')
    .description('Lets a stalled promotion try the step again at which it stands; what is done stays done.')
    .argument('<id>', 'the promotion')
    .addHelpText('after', EXAMPLES);
  onCall(command, host, async (call, { args: [text = ''] }) => {
    const [{ findView }, { shortId }, { printable }] = await Promise.all([
      import('../promotions/find-view.ts'),
      import('../promotions/promotion-ids.ts'),
      import('../output/escape.ts'),
    ]);
    const { id, stall, condition } = await findView(call, text, { preferRunning: true });
    if (stall === null) throw new CliError(EXIT.refused, `${shortId(id)} is not stalled, it is ${condition}`);
    const engine = await call.engine();
    if ((await engine.signal({ id }, RETRY, { stall: stall.number })) === 'closed') {
      throw new CliError(EXIT.refused, `${shortId(id)} has ended meanwhile`);
    }
    const { environment, step } = stall;
    call.report.result(
      { id, retried: stall },
      () => `retrying ${printable(step)} in ${printable(environment)}; follow it with "countersign watch"`,
    );
    return EXIT.success;
  });
}
