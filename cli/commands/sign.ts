import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { addRegistryOptions } from './registry-options.ts';
import type { RegistryOptions } from './registry-options.ts';
import type { SigningSource } from '../images/sign-image.ts';

interface SignOptions extends RegistryOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly environment?: string;
  readonly outputDir: string;
}

const EXAMPLES = `
Signs every platform and the index under the image's tag, and writes the signatures in the layout that container
runtimes read, as the next free numbers: nothing is ever replaced, and what is there already is not added twice.

Examples:
  countersign sign registry.prod.example.com/acme/web:1.4.2 --key prod.asc --passphrase-file prod.pass --output-dir images
  countersign sign registry.prod.example.com/acme/web:1.4.2 --environment prod --output-dir images`;

/** `sign`: signatures of one image, into a directory. */
export function addSign(parent: Command, host: Host): void {
  const command = parent
    .command('sign')
    .summary('sign an image into a directory')
    .description('Signs an image, every platform and the index, into a directory in lookaside layout.')
    .argument('<image>', 'reference with a tag; with a digest too, only that is signed')
    .option('--key <file>', 'OpenPGP private key')
    .option('--passphrase-file <file>', 'its passphrase, in the first line')
    .option('--environment <environment>', "with this environment's key and credentials instead")
    .requiredOption('--output-dir <directory>', 'where the signatures are written')
    .addHelpText('after', EXAMPLES);
  onCall<SignOptions>(addRegistryOptions(command), host, runSign);
}

async function runSign(call: Call, { args: [image = ''], options }: ActionInput<SignOptions>): Promise<ExitCode> {
  const { signImage } = await import('../images/sign-image.ts');
  const source = await chooseSource(call, options);
  const summary = await signImage(call, { image, source, directory: call.resolvePath(options.outputDir) });
  call.report.result(summary, () =>
    [
      `signed ${summary.reference}`,
      ...summary.signatures.map(({ path, added }) => `  ${path}${added ? '' : ' (was there)'}`),
    ].join('\n'),
  );
  return EXIT.success;
}

async function chooseSource(call: Call, options: SignOptions): Promise<SigningSource> {
  const { key, environment, passphraseFile, ...registry } = options;
  if ((key === undefined) === (environment === undefined)) throw usageError('expected --key or --environment');
  if (key !== undefined) {
    const keyFile = call.resolvePath(key);
    const passphrase = passphraseFile === undefined ? {} : { passphraseFile: call.resolvePath(passphraseFile) };
    return { by: 'files', keyFile, registry, ...passphrase };
  }
  if (passphraseFile !== undefined) throw usageError('--passphrase-file is for --key');
  const configuration = await call.configuration();
  return {
    by: 'environment',
    configuration,
    environment: checkEnvironment(configuration, environment ?? '', '--environment'),
  };
}
