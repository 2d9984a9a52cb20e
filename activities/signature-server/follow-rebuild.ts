import { sleepUnlessAborted } from '../oci/sleep-unless-aborted.ts';
import { SignatureServerError } from './error.ts';
import type { ServerCall } from './http-exchange.ts';

/** How what was started is followed. */
export interface FollowOptions {
  /** Between two looks; 2 s by default. */
  readonly pollMs?: number;
  /** How long one call follows before it leaves the rest to the next; 10 minutes by default. */
  readonly followMs?: number;
}

/** What one look at a rollout, a Build or a PipelineRun found. */
export type RebuildProgress =
  | { readonly state: 'done' }
  | { readonly state: 'under-way'; readonly why: string }
  /** It will not succeed any more; the message says why. */
  | { readonly state: 'failed'; readonly message: string };

const DEFAULT_POLL_MS = 2_000;
const DEFAULT_FOLLOW_MS = 10 * 60_000;

/**
 * Looks until it is done; returns the number of looks, so that one says it was done already.
 * @throws SignatureServerError `rebuild-refused` where it failed, `rebuild-unavailable` where it is still under way.
 */
export async function followRebuild(
  subject: string,
  { pollMs = DEFAULT_POLL_MS, followMs = DEFAULT_FOLLOW_MS, signal }: FollowOptions & Pick<ServerCall, 'signal'>,
  look: () => Promise<RebuildProgress>,
): Promise<number> {
  const started = performance.now();
  for (let looks = 1; ; looks++) {
    const progress = await look();
    if (progress.state === 'done') return looks;
    if (progress.state === 'failed') throw new SignatureServerError('rebuild-refused', progress.message);
    if (performance.now() - started > followMs) {
      throw new SignatureServerError('rebuild-unavailable', `${subject} is under way: ${progress.why}`);
    }
    await sleepUnlessAborted(pollMs, signal);
  }
}
