import type { Command } from 'commander';
import { answerEach, answerObjects, answerOne } from '../batch/answer-each.ts';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import type { LookasideWish } from '../trust/find-lookaside-urls.ts';
import { addGenerate } from './trust-generate.ts';
import { CHECK_HELP, EVALUATE_HELP, EXPLAIN_HELP, LOOKASIDE_HELP } from './trust-help.ts';
import { addJudgeOptions, chooseJudge } from './judge-options.ts';
import type { JudgeOptions } from './judge-options.ts';
import { parseDigest } from '../../workflows/domain/digest.ts';

interface LookasideOptions extends JudgeOptions {
  readonly digest?: string;
  readonly write?: boolean;
}

interface EvaluateOptions {
  readonly policy?: string;
  readonly digest?: string;
  readonly manifest?: string;
  readonly signature?: readonly string[];
  readonly registriesD?: string;
  readonly time?: string;
}

const CONCURRENCY = 8;

/** `trust`: policy.json, registries.d, and what they mean for an image. */
export function addTrust(parent: Command, host: Host): void {
  const trust = parent
    .command('trust')
    .summary('check, explain and generate policies')
    .description(
      'Checks policy.json and registries.d, explains what they mean for an image, and generates them for nodes.',
    )
    .helpCommand(false)
    .addHelpText(
      'after',
      '\nExamples:\n  countersign trust check /etc/containers/policy.json\n  countersign trust explain IMAGE --environment prod',
    );
  addCheck(trust, host);
  addExplain(trust, host);
  addLookaside(trust, host);
  addEvaluate(trust, host);
  addGenerate(trust, host);
}

function addCheck(trust: Command, host: Host): void {
  const check = trust
    .command('check')
    .summary('check policy.json files as strictly as readers do')
    .description('Checks policy.json files as strictly as readers do.')
    .argument('[policy...]', 'files, or "-" (default: the one that counts on this machine)')
    .option('--registries-d <directory>', 'check this directory too')
    .addHelpText('after', CHECK_HELP);
  onCall<{ readonly registriesD?: string }>(check, host, async (call, { args, options: { registriesD } }) => {
    const [{ checkDirectory, checkPolicyFile }, { checkedPolicyText }] = await Promise.all([
      import('../trust/check-policy-file.ts'),
      import('../output/trust-text.ts'),
    ]);
    const directory = registriesD === undefined ? undefined : await checkDirectory(call.resolvePath(registriesD));
    const { findPolicyFile } = await import('../../activities/trust/index.ts');
    const files = args.length > 0 ? args : [await findPolicyFile({ home: call.home })];
    return await answerEach(call, files, {
      answer: (file) => checkPolicyFile(call.resolvePath(file), directory),
      exitCode: ({ accepted }) => (accepted ? EXIT.success : EXIT.failure),
      text: (checked) => checkedPolicyText(checked, call.report.style),
      concurrency: CONCURRENCY,
    });
  });
}

function addExplain(trust: Command, host: Host): void {
  const explain = trust
    .command('explain')
    .summary("explain a cluster's decision about images")
    .description(
      'Explains which scope and which requirements count for an image, where signatures are looked for, and why.',
    )
    .argument('<image...>', 'references, or "-"')
    .addHelpText('after', EXPLAIN_HELP);
  onCall<JudgeOptions>(addJudgeOptions(explain), host, async (call, { args, options }) => {
    const [{ openJudgeSession }, { explainTrust }, { explanationText }] = await Promise.all([
      import('../images/judge-session.ts'),
      import('../../activities/trust/index.ts'),
      import('../output/trust-text.ts'),
    ]);
    const session = await openJudgeSession(call, await chooseJudge(call, options), options);
    call.closeLater(() => session.close());
    return await answerEach(call, args, {
      answer: async (image) => await explainTrust(session.inputFor(image)),
      exitCode: ({ accepted }) => (accepted ? EXIT.success : EXIT.failure),
      text: (explanation) => explanationText(explanation, call.report.style),
      concurrency: CONCURRENCY,
    });
  });
}

function addLookaside(trust: Command, host: Host): void {
  const lookaside = trust
    .command('lookaside')
    .summary('print where readers look for signatures')
    .description('Prints the URLs under which readers look for the signatures of images.')
    .argument('<image...>', 'references, or "-"')
    .option('--digest <digest>', "the manifest's digest; then no registry is asked")
    .option('--write', 'where signatures are written, instead')
    .addHelpText('after', LOOKASIDE_HELP);
  onCall<LookasideOptions>(addJudgeOptions(lookaside), host, async (call, { args, options }) => {
    const [{ openJudgeSession }, { findLookasideUrls }] = await Promise.all([
      import('../images/judge-session.ts'),
      import('../trust/find-lookaside-urls.ts'),
    ]);
    const { digest, write, registriesD } = options;
    const wish: LookasideWish = {
      access: write === true ? 'write' : 'read',
      ...(digest !== undefined && { digest: parseDigest(digest) }),
    };
    // A directory alone is enough here: no requirement is evaluated.
    const judge =
      registriesD !== undefined && options.policy === undefined
        ? ({ by: 'directory', registriesD: call.resolvePath(registriesD) } as const)
        : await chooseJudge(call, options);
    const session = await openJudgeSession(call, judge, options);
    call.closeLater(() => session.close());
    return await answerEach(call, args, {
      answer: (image) => findLookasideUrls(session, image, wish),
      exitCode: () => EXIT.success,
      text: ({ manifests }) => manifests.map(({ url }) => url).join('\n'),
      concurrency: CONCURRENCY,
    });
  });
}

function addEvaluate(trust: Command, host: Host): void {
  const evaluate = trust
    .command('evaluate')
    .summary('evaluate a policy on a manifest and its signatures')
    .description('Evaluates a policy on a manifest and its signatures, without any registry.')
    .argument('<image>', 'the reference that is asked for, or "-"')
    .option('--policy <file>', 'policy.json')
    .option('--manifest <file>', 'the manifest')
    .option('--digest <digest>', 'or its digest')
    .option('--signature <file...>', 'the stored signatures, in their order')
    .option('--registries-d <directory>', 'or where their store is configured')
    .option('--time <time>', 'judge as of then (default: now)')
    .addHelpText('after', EVALUATE_HELP);
  onCall<EvaluateOptions>(evaluate, host, runEvaluate);
}

async function runEvaluate(
  call: Call,
  { args: [image = ''], options }: ActionInput<EvaluateOptions>,
): Promise<ExitCode> {
  const [{ CaseEvaluator }, { verdictLines }] = await Promise.all([
    import('../trust/evaluate-case.ts'),
    import('../output/trust-text.ts'),
  ]);
  const evaluator = new CaseEvaluator({ resolvePath: (file) => call.resolvePath(file) }, () => call.terminal.now());
  const oneShot = {
    answer: (material: Readonly<Record<string, unknown>>) => evaluator.evaluate(material),
    exitCode: ({ accepted }: { readonly accepted: boolean }) => (accepted ? EXIT.success : EXIT.failure),
    text: (verdict: Parameters<typeof verdictLines>[0]) => verdictLines(verdict, call.report.style).join('\n'),
    concurrency: CONCURRENCY,
  };
  if (image === '-') {
    if (Object.keys(options).length > 0) throw usageError('"-": everything stands in the lines');
    return await answerObjects(call, oneShot);
  }
  const { signature, ...rest } = options;
  const signatures = signature === undefined && rest.registriesD === undefined ? [] : signature;
  return await answerOne(call, { image, ...rest, ...(signatures !== undefined && { signatures }) }, oneShot);
}
