import { isFailureType, isRetryable } from '../../workflows/domain/failure.ts';
import { messageOfError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';

/** What one look found. */
export interface Seen {
  /** Whether looking again could find something else. */
  readonly isFinal: boolean;
  /** For people; also where all is well. */
  readonly reason: string;
}

/** How long is looked, and how. */
export interface PollWish<Look extends Seen> {
  /** 0 for one look. */
  readonly withinMs: number;
  /** One look. What it throws and may pass is taken as a look that found nothing. */
  readonly look: () => Promise<Look>;
  /** What was seen where the look itself failed, or before the first one ended. */
  readonly unseen: (reason: string, last: Look | undefined) => Look;
  /** Told whenever a look finds something else than the one before. */
  readonly onLook: (text: string) => void;
}

/** The last look, and what it took. */
export interface Polled<Look> {
  readonly look: Look;
  readonly attempts: number;
  readonly waitedMs: number;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const GROWTH = 1.5;

/**
 * Looks again and again, as a promotion does: after 1 s, 1.5 s and so on, up to a minute.
 * @throws what no waiting mends.
 */
export async function pollUntilFinal<Look extends Seen>(
  { now, signal, sleep }: Terminal,
  wish: PollWish<Look>,
): Promise<Polled<Look>> {
  const began = now();
  const end = began + wish.withinMs;
  let pause = FIRST_PAUSE_MS;
  let last: Look | undefined;
  for (let attempts = 1; ; attempts++) {
    const look = await lookOnce(wish, last, signal);
    if (signal.aborted || now() >= end || look.isFinal) return { look, attempts, waitedMs: now() - began };
    const next = Math.min(pause, end - now());
    if (look.reason !== last?.reason) {
      wish.onLook(`${look.reason}; looking again, first in ${Math.ceil(next / 1000)} s`);
    }
    last = look;
    await sleep(next, signal);
    pause = Math.min(pause * GROWTH, LONGEST_PAUSE_MS);
  }
}

/** What is out of reach now may come back; what is wrong with what we were given does not mend. */
async function lookOnce<Look extends Seen>(
  { look, unseen }: PollWish<Look>,
  last: Look | undefined,
  signal: AbortSignal,
): Promise<Look> {
  try {
    return await look();
  } catch (error) {
    if (signal.aborted) return last ?? unseen('interrupted before anything was seen', last);
    const { code } = error as { readonly code?: unknown };
    if (!isFailureType(code) || !isRetryable(code)) throw error;
    return unseen(messageOfError(error), last);
  }
}
