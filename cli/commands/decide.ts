import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT, isEnded } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { CliError } from '../failure.ts';
import type { PromotionView } from '../promotions/view.ts';
import type { DecideMessage } from '../../workflows/domain/messages.ts';

type Verdict = DecideMessage['verdict'];

interface DecisionOptions {
  readonly environment: string;
  readonly by?: string;
  readonly reason?: string;
  readonly yes?: boolean;
}

const APPROVE_EXAMPLES = `
Shows what is approved before it asks. The decision is bound to the environment, the full digest and this run.

Examples:
  countersign approve shop/web:1.4.2 --environment prod
  countersign approve shop/web:1.4.2 --environment prod --by ann@example.com --reason "tested in qa" --yes`;
const REJECT_EXAMPLES = `
A rejection wins over every approval and ends the promotion.

Examples:
  countersign reject shop/web:1.4.2 --environment prod --reason "CVE-2026-1234 is not fixed"`;

/** `approve`: one person's yes. */
export function addApprove(parent: Command, host: Host): void {
  const command = parent
    .command('approve')
    .summary('approve a promotion into an environment')
    .description('Approves a promotion into an environment.')
    .argument('<id>', 'the promotion')
    .requiredOption('--environment <environment>', 'the environment whose gate is decided')
    .option('--by <who>', 'who approves (default: $COUNTERSIGN_USER, git user.email, user@host)')
    .option('--reason <text>', 'why; it stands in the commit')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', APPROVE_EXAMPLES);
  onCall<DecisionOptions>(command, host, async (call, input) => await runDecision(call, 'approve', input));
}

/** `reject`: one person's no. */
export function addReject(parent: Command, host: Host): void {
  const command = parent
    .command('reject')
    .summary('reject a promotion into an environment')
    .description('Rejects a promotion into an environment.')
    .argument('<id>', 'the promotion')
    .requiredOption('--environment <environment>', 'the environment whose gate is decided')
    .requiredOption('--reason <text>', 'why')
    .option('--by <who>', 'who rejects (default: $COUNTERSIGN_USER, git user.email, user@host)')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', REJECT_EXAMPLES);
  onCall<DecisionOptions>(command, host, async (call, input) => await runDecision(call, 'reject', input));
}

async function runDecision(
  call: Call,
  verdict: Verdict,
  { args: [text = ''], options }: ActionInput<DecisionOptions>,
): Promise<ExitCode> {
  const environment = checkEnvironment(await call.configuration(), options.environment, '--environment');
  const [{ findView }, { shortId }] = await Promise.all([
    import('../promotions/find-view.ts'),
    import('../promotions/promotion-ids.ts'),
  ]);
  const view = await findView(call, text, { preferRunning: true });
  // Temporal would give the stored answer to a statement that it has seen, also after the promotion has ended.
  if (isEnded(view.condition))
    throw new CliError(EXIT.refused, `${shortId(view.id)} has ended already: ${view.condition}`);
  const by = await call.caller(options.by);
  if (!(await isWanted(call, view, { verdict, environment, by, yes: options.yes === true }))) {
    call.report.note('nothing was decided');
    return EXIT.refused;
  }
  const { digest } = view.image;
  const { reason } = options;
  const message: DecideMessage = {
    verdict,
    environment,
    digest,
    run: view.run,
    by,
    ...(reason !== undefined && { reason }),
  };
  return await deliver(call, view, message);
}

/** Shows what is decided, and asks where somebody can answer. */
async function isWanted(
  call: Call,
  view: PromotionView,
  asked: { readonly verdict: Verdict; readonly environment: string; readonly by: string; readonly yes: boolean },
): Promise<boolean> {
  const [{ decisionText }, { canAsk, confirm }] = await Promise.all([
    import('../output/decision-text.ts'),
    import('../output/confirm.ts'),
  ]);
  const { verdict, environment, by } = asked;
  const places = await placesOf(call, environment, view.image);
  const now = call.terminal.now();
  const shown = decisionText(view, { environment, by, now, style: call.report.errorStyle, ...places });
  const asks = !asked.yes && canAsk(call.terminal);
  if (!call.quiet || asks) call.terminal.stderr.write(`${shown}\n`);
  return !asks || (await confirm(call.terminal, `${verdict} this for ${environment}?`));
}

/** Where the image goes and comes from by the configuration, which is there when no worker is. */
async function placesOf(
  call: Call,
  environment: string,
  { name, tag }: PromotionView['image'],
): Promise<{ readonly into: string; readonly from: string | null }> {
  const { environments, route } = await call.configuration();
  const referenceIn = (one: string | undefined): string | null => {
    const own = one === undefined ? undefined : environments[one];
    return own === undefined ? null : `${own.registry}/${name}:${tag}`;
  };
  return { into: referenceIn(environment) ?? environment, from: referenceIn(route[route.indexOf(environment) - 1]) };
}

async function deliver(call: Call, view: PromotionView, message: DecideMessage): Promise<ExitCode> {
  const [{ deliverDecision }, { printable }] = await Promise.all([
    import('../promotions/decide.ts'),
    import('../output/escape.ts'),
  ]);
  const outcome = await deliverDecision(await call.engine(), { id: view.id, run: view.run }, message);
  const { verdict, environment, digest, by } = message;
  if (outcome.outcome === 'refused') throw new CliError(EXIT.refused, `the decision was refused: ${outcome.reason}`);
  const done = verdict === 'approve' ? 'approved' : 'rejected';
  const value = { id: view.id, ...message, ...outcome };
  if (outcome.outcome === 'delivered') {
    call.report.result(
      value,
      () => 'delivered, not yet judged: no worker answered; "countersign status" shows what became of it',
    );
    return EXIT.unjudged;
  }
  const { decision, gateState } = outcome.answer;
  const repeated = decision === 'repeated' ? ' (said before, counts once)' : '';
  call.report.result(
    value,
    () => `${done} ${digest} for ${environment} as ${printable(by)}${repeated}; the gate is ${printable(gateState)}`,
  );
  return EXIT.success;
}
