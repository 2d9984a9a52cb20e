import { RegistryError } from './error.ts';

/** How slow the other side may be, measured over the time that is spent waiting for it. */
export interface Pace {
  /** Milliseconds of waiting after which bytes are counted. */
  readonly windowMs: number;
  /** Bytes that must have come within the window. */
  readonly bytes: number;
}

/** 1 KiB/s: no network that is worth waiting for is slower, and one byte every ten seconds would hold a slot for ever. */
export const SLOWEST_PACE: Pace = { windowMs: 30_000, bytes: 30 * 1024 };

/** Asking again would be as slow. */
export class TooSlowError extends RegistryError {}

export interface PaceKeeper {
  /** Bytes came, after however long a wait. */
  readonly arrived: (bytes: number) => void;
  /** Time that passes while somebody else is waited for does not count. */
  readonly during: (work: Promise<void> | undefined) => Promise<void> | undefined;
}

/**
 * Watches over a stream.
 * @throws TooSlowError `registry-unavailable`, out of `arrived`.
 */
export function paceKeeper(subject: string, { windowMs, bytes }: Pace = SLOWEST_PACE): PaceKeeper {
  let waited = 0;
  let received = 0;
  let asked = performance.now();
  return {
    arrived: (length) => {
      waited += performance.now() - asked;
      received += length;
      asked = performance.now();
      if (waited < windowMs) return;
      if (received < bytes) {
        const message = `${subject}: expected at least ${bytes} bytes in ${windowMs} ms, received ${received}`;
        throw new TooSlowError('registry-unavailable', message);
      }
      [waited, received] = [0, 0];
    },
    during: (work) =>
      work?.finally(() => {
        asked = performance.now();
      }),
  };
}
