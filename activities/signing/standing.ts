import type { Certificate, CheckedSubkey } from './check-certificate.ts';
import { CERTIFICATION_REVOCATION } from './check-certificate.ts';
import type { PublicKey } from './public-key.ts';
import { addSeconds } from './signature-packet.ts';
import type { SignaturePacket } from './signature-packet.ts';
import { SUBPACKET } from './subpackets.ts';

/**
 * What a key is at a time, as GnuPG sees it: what its newest statements say, whether or not they said so when it signed.
 */
export interface Standing {
  /** False for a key that nothing binds to its certificate. */
  readonly valid: boolean;
  readonly maySign: boolean;
  /** Absent for one that never expires. */
  readonly expiresAt?: Date;
  readonly expired: boolean;
}

const MAY_SIGN = 0x02;

/** The standing of the primary key. */
export function standingOfPrimary({ primary, direct, users }: Certificate, now: Date): Standing {
  const ofKey = newestInForce(direct, now);
  const ofUsers = users
    .map(({ statement }) => statement)
    .filter((statement) => statement.type !== CERTIFICATION_REVOCATION && !hasEnded(statement, now));
  // A statement about the key itself goes before those about its users, each question for itself.
  const flags = keyFlagsOf(ofKey) ?? newestWith(ofUsers, keyFlagsOf);
  const lifetime = lifetimeOf(ofKey) ?? newestWith(ofUsers, lifetimeOf);
  return {
    valid: ofKey !== undefined || users.length > 0,
    maySign: mayKeySign(primary, flags),
    ...ending(primary, lifetime, now),
  };
}

/** The standing of a subkey, without what befalls its primary key. */
export function standingOfSubkey({ key, binding, crossSigned }: CheckedSubkey, now: Date): Standing {
  const inForce = binding !== undefined && !hasEnded(binding, now);
  return {
    valid: inForce && crossSigned,
    maySign: inForce && mayKeySign(key, keyFlagsOf(binding)),
    ...ending(key, lifetimeOf(binding), now),
  };
}

/** Whether a time that readers count in whole seconds is over; the last second still counts. */
export function isPast(time: Date, now: Date): boolean {
  return time.getTime() < Math.floor(now.getTime() / 1000) * 1000;
}

/** Whether a signature has passed its own expiry, of which the last second does not count. */
export function hasEnded({ expires }: SignaturePacket, now: Date): boolean {
  return expires !== undefined && expires <= now;
}

function newestInForce(statements: readonly SignaturePacket[], now: Date): SignaturePacket | undefined {
  let found: SignaturePacket | undefined;
  for (const statement of statements) {
    if (!hasEnded(statement, now) && (found === undefined || statement.created >= found.created)) found = statement;
  }
  return found;
}

/** What the newest statement that says something about it says. */
function newestWith<Value>(
  statements: readonly SignaturePacket[],
  read: (statement: SignaturePacket) => Value | undefined,
): Value | undefined {
  let found: { readonly created: Date; readonly value: Value } | undefined;
  for (const statement of statements) {
    const value = read(statement);
    if (value !== undefined && (found === undefined || statement.created > found.created)) {
      found = { created: statement.created, value };
    }
  }
  return found?.value;
}

function mayKeySign({ canSign }: PublicKey, flags: number | undefined): boolean {
  return canSign && (flags === undefined || (flags & MAY_SIGN) !== 0);
}

function keyFlagsOf(statement: SignaturePacket | undefined): number | undefined {
  const flags = statement?.hashed.first(SUBPACKET.keyFlags);
  return flags === undefined ? undefined : (flags[0] ?? 0);
}

function lifetimeOf(statement: SignaturePacket | undefined): number | undefined {
  return statement?.hashed.number(SUBPACKET.keyExpires) || undefined;
}

function ending({ created }: PublicKey, lifetime: number | undefined, now: Date): Omit<Standing, 'valid' | 'maySign'> {
  const expiresAt = addSeconds(created.getTime() / 1000, lifetime);
  return { ...(expiresAt !== undefined && { expiresAt }), expired: expiresAt !== undefined && isPast(expiresAt, now) };
}
