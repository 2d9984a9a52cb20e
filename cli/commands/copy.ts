import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { addHostOptions } from './registry-options.ts';
import type { CopySides } from '../images/copy-between.ts';

interface CopyCommandOptions {
  readonly authfile?: string;
  readonly srcAuthfile?: string;
  readonly srcCredsFile?: string;
  readonly destAuthfile?: string;
  readonly destCredsFile?: string;
  readonly plainHttp?: readonly string[];
  readonly caFile?: readonly string[];
}

const EXAMPLES = `
Copies the index with all platforms, bytes unchanged; what is at the target already stays. A tag of TARGET is set last.
A credentials file holds USER:PASSWORD in its first line.

Examples:
  countersign copy registry.dev.example.com/acme/web:1.4.2 registry.qa.example.com/acme/web:1.4.2
  countersign copy localhost:5000/web@sha256:0123… localhost:5001/web --output json
  countersign copy SOURCE TARGET --src-creds-file dev.creds --dest-authfile qa-config.json`;

/** `copy`: one image from registry to registry. */
export function addCopy(parent: Command, host: Host): void {
  const command = parent
    .command('copy')
    .summary('copy an image between registries')
    .description('Copies an image with all its platforms, bytes unchanged.')
    .argument('<source>', 'reference with tag or digest')
    .argument('<target>', 'reference with a tag, or without one: then by digest only')
    .option('--authfile <file>', 'docker configuration for both sides (default: those of docker and podman)')
    .option('--src-authfile <file>', 'docker configuration for the source')
    .option('--src-creds-file <file>', 'USER:PASSWORD for the source')
    .option('--dest-authfile <file>', 'docker configuration for the target')
    .option('--dest-creds-file <file>', 'USER:PASSWORD for the target')
    .addHelpText('after', EXAMPLES);
  onCall<CopyCommandOptions>(addHostOptions(command), host, runCopy);
}

async function runCopy(
  call: Call,
  { args: [source = '', target = ''], options }: ActionInput<CopyCommandOptions>,
): Promise<ExitCode> {
  const [{ copyBetween }, { openCopyDisplay }, { formatBytes }] = await Promise.all([
    import('../images/copy-between.ts'),
    import('../output/copy-display.ts'),
    import('../output/measures.ts'),
  ]);
  const display = await openCopyDisplay(call);
  try {
    const summary = await copyBetween(call.terminal, { source, target, ...sidesOf(options) }, display.show);
    display.end();
    const { digest, blobsCopied, blobsSkipped, blobsMounted, bytesCopied } = summary;
    call.report.result(
      summary,
      () =>
        `copied ${digest}\n  ${formatBytes(bytesCopied)} in ${blobsCopied} blobs; ${blobsSkipped} were there, ${blobsMounted} mounted`,
    );
    return EXIT.success;
  } finally {
    display.end();
  }
}

function sidesOf(options: CopyCommandOptions): CopySides {
  const { authfile, srcAuthfile, srcCredsFile, destAuthfile, destCredsFile, ...hosts } = options;
  return {
    hosts,
    sourceLogin: login(srcAuthfile ?? authfile, srcCredsFile, ['--src-authfile', '--src-creds-file']),
    targetLogin: login(destAuthfile ?? authfile, destCredsFile, ['--dest-authfile', '--dest-creds-file']),
  };
}

function login(
  authfile: string | undefined,
  credsFile: string | undefined,
  [authOption, credsOption]: readonly [string, string],
): CopySides['sourceLogin'] {
  if (credsFile !== undefined) return { kind: 'creds', file: credsFile, option: credsOption };
  return authfile === undefined ? { kind: 'own' } : { kind: 'auth', file: authfile, option: authOption };
}
