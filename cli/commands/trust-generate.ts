import type { Command } from 'commander';
import { Option } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { GENERATE_HELP } from './trust-help.ts';

interface GenerateOptions {
  readonly environment: string;
  readonly outputDir?: string;
  readonly nodePath: string;
  readonly default: 'reject' | 'accept';
  readonly accept?: readonly string[];
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/** `trust generate`: what a node needs in order to judge as we do. */
export function addGenerate(trust: Command, host: Host): void {
  const generate = trust
    .command('generate')
    .summary("write what an environment's nodes need")
    .description("Writes policy.json, registries.d and public keys for the nodes of an environment's clusters.")
    .requiredOption('--environment <environment>', 'whose nodes')
    .option('--output-dir <directory>', 'a new or empty directory, which gets all files or none')
    .option('--node-path <directory>', 'where the files will lie on the node', '/etc/containers')
    .addOption(
      new Option('--default <verdict>', 'about images of other registries')
        .choices(['reject', 'accept'])
        .default('reject'),
    )
    .option('--accept <scope...>', 'scopes that need no signature, for example localhost')
    .option('--force', 'replace generated files in a directory that holds others too')
    .option('--dry-run', 'print the files instead')
    .addHelpText('after', GENERATE_HELP);
  onCall<GenerateOptions>(generate, host, runGenerate);
}

async function runGenerate(call: Call, { options }: ActionInput<GenerateOptions>): Promise<ExitCode> {
  const { outputDir, nodePath, accept = [], dryRun = false, force = false } = options;
  if (dryRun === (outputDir !== undefined)) throw usageError('expected --output-dir DIRECTORY or --dry-run');
  const [{ describeNodeFile, generateNodeFiles }, { writeNodeFiles }, { environmentOf }, text] = await Promise.all([
    import('../trust/generate-node-files.ts'),
    import('../trust/write-node-files.ts'),
    import('../../worker/environment-context.ts'),
    import('../output/node-files-text.ts'),
  ]);
  const configuration = await call.configuration();
  const own = environmentOf(configuration, checkEnvironment(configuration, options.environment, '--environment'));
  const { files, notes } = await generateNodeFiles(configuration, own, { nodePath, accept, default: options.default });
  const result = {
    environment: own.name,
    nodePath,
    files: files.map((file) => describeNodeFile(file, nodePath)),
    notes,
  };
  if (outputDir === undefined) {
    const contents = files.map(({ bytes }) => Buffer.from(bytes).toString('base64'));
    const printed = result.files.map((file, index) => ({ ...file, base64: contents[index] ?? '' }));
    call.report.result({ ...result, files: printed }, () => text.printedFiles(files));
  } else {
    const directory = call.resolvePath(outputDir);
    const outcome = await writeNodeFiles(files, { directory, force });
    call.report.result({ ...result, directory, outcome }, () =>
      text.writtenFiles(result.files, { directory, outcome }),
    );
  }
  for (const note of notes) call.report.note(note);
  return EXIT.success;
}
