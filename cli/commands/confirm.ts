import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import type { ExitCode } from '../exit-codes.ts';
import { addRegistryOptions } from './registry-options.ts';
import { WITHIN, readWithin } from './within.ts';
import type { Confirmed } from '../confirmation/confirm-image.ts';
import type { ConfirmationPlace } from '../confirmation/look-once.ts';
import type { ConfirmationOptions } from '../confirmation/open-confirmation.ts';
import type { SignedImage } from '../publishing/image-manifests.ts';

interface ConfirmOptions extends ConfirmationOptions {
  readonly signatures?: string;
  readonly within?: string;
}

const EXAMPLES = `
Looks after 1 s, 1.5 s, 2.3 s and so on, at least once a minute: at the address that clusters use, and at every replica.
With --signatures those of the directory must be served, by whatever number, or equal ones of the same key that were
published before; without it, signatures that verify with one of the keys.
Then every platform is judged as a cluster would.

Ends with 0 where the image is accepted, 1 where it is refused, 9 where its signatures were not served in time, 10 where
the image, or a signature in the directory, is not there. A refusal ends the waiting only where it cannot pass: the
directory holds no signature by one of the keys, or all that it holds is served and a cluster refuses the image still.
--ca-file and --cert-dir are for the signature server too.
JSON: image, digest, servedAt, replicas [address], accepted, reason, waitedMs, attempts.

Examples:
  countersign confirm IMAGE --served-at https://signatures.prod.example.com/images --key prod.pub.asc --within "5 minutes"
  countersign confirm IMAGE --served-at https://signatures.prod.example.com/images --key prod.pub.asc --replica 10.0.0.1:8080 10.0.0.2:8080 --signatures out
  countersign confirm registry.prod.example.com/acme/web:1.4.2 --environment prod`;

/** `confirm`: waits until signatures are served and the image is accepted. */
export function addConfirm(parent: Command, host: Host): void {
  const command = parent
    .command('confirm')
    .summary('wait until signatures are served and a cluster accepts the image')
    .description("Waits until every server serves an image's signatures, and judges it as a cluster would.")
    .argument('<image>', 'reference with a tag, which the signatures claim; with a digest too, that digest')
    .option('--served-at <url>', 'where clusters read signatures')
    .option('--replica <host:port...>', 'servers behind that address, each of which is asked')
    .option('--key <file...>', 'public keys; any of them is enough')
    .option('--environment <environment>', 'all of this by the configuration instead')
    .option('--signatures <directory>', 'these must be served, as sign wrote them with --output-dir')
    .option('--within <duration>', `how long to wait, 0 for one look (default: ${WITHIN})`)
    .addHelpText('after', EXAMPLES);
  onCall<ConfirmOptions>(addRegistryOptions(command), host, runConfirm);
}

async function runConfirm(call: Call, { args: [text = ''], options }: ActionInput<ConfirmOptions>): Promise<ExitCode> {
  const [{ openConfirmation }, { parseTagged, readManifests }] = await Promise.all([
    import('../confirmation/open-confirmation.ts'),
    import('../publishing/image-manifests.ts'),
  ]);
  const withinMs = readWithin(options.within ?? WITHIN);
  const place = await openConfirmation(call, options, parseTagged(text));
  const image = await readManifests(place.client, text, call.terminal.signal);
  const { confirmation, exitCode } = await confirm(call, place, { image, withinMs, directory: options.signatures });
  call.report.result(confirmation, () => {
    const { style } = call.report;
    const mark = confirmation.accepted ? style.good('✔') : style.bad('✖');
    return `${mark} ${confirmation.image}@${confirmation.digest}: ${confirmation.reason}`;
  });
  return exitCode;
}

async function confirm(
  call: Call,
  place: ConfirmationPlace,
  wish: { readonly image: SignedImage; readonly withinMs: number; readonly directory: string | undefined },
): Promise<Confirmed> {
  const [{ confirmImage, refuseAtOnce }, { findHopeless, readOffer }] = await Promise.all([
    import('../confirmation/confirm-image.ts'),
    import('../publishing/offered-signatures.ts'),
  ]);
  const { image, withinMs, directory } = wish;
  const onLook = (text: string): void => call.report.note(text);
  if (directory === undefined) return await confirmImage(call.terminal, place, { image, withinMs, onLook });
  const { reference, manifests } = image;
  const offerWish = {
    ...{ directory: call.resolvePath(directory), reference, digests: manifests.map(({ digest }) => digest) },
    ...{ keys: place.keys, now: new Date(call.terminal.now()) },
  };
  const offer = await readOffer(offerWish);
  for (const { path, reason } of offer.refused) call.report.warn(`${path} is not waited for: ${reason}`);
  const [hopeless] = findHopeless(offer, image, offerWish.directory);
  if (hopeless !== undefined) return refuseAtOnce(place, image, `${hopeless.path}: ${hopeless.reason}`);
  return await confirmImage(call.terminal, place, { image, withinMs, onLook, offered: offer.signatures });
}
