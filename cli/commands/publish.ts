import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { addGitOptions } from './git-options.ts';
import { addRegistryOptions } from './registry-options.ts';
import type { SignedImage } from '../publishing/image-manifests.ts';
import type { OpenedPlace, PlaceOptions } from '../publishing/open-place.ts';

interface PublishOptions extends PlaceOptions {
  readonly signatures: string;
  readonly withoutRegistry?: boolean;
  readonly message?: string;
  readonly dryRun?: boolean;
}

const EXAMPLES = `
Takes the signatures of the image and of every platform that its registry names; each must verify with one of the keys and
claim exactly this reference and digest. They are added at the next free numbers of the branch that is served: nothing is
replaced, nothing is forced, and what is published already is not added twice. The commit says that no promotion stands
behind it: a promotion never takes it for an approval.

Ends with 0 also where all was published before, 10 where the directory has no signature of the image, 11 where a manifest
has only signatures that are refused, or the git host refuses the push, 13 where the git host is out of reach.
JSON: image, digest, repository, branch, commit, outcome, added and present [{digest, path, number}], refused [{path,
digest, reason}], unsigned [digest].

Examples:
  countersign publish IMAGE --signatures out --repository https://git.example.com/acme/signatures.git --key prod.pub.asc --git-credentials creds
  countersign publish IMAGE@sha256:0123… --without-registry --signatures out --repository git@git.example.com:acme/signatures.git --key prod.pub.asc --ssh-dir /secrets/ssh
  countersign publish registry.prod.example.com/acme/web:1.4.2 --signatures out --environment prod`;

/** `publish`: signatures from a directory onto the served branch of a signature repository. */
export function addPublish(parent: Command, host: Host): void {
  const command = parent
    .command('publish')
    .summary('put signatures from a directory into a signature repository')
    .description("Publishes an image's signatures, as sign wrote them to a directory, in a git signature repository.")
    .argument('<image>', 'reference with a tag, which the signatures claim; with a digest too, that digest')
    .requiredOption('--signatures <directory>', 'what sign wrote with --output-dir')
    .option('--repository <url>', 'the signature repository, https:// or ssh')
    .option('--branch <branch>', 'the branch that is served (default: main)')
    .option('--directory <directory>', 'where signatures lie in the repository (default: images; . for its root)')
    .option('--key <file...>', 'public keys; signatures of others are refused')
    .option('--environment <environment>', 'all of this by the configuration and secrets of an environment instead')
    .option('--without-registry', 'do not ask the registry for platforms: only the signature of the digest in IMAGE')
    .option('--message <text>', 'why, for the commit')
    .option('--dry-run', 'only tell what there is to publish')
    .addHelpText('after', EXAMPLES);
  onCall<PublishOptions>(addRegistryOptions(addGitOptions(command)), host, runPublish);
}

async function runPublish(call: Call, { args: [text = ''], options }: ActionInput<PublishOptions>): Promise<ExitCode> {
  const [{ openPlace }, { publishSignatures }, { parseTagged }, { publishedText }] = await Promise.all([
    import('../publishing/open-place.ts'),
    import('../publishing/publish-signatures.ts'),
    import('../publishing/image-manifests.ts'),
    import('../output/published-text.ts'),
  ]);
  const opened = await openPlace(call, options, parseTagged(text));
  const image = await findManifests(call, opened, { text, withoutRegistry: options.withoutRegistry === true });
  const { message } = options;
  const summary = await publishSignatures(
    { terminal: call.terminal, place: opened.place },
    {
      image,
      directory: call.resolvePath(options.signatures),
      publishedBy: await call.caller(undefined),
      dryRun: options.dryRun === true,
      ...(message !== undefined && { message }),
    },
  );
  for (const { path, reason } of summary.refused) call.report.warn(`${path} is not published: ${reason}`);
  for (const digest of summary.unsigned) call.report.warn(`there is no signature of ${digest} to publish`);
  call.report.result(summary, () => publishedText(summary));
  return EXIT.success;
}

async function findManifests(
  call: Call,
  { client }: OpenedPlace,
  { text, withoutRegistry }: { readonly text: string; readonly withoutRegistry: boolean },
): Promise<SignedImage> {
  const { parseTagged, readManifests } = await import('../publishing/image-manifests.ts');
  if (!withoutRegistry) return await readManifests(client, text, call.terminal.signal);
  const { digest, ...reference } = parseTagged(text);
  if (digest === undefined) throw usageError('--without-registry: expected IMAGE with a digest, HOST/PATH:TAG@DIGEST');
  return { reference, digest, manifests: [{ digest, kind: 'image' }] };
}
