import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { SignedImage } from '../publishing/image-manifests.ts';
import type { OfferedSignature } from '../publishing/offered-signatures.ts';
import type { Terminal } from '../terminal.ts';
import { lookOnce } from './look-once.ts';
import type { ConfirmationPlace, Look } from './look-once.ts';
import { pollUntilFinal } from './poll.ts';

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

/**
 * Looks again and again, as a promotion does, until every server serves the signatures and the image is accepted.
 * @throws what no waiting mends: CliError, RegistryError, TrustError, SigningError.
 */
export async function confirmImage(
  terminal: Terminal,
  place: ConfirmationPlace,
  wish: ConfirmWish,
): Promise<Confirmed> {
  const { now, signal } = terminal;
  const polled = await pollUntilFinal<FinalLook>(terminal, {
    withinMs: wish.withinMs,
    look: async () => asFinal(await lookOnce(place, { ...wish, now: new Date(now()), signal })),
    unseen: (reason, last) => asFinal({ state: 'not-served', reason, replicas: last?.replicas ?? [] }),
    onLook: wish.onLook,
  });
  return conclude(place, wish.image, polled);
}

type FinalLook = Look & { readonly isFinal: boolean };

function asFinal(look: Look): FinalLook {
  return { ...look, isFinal: look.state === 'accepted' || look.state === 'refused-for-good' };
}

/** The answer where no waiting helps: nothing that was given can ever be accepted. */
export function refuseAtOnce(place: ConfirmationPlace, image: SignedImage, reason: string): Confirmed {
  const look: Look = { state: 'refused-for-good', reason, replicas: [] };
  return conclude(place, image, { look, attempts: 0, waitedMs: 0 });
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
