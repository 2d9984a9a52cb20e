import type { Command } from 'commander';
import { answerEach } from '../batch/answer-each.ts';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { DoctorOptions } from '../operations/examine-image.ts';
import { addRegistryOptions } from './registry-options.ts';

const CONCURRENCY = 4;
const HELP = `
Walks from the configuration to the last replica as a pull does: configuration, registry, policy, store, signatures, keys,
identity, platforms, replicas. What it finds on the way stops nothing that can still be looked at. It ends with the cause
in one sentence and what mends it; it changes nothing. With --policy and --registries-d it looks through a node's files.
Layers are asked for, not read; with --thorough they are read whole, and one whose bytes were changed is found.
JSON: input, image, environment, digest, pullable, findings [{step, status, what, why, mend}], cause, mend.
Ends with 1 where the image cannot be pulled.

Examples:
  countersign doctor registry.prod.example.com/acme/shop/web:1.4.2 --environment prod
  countersign doctor IMAGE --environment prod --policy node/policy.json --registries-d node/registries.d
  countersign doctor IMAGE --environment prod --thorough
  countersign doctor - --environment prod < images.txt`;

/** `doctor`: why a cluster cannot pull an image. */
export function addDoctor(parent: Command, host: Host): void {
  const command = parent
    .command('doctor')
    .summary('find out why a cluster cannot pull an image')
    .description('Finds out why the clusters of an environment cannot pull an image, and what mends it.')
    .argument('<image...>', 'references as the cluster pulls them, or "-"')
    .requiredOption('--environment <environment>', 'whose clusters')
    .option('--policy <file>', "a node's policy.json (default: the policy that the environment's clusters get)")
    .option('--registries-d <directory>', "a node's registries.d (default: where the environment serves signatures)")
    .option('--thorough', 'read every blob and compare it with its digest, instead of asking whether it is there')
    .addHelpText('after', HELP);
  onCall<DoctorOptions>(addRegistryOptions(command), host, runDoctor);
}

async function runDoctor(call: Call, { args, options }: ActionInput<DoctorOptions>): Promise<ExitCode> {
  const [{ openDoctor }, { diagnosisText }] = await Promise.all([
    import('../operations/examine-image.ts'),
    import('../output/findings-text.ts'),
  ]);
  const doctor = await openDoctor(call, options);
  call.closeLater(() => doctor.close());
  return await answerEach(call, args, {
    answer: (image) => doctor.examine(image),
    exitCode: ({ pullable }) => (pullable ? EXIT.success : EXIT.failure),
    text: (diagnosis) => diagnosisText(diagnosis, call.report.style),
    concurrency: CONCURRENCY,
  });
}
