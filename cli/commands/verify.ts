import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import type { Judge } from '../images/verify-images.ts';
import { addRegistryOptions } from './registry-options.ts';
import type { RegistryOptions } from './registry-options.ts';

interface VerifyOptions extends RegistryOptions {
  readonly policy?: string;
  readonly registriesD?: string;
  readonly environment?: string;
  readonly key?: readonly string[];
  readonly lookaside?: string;
}

const DEFAULT_REGISTRIES_D = '/etc/containers/registries.d';
const EXAMPLES = `
Judges each platform as a cluster does when it pulls the image: by an environment's policy, by the files of a node, or
by keys and the address of a signature store. Without any of these, by the environment whose registry holds the image.
With "-" the images are read from standard input, one per line. Ends with 1 where one image is not accepted.

Examples:
  countersign verify registry.prod.example.com/acme/shop/web:1.4.2 --environment prod
  countersign verify IMAGE --policy /etc/containers/policy.json --registries-d /etc/containers/registries.d
  countersign verify IMAGE --key prod.asc --lookaside https://signatures.prod.example.com/images --output json`;

/** `verify`: what a cluster would say about images. */
export function addVerify(parent: Command, host: Host): void {
  const command = parent
    .command('verify')
    .summary('judge images as a cluster would')
    .description('Judges images as a cluster would when it pulls them.')
    .argument('<image...>', 'references with a tag, or "-"')
    .option('--environment <environment>', "by this environment's policy, from the configuration")
    .option('--policy <file>', 'by this policy.json')
    .option(
      '--registries-d <directory>',
      `with --policy: where signatures are served (default: ${DEFAULT_REGISTRIES_D})`,
    )
    .option('--key <file...>', 'by these public keys; any of them is enough')
    .option('--lookaside <url>', 'with --key: the signature store')
    .addHelpText('after', EXAMPLES);
  onCall<VerifyOptions>(addRegistryOptions(command), host, runVerify);
}

async function runVerify(call: Call, { args, options }: ActionInput<VerifyOptions>): Promise<ExitCode> {
  const [{ openVerifier }, { readArguments }, { verdictText }] = await Promise.all([
    import('../images/verify-images.ts'),
    import('../images/read-arguments.ts'),
    import('../output/verdict-text.ts'),
  ]);
  const { verify, close } = await openVerifier(call, await chooseJudge(call, options), options);
  call.closeLater(close);
  const images = readArguments(args, call.terminal.stdin);
  let accepted = true;
  for await (const image of images) {
    const verdict = await verify(image);
    accepted &&= verdict.accepted;
    call.report.item(verdict, () => verdictText(verdict, call.report.style));
  }
  return accepted ? EXIT.success : EXIT.failure;
}

async function chooseJudge(call: Call, options: VerifyOptions): Promise<Judge> {
  const { policy, registriesD, environment, key, lookaside } = options;
  if ([policy, environment, key].filter((one) => one !== undefined).length > 1) {
    throw usageError('expected one of --environment, --policy and --key');
  }
  if (policy === undefined && registriesD !== undefined) throw usageError('--registries-d is for --policy');
  if ((key === undefined) !== (lookaside === undefined)) throw usageError('--key and --lookaside belong together');
  if (policy !== undefined) {
    const directory = registriesD === undefined ? DEFAULT_REGISTRIES_D : call.resolvePath(registriesD);
    return { by: 'policy', policyFile: call.resolvePath(policy), registriesD: directory };
  }
  if (key !== undefined && lookaside !== undefined) {
    return { by: 'keys', keys: key.map((file) => call.resolvePath(file)), lookaside };
  }
  const configuration = await call.configuration();
  if (environment === undefined) return { by: 'configuration', configuration };
  return {
    by: 'configuration',
    configuration,
    environment: checkEnvironment(configuration, environment, '--environment'),
  };
}
