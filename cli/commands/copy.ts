import { Option } from 'commander';
import type { Command } from 'commander';
import { readCopyFlags } from './copy-flags.ts';
import type { CopyCommandOptions } from './copy-flags.ts';
import { addHostOptions } from './registry-options.ts';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';

const EXAMPLES = `
Copies the index with all platforms, bytes unchanged; what is at the target already stays. A tag of TARGET is set last.
One platform is copied as the manifest it is, by its own digest: an index is never cut. Layers that are only referenced
(foreign layers) stay where they are. What breaks on the way is tried again, so there is no option for it; a copy that
was ended goes on where it stood. A credentials file holds USER:PASSWORD in its first line. Ends with 1 where the image
is copied and something that is attached to it could not be.

Examples:
  countersign copy registry.dev.example.com/acme/web:1.4.2 registry.qa.example.com/acme/web:1.4.2
  countersign copy SOURCE TARGET --dry-run
  countersign copy SOURCE TARGET --thorough
  countersign copy SOURCE TARGET --with-referrers --jobs 8 --limit 20MiB
  countersign copy SOURCE TARGET --platform linux/arm64
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
    .option('-a, --all', 'all platforms (the default)')
    .option('--platform <os/arch[/variant]>', 'only this platform, by its own digest')
    .option('--with-referrers', 'carry along what is attached: OCI referrers, and the tags of cosign')
    .option('--dry-run', 'only tell what there is to do, and the bytes to move')
    .option('--thorough', 'ask for every manifest and blob, although the target says that it has the image')
    .option('--jobs <number>', 'blobs at once (default: 4)')
    .option('--limit <rate>', 'bytes per second, for example 20MiB')
    .option('--requests-per-second <number>', 'to each registry')
    .option(
      '--authfile <file>',
      'docker configuration, or its folder, for both sides (default: those of docker and podman)',
    )
    .option('--src-authfile <file>', 'docker configuration for the source')
    .option('--src-creds-file <file>', 'USER:PASSWORD for the source')
    .option('--src-tls-verify [boolean]', 'always; false is for registries without TLS (see --plain-http, --ca-file)')
    .option('--dest-authfile <file>', 'docker configuration for the target')
    .option('--dest-creds-file <file>', 'USER:PASSWORD for the target')
    .option('--dest-tls-verify [boolean]', 'as --src-tls-verify')
    // Known from skopeo: the first two are answered with what to say instead, the third is always so.
    .addOption(new Option('--src-creds <creds>').hideHelp())
    .addOption(new Option('--dest-creds <creds>').hideHelp())
    .addOption(new Option('--preserve-digests').hideHelp())
    .addHelpText('after', EXAMPLES);
  onCall<CopyCommandOptions>(addHostOptions(command), host, runCopy);
}

async function runCopy(
  call: Call,
  { args: [source = '', target = ''], options }: ActionInput<CopyCommandOptions>,
): Promise<ExitCode> {
  const wish = readCopyFlags(source, target, options);
  const [{ copyBetween, planBetween }, { openCopyDisplay }, text] = await Promise.all([
    import('../images/copy-between.ts'),
    import('../output/copy-display.ts'),
    import('../output/copy-text.ts'),
  ]);
  if (wish.dryRun) {
    const plan = await planBetween(call.terminal, wish);
    call.report.result(plan, () => text.planText(plan));
    return EXIT.success;
  }
  const display = await openCopyDisplay(call);
  try {
    const summary = await copyBetween(call.terminal, wish, {
      onProgress: display.show,
      onArtifact: (artifact) => {
        display.end();
        call.report.note(text.artifactText(artifact));
      },
    });
    display.end();
    call.report.result(summary, () => text.summaryText(summary));
    const isWhole = summary.artifacts?.every(({ outcome }) => outcome === 'copied' || outcome === 'present') ?? true;
    return isWhole ? EXIT.success : EXIT.failure;
  } finally {
    display.end();
  }
}
