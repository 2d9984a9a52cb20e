import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { addRegistryOptions } from './registry-options.ts';
import type { RegistryOptions } from './registry-options.ts';
import type { SigningSource, SigningTarget } from '../images/sign-image.ts';

interface SignOptions extends RegistryOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly environment?: string;
  readonly outputDir?: string;
  readonly toRegistry?: boolean;
}

const EXAMPLES = `
Signs every platform and the index under the image's tag, and writes the signatures in the layout that container
runtimes read, as the next free numbers: nothing is ever replaced, and what is there already is not added twice.

Registries that keep signatures themselves (Pulp, the registry of OpenShift) take them with --to-registry; container
runtimes then read them there and in no directory. Nothing can be deleted there.

Examples:
  countersign sign registry.prod.example.com/acme/web:1.4.2 --key prod.asc --passphrase-file prod.pass --output-dir images
  countersign sign registry.prod.example.com/acme/web:1.4.2 --environment prod --output-dir images
  countersign sign pulp.example.com/acme/web:1.4.2 --key prod.asc --to-registry`;

/** `sign`: signatures of one image, into a directory or into its own registry. */
export function addSign(parent: Command, host: Host): void {
  const command = parent
    .command('sign')
    .summary('sign an image into a directory, or into its registry')
    .description(
      'Signs an image, every platform and the index, into a directory in lookaside layout or into its registry.',
    )
    .argument('<image>', 'reference with a tag; with a digest too, only that is signed')
    .option('--key <file>', 'OpenPGP private key')
    .option('--passphrase-file <file>', 'its passphrase, in the first line')
    .option('--environment <environment>', "with this environment's key and credentials instead")
    .option('--output-dir <directory>', 'where the signatures are written')
    .option('--to-registry', 'into the registry, where that keeps signatures itself, instead')
    .addHelpText('after', EXAMPLES);
  onCall<SignOptions>(addRegistryOptions(command), host, runSign);
}

async function runSign(call: Call, { args: [image = ''], options }: ActionInput<SignOptions>): Promise<ExitCode> {
  const { signImage } = await import('../images/sign-image.ts');
  const target = chooseTarget(call, options);
  const source = await chooseSource(call, options);
  const summary = await signImage(call, { image, source, target });
  call.report.result(summary, () =>
    [
      `signed ${summary.reference}`,
      ...summary.signatures.map(
        ({ path, digest, added }) => `  ${path ?? `${digest} in the registry`}${added ? '' : ' (was there)'}`,
      ),
    ].join('\n'),
  );
  return EXIT.success;
}

function chooseTarget(call: Call, { outputDir, toRegistry }: SignOptions): SigningTarget {
  if ((outputDir === undefined) === (toRegistry !== true)) throw usageError('expected --output-dir or --to-registry');
  return outputDir === undefined ? { to: 'registry' } : { to: 'directory', directory: call.resolvePath(outputDir) };
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
