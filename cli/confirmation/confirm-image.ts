import type { Digest } from '../../workflows/domain/digest.ts';
import { isFailureType, isRetryable } from '../../workflows/domain/failure.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { messageOfError } from '../failure.ts';
import type { SignedImage } from '../publishing/image-manifests.ts';
import type { OfferedSignature } from '../publishing/offered-signatures.ts';
import type { Terminal } from '../terminal.ts';
import { lookOnce } from './look-once.ts';
import type { ConfirmationPlace, Look } from './look-once.ts';

/** How long is waited, and for what. */
export interface ConfirmWish {
  readonly image: SignedImage;
  /** These must be served; without them, any that verify. */
  readonly offered?: readonly OfferedSignature[];
  /** 0 for one look. */
  readonly withinMs: number;
  /** Told whenever a look finds something else than the one before. */
  readonly onLook: (text: string) => void;
}

/** The JSON of `confirm`. */
export interface Confirmation {
  readonly image: string;
  readonly digest: Digest;
  readonly servedAt: string;
  /** The addresses that were asked beside `servedAt`. */
  readonly replicas: readonly string[];
  readonly accepted: boolean;
  readonly reason: string;
  readonly waitedMs: number;
  readonly attempts: number;
}

/** A confirmation, and the exit code that it stands for. */
export interface Confirmed {
  readonly confirmation: Confirmation;
  readonly exitCode: ExitCode;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const GROWTH = 1.5;

/**
 * Looks again and again, as a promotion does, until every server serves the signatures and the image is accepted.
 * @throws what no waiting mends: CliError, RegistryError, TrustError, SigningError.
 */
export async function confirmImage(
  terminal: Terminal,
  place: ConfirmationPlace,
  wish: ConfirmWish,
): Promise<Confirmed> {
  const { now, signal, sleep } = terminal;
  const began = now();
  const end = began + wish.withinMs;
  let pause = FIRST_PAUSE_MS;
  let last: Look = { state: 'not-served', reason: 'interrupted before anything was seen', replicas: [] };
  for (let attempts = 1; ; attempts++) {
    const look = await tryToLook(terminal, place, wish, last);
    const isOver = signal.aborted || now() >= end || look.state === 'accepted' || look.state === 'refused-for-good';
    if (isOver) return conclude(place, wish.image, { look, attempts, waitedMs: now() - began });
    const next = Math.min(pause, end - now());
    if (look.reason !== last.reason) wish.onLook(`${look.reason}; looking again, first in ${Math.ceil(next / 1000)} s`);
    last = look;
    await sleep(next, signal);
    pause = Math.min(pause * GROWTH, LONGEST_PAUSE_MS);
  }
}

/** The answer where no waiting helps: nothing that was given can ever be accepted. */
export function refuseAtOnce(place: ConfirmationPlace, image: SignedImage, reason: string): Confirmed {
  const look: Look = { state: 'refused-for-good', reason, replicas: [] };
  return conclude(place, image, { look, attempts: 0, waitedMs: 0 });
}

/** What is out of reach now may come back; what is wrong with what we were given does not mend. */
async function tryToLook(terminal: Terminal, place: ConfirmationPlace, wish: ConfirmWish, last: Look): Promise<Look> {
  try {
    return await lookOnce(place, { ...wish, now: new Date(terminal.now()), signal: terminal.signal });
  } catch (error) {
    if (terminal.signal.aborted) return last;
    const { code } = error as { readonly code?: unknown };
    if (!isFailureType(code) || !isRetryable(code)) throw error;
    return { state: 'not-served', reason: messageOfError(error), replicas: last.replicas };
  }
}

function conclude(
  { servedAt }: ConfirmationPlace,
  image: SignedImage,
  { look, attempts, waitedMs }: { readonly look: Look; readonly attempts: number; readonly waitedMs: number },
): Confirmed {
  const accepted = look.state === 'accepted';
  const { reason, replicas } = look;
  const { reference, digest } = image;
  const confirmation = {
    ...{ image: formatReference(reference), digest, servedAt, replicas },
    ...{ accepted, reason, waitedMs, attempts },
  };
  if (accepted) return { confirmation, exitCode: EXIT.success };
  return { confirmation, exitCode: look.state === 'not-served' ? EXIT.unfinished : EXIT.failure };
}
