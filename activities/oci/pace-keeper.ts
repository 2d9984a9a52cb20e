import { RegistryError } from './error.ts';
import type { StreamBody } from './request-body.ts';

/** How slow the other side may be, measured over the time that is spent waiting for it. */
export interface Pace {
  /** Milliseconds of waiting after which bytes are counted. */
  readonly windowMs: number;
  /** Bytes that must have come, or gone, within the window. */
  readonly bytes: number;
}

/** 1 KiB/s: no network that is worth waiting for is slower, and one byte every ten seconds would hold a slot for ever. */
export const SLOWEST_PACE: Pace = { windowMs: 30_000, bytes: 30 * 1024 };
/** How often one looks after a piece that nobody takes. */
const LOOK_MS = 1000;

export interface PaceKeeper {
  /** Bytes came, after however long a wait. */
  readonly arrived: (bytes: number) => void;
  /** Time that passes while somebody else is waited for does not count. */
  readonly during: (work: Promise<void> | undefined) => Promise<void> | undefined;
}

/**
 * Watches over a stream.
 * @throws RegistryError `registry-unavailable` with `isTooSlow`, out of `arrived`.
 */
export function paceKeeper(subject: string, pace: Pace = SLOWEST_PACE): PaceKeeper {
  const check = windowOf(subject, pace);
  let asked = performance.now();
  return {
    arrived: (length) => {
      const waitedMs = performance.now() - asked;
      asked = performance.now();
      check(waitedMs, length);
    },
    during: (work) =>
      work?.finally(() => {
        asked = performance.now();
      }),
  };
}

/**
 * Watches over whoever takes a body: only the time counts in which that keeps us waiting.
 * @param giveUp ends the request, which is too slow.
 */
export function pacedBody(
  { size, feed }: StreamBody,
  subject: string,
  giveUp: (why: RegistryError) => void,
): StreamBody {
  return {
    size,
    feed: async (write) => {
      const check = windowOf(subject, SLOWEST_PACE);
      await feed((piece) => {
        const work = write(piece);
        if (work !== undefined) return watched(work, { bytes: piece.length, subject, check, giveUp });
        check(0, piece.length);
        return undefined;
      });
    },
  };
}

interface Watch {
  readonly bytes: number;
  readonly subject: string;
  readonly check: (waitedMs: number, bytes: number) => void;
  readonly giveUp: (why: RegistryError) => void;
}

/** A piece may take its share of the slowest pace and a window more; that it is through is not waited for. */
async function watched(work: Promise<void>, { bytes, subject, check, giveUp }: Watch): Promise<void> {
  const begun = performance.now();
  const allowedMs = SLOWEST_PACE.windowMs * (1 + bytes / SLOWEST_PACE.bytes);
  const look = setInterval(() => {
    if (performance.now() - begun > allowedMs) giveUp(tooSlow(subject, SLOWEST_PACE, 'fewer'));
  }, LOOK_MS);
  try {
    await work;
  } finally {
    clearInterval(look);
  }
  check(performance.now() - begun, bytes);
}

/** Counts waiting time and bytes, window by window. */
function windowOf(subject: string, pace: Pace): (waitedMs: number, bytes: number) => void {
  let [waited, moved] = [0, 0];
  return (waitedMs, bytes) => {
    waited += waitedMs;
    moved += bytes;
    if (waited < pace.windowMs) return;
    if (moved < pace.bytes) throw tooSlow(subject, pace, String(moved));
    [waited, moved] = [0, 0];
  };
}

function tooSlow(subject: string, { windowMs, bytes }: Pace, moved: string): RegistryError {
  const message = `${subject}: expected at least ${bytes} bytes in ${windowMs} ms, received ${moved}`;
  return new RegistryError('registry-unavailable', message, { isTooSlow: true });
}
