import type { Key } from 'openpgp';
import { ANY_TIME, KEY_CONFIG, REVOCATION_CONFIG } from './openpgp-config.ts';

/** When the primary key expires: a date, `never`, or undefined where no valid self-signature says so. */
export async function expiryOf(certificate: Key): Promise<Date | 'never' | undefined> {
  const expiry = await certificate.getExpirationTime(undefined, KEY_CONFIG);
  if (expiry === null) return undefined;
  return expiry instanceof Date ? expiry : 'never';
}

/** Tells whether the primary key was revoked, at whatever time and for whatever reason, as GnuPG does. */
export async function isRevoked(certificate: Key): Promise<boolean> {
  return await certificate.isRevoked(undefined, undefined, ANY_TIME, REVOCATION_CONFIG);
}

/** The user ids that the key itself certified and has not revoked. */
export async function certifiedUserIds(certificate: Key): Promise<string[]> {
  const checked = certificate.users.map(async (user) => {
    if (user.userID === null) return [];
    try {
      await user.verify(ANY_TIME, KEY_CONFIG);
      return [user.userID.userID];
    } catch {
      // A user id that anybody may have attached is no statement of the key's owner.
      return [];
    }
  });
  return (await Promise.all(checked)).flat();
}

/** The fingerprint as it is written everywhere: upper-case hex. */
export function fingerprintOf(key: { getFingerprint(): string }): string {
  return key.getFingerprint().toUpperCase();
}
