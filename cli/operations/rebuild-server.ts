import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NO_COMMIT, SignatureServerError, createRebuildTrigger } from '../../activities/signature-server/index.ts';
import { sleepUnlessAborted } from '../../activities/oci/sleep-unless-aborted.ts';
import { triggerRebuild } from '../../activities/steps/index.ts';
import { parseDuration } from '../../worker/configuration/duration.ts';
import { openEnvironment } from '../../worker/environment-context.ts';
import type { RebuildOutcome } from '../../workflows/domain/rebuild.ts';
import { checkEnvironment } from '../call.ts';
import type { Call } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError, usageError } from '../failure.ts';
import { chooseWay } from './rebuild-options.ts';
import type { RebuildOptions, RebuildWayOption } from './rebuild-options.ts';
import { readTarget } from './rebuild-target.ts';

/** One try; the same request each time, so that what the one before has begun is adopted. */
type Attempt = (signal: AbortSignal) => Promise<RebuildOutcome>;

const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 15_000;

/**
 * Rebuilds once and follows it to its end, trying again what is worth another try until the time is up.
 * @throws CliError `usage`, or `unfinished` where it did not end in time; SignatureServerError `rebuild-refused`.
 */
export async function rebuildServer(
  call: Call,
  options: RebuildOptions,
): Promise<RebuildOutcome & { readonly request: string }> {
  const way = chooseWay(options);
  const withinMs = parseDuration(options.timeout);
  if (withinMs === undefined || withinMs <= 0) throw usageError('--timeout: expected a duration such as 10m');
  const request = options.request ?? randomUUID();
  if (!/^[\x20-\x7e]{1,255}$/.test(request)) throw usageError('--request: expected 1 to 255 printable characters');
  const attempt =
    way === 'environment'
      ? await byEnvironment(call, options, request)
      : await byOptions(call, options, { way, request });
  return { ...(await untilDone(call, attempt, { withinMs, timeout: options.timeout })), request };
}

async function byEnvironment(call: Call, options: RebuildOptions, request: string): Promise<Attempt> {
  const configuration = await call.configuration();
  const environment = checkEnvironment(configuration, options.environment ?? '', '--environment');
  const cache = await mkdtemp(path.join(tmpdir(), 'countersign-rebuild-'));
  call.closeLater(() => rm(cache, { recursive: true, force: true }));
  const { context, close } = await openEnvironment(configuration, environment, cache);
  call.closeLater(close);
  const asked = { environment, request: `${environment} ${request}` };
  return (signal) => triggerRebuild(context, asked, { signal, progress: () => undefined });
}

async function byOptions(
  call: Call,
  options: RebuildOptions,
  { way, request }: { readonly way: Exclude<RebuildWayOption, 'environment'>; readonly request: string },
): Promise<Attempt> {
  const { repository = '', branch, commit = NO_COMMIT } = options;
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) throw usageError('--commit: expected 40 or 64 hex digits');
  const trigger = createRebuildTrigger(await readTarget(call, options, way));
  const delivery = createHash('sha256')
    .update(`${way} ${options[way] ?? ''} ${request}`)
    .digest('hex')
    .slice(0, 32);
  const push = { repositoryUrl: repository, branch, before: '0'.repeat(commit.length), after: commit };
  return (signal) => trigger.trigger({ ...push, delivery }, { signal });
}

async function untilDone(
  call: Call,
  attempt: Attempt,
  { withinMs, timeout }: { readonly withinMs: number; readonly timeout: string },
): Promise<RebuildOutcome> {
  const deadline = AbortSignal.timeout(withinMs);
  const signal = AbortSignal.any([call.terminal.signal, deadline]);
  let last = '';
  try {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, MOST_WAIT_MS)) {
      try {
        return await attempt(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof SignatureServerError) || error.code !== 'rebuild-unavailable') throw error;
        last = error.message;
        call.report.note(`${last}; trying again`);
      }
      await sleepUnlessAborted(wait, signal);
    }
  } catch (error) {
    if (!deadline.aborted || call.terminal.signal.aborted) throw error;
    const why = last === '' ? 'it is still under way' : last;
    throw new CliError(EXIT.unfinished, `the rebuild did not end within ${timeout}: ${why}`);
  }
}
