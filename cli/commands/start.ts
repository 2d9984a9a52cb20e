import type { Command } from 'commander';
import { checkEnvironment, onCall } from '../call.ts';
import type { Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import type { Started } from '../promotions/start.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import type { WantedImage, ImagePlaces } from '../promotions/image-argument.ts';
import type { Configuration } from '../../worker/configuration/index.ts';

interface StartOptions {
  readonly to: string;
  readonly wait?: boolean;
  readonly keepWaiting?: boolean;
  readonly timeout?: string;
  readonly again?: boolean;
  readonly by?: string;
  readonly tag?: string;
}

const EXAMPLES = `
IMAGE is a reference below the first environment's registry or one of its sources, or NAME:TAG for short.
A tag is resolved to a digest once; from then on only the digest counts. A start of what runs already joins it.
JSON: started, id, run, to, digest, reference (what clusters of the destination pull), condition, outcome, environment and
reason; with --wait all that status shows too.

Examples:
  countersign start shop/web:1.4.2 --to prod
  countersign start registry.dev.example.com/acme/shop/web:1.4.2@sha256:0123… --to qa --wait --timeout "30 minutes"
  countersign start shop/web:1.4.1 --to prod --again     # a rollback, or asking again after a rejection`;

/** `start`: begins a promotion, or joins the one that runs. */
export function addStart(parent: Command, host: Host): void {
  const command = parent
    .command('start')
    .summary('promote an image along the route')
    .description('Promotes an image along the route, up to an environment.')
    .argument('<image>', 'the image, by tag or by tag and digest')
    .requiredOption('--to <environment>', 'where the promotion ends')
    .option('--wait', 'wait for the outcome and end with its exit code')
    .option('--keep-waiting', 'with --wait: go on waiting where the promotion stalls')
    .option('--timeout <duration>', 'with --wait: stop waiting after this time, for example "30 minutes"')
    .option('--again', 'open the gate anew after a rejection or an expiry, or go back to an overtaken image')
    .option('--by <who>', 'who asks (default: $COUNTERSIGN_USER, git user.email, user@host)')
    .option('--tag <tag>', 'the tag, where the image is given by digest alone')
    .addHelpText('after', EXAMPLES);
  onCall<StartOptions>(command, host, runStart);
}

async function runStart(
  call: Call,
  { args: [image = ''], options }: { args: readonly string[]; options: StartOptions },
): Promise<ExitCode> {
  if (options.wait !== true && (options.timeout !== undefined || options.keepWaiting === true)) {
    throw usageError('--timeout and --keep-waiting are for --wait');
  }
  const [{ parseImageArgument }, { startPromotion }] = await Promise.all([
    import('../promotions/image-argument.ts'),
    import('../promotions/start.ts'),
  ]);
  const configuration = await call.configuration();
  const to = checkEnvironment(configuration, options.to, '--to');
  const wanted = parseImageArgument(image, options.tag, placesOf(configuration));
  const eye = await call.services.openEye(configuration, call.terminal);
  call.closeLater(() => eye.close());
  const digest = await resolve(call, { wanted, configuration, eye });
  const { name, tag, source } = wanted;
  const promoted = { name, tag, digest, ...(source !== undefined && { source }) };
  const wish = { image: promoted, route: configuration.route, to, requestedBy: await call.caller(options.by) };
  const started = await startPromotion(
    { ...wish, again: options.again === true },
    { engine: await call.engine(), isPromoted: () => eye.isPromoted(to, promoted), now: call.terminal.now },
  );
  const reference = `${configuration.environments[to]?.registry ?? ''}/${name}:${tag}`;
  return await conclude(call, started, { to, digest, reference, options });
}

async function resolve(
  call: Call,
  input: {
    readonly wanted: WantedImage;
    readonly configuration: Configuration;
    readonly eye: Awaited<ReturnType<Call['services']['openEye']>>;
  },
): Promise<Digest> {
  const { resolveDigest } = await import('../promotions/resolve-digest.ts');
  return await resolveDigest(input.wanted, {
    eye: input.eye,
    engine: () => call.engine(),
    entry: input.configuration.route[0] ?? '',
    warn: (text) => call.report.warn(text),
    note: (text) => call.report.note(text),
  });
}

async function conclude(
  call: Call,
  started: Started,
  { options, ...asked }: Asked & { readonly options: StartOptions },
): Promise<ExitCode> {
  const { startedText } = await import('../output/started-text.ts');
  if (started.started === 'already-promoted' || options.wait !== true) {
    call.report.result({ ...started, ...asked, ...stateOf(started, asked) }, () => startedText(started, asked));
    return EXIT.success;
  }
  call.report.note(startedText(started, asked));
  const { followPromotion } = await import('../output/follow.ts');
  return await followPromotion(call, started.id, {
    keepWaiting: options.keepWaiting === true,
    lines: false,
    further: { started: started.started, digest: asked.digest, reference: asked.reference },
    ...(options.timeout !== undefined && { timeout: options.timeout }),
  });
}

interface Asked {
  readonly to: string;
  readonly digest: Digest;
  /** What clusters of the destination pull. */
  readonly reference: string;
}

/** The fields of a promotion that was waited for, so that a pipeline finds them in every answer. */
function stateOf(started: Started, { to }: Asked): object {
  if (started.started !== 'already-promoted') {
    return { condition: 'running', outcome: null, environment: null, reason: null };
  }
  const reason = `${to} serves this digest under this tag, and its clusters accept it`;
  return { run: null, condition: 'released', outcome: 'released', environment: to, reason };
}

function placesOf({ route, environments }: Configuration): ImagePlaces {
  const [entry = '', ...rest] = route;
  const first = environments[entry];
  const later = rest.map((name) => [name, environments[name]?.registry ?? ''] as const);
  return { entry, registry: first?.registry ?? '', sources: first?.sources ?? [], later: Object.fromEntries(later) };
}
