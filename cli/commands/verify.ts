import type { Command } from 'commander';
import { answerEach } from '../batch/answer-each.ts';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { JUDGE_HELP, addJudgeOptions, chooseJudge } from './judge-options.ts';
import type { JudgeOptions } from './judge-options.ts';
import { parseReference } from '../../workflows/domain/reference.ts';

interface VerifyOptions extends JudgeOptions {
  readonly expectedIdentity?: string;
  readonly platform?: string;
  readonly allPlatforms?: boolean;
}

const CONCURRENCY = 8;
const EXAMPLES = `
Judges each platform as a cluster does when it pulls the image.
${JUDGE_HELP}
With "-" the images are read from standard input, one per line. JSON: input, image, accepted, digest, reason, platforms [{platform,
digest, accepted, reason, signedBy}], and with --all-platforms coverage; or input and error {code, message}.
Ends with 0 where all are accepted, 1 where one is not, 2 for what is no reference, 10 for an image that is not there.

Examples:
  countersign verify registry.prod.example.com/acme/shop/web:1.4.2 --environment prod --all-platforms
  countersign verify IMAGE --policy /etc/containers/policy.json --registries-d /etc/containers/registries.d
  countersign verify - --key prod.asc --lookaside https://signatures.prod.example.com/images < images.txt`;

/** `verify`: what a cluster would say about images. */
export function addVerify(parent: Command, host: Host): void {
  const command = parent
    .command('verify')
    .summary('judge images as a cluster would')
    .description('Judges images as a cluster would when it pulls them.')
    .argument('<image...>', 'references, or "-"')
    .option('--expected-identity <reference>', 'what signatures must claim (default: the reference of the image)')
    .option('--platform <platform>', 'only this one counts, OS/ARCHITECTURE[/VARIANT] (default: every one)')
    .option('--all-platforms', 'report for every platform and the index how they are covered, by tag and by digest')
    .addHelpText('after', EXAMPLES);
  onCall<VerifyOptions>(addJudgeOptions(command), host, runVerify);
}

async function runVerify(call: Call, { args, options }: ActionInput<VerifyOptions>): Promise<ExitCode> {
  const [{ openJudgeSession }, { verifyImage }, { verdictText }] = await Promise.all([
    import('../images/judge-session.ts'),
    import('../images/verify-images.ts'),
    import('../output/verdict-text.ts'),
  ]);
  const { expectedIdentity, platform, allPlatforms = false } = options;
  if (platform !== undefined && allPlatforms) throw usageError('expected --platform or --all-platforms, not both');
  const wish = {
    allPlatforms,
    ...(expectedIdentity !== undefined && { expectedIdentity: parseReference(expectedIdentity) }),
    ...(platform !== undefined && { platform }),
  };
  const session = await openJudgeSession(call, await chooseJudge(call, options), options);
  call.closeLater(() => session.close());
  return await answerEach(call, args, {
    answer: (image) => verifyImage(session, image, wish),
    exitCode: ({ accepted }) => (accepted ? EXIT.success : EXIT.failure),
    text: (verdict) => verdictText(verdict, call.report.style),
    concurrency: CONCURRENCY,
  });
}
