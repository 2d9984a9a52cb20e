import { isSignatureOver } from './check-signature.ts';
import { SigningError } from './error.ts';
import { TAG } from './packets.ts';
import { hashedForm } from './public-key.ts';
import type { PublicKey } from './public-key.ts';
import type {
  CertificateSignature,
  CertificateSubkey,
  CertificateUser,
  UncheckedCertificate,
} from './read-certificates.ts';
import { parseSignaturePacket } from './signature-packet.ts';
import type { SignaturePacket } from './signature-packet.ts';
import { SUBPACKET } from './subpackets.ts';

/** What a certificate says by signatures of its own primary key that check out; all else in it is left out. */
export interface Certificate {
  readonly primary: PublicKey;
  /** Statements about the key itself. */
  readonly direct: readonly SignaturePacket[];
  readonly users: readonly CheckedUser[];
  readonly subkeys: readonly CheckedSubkey[];
  readonly revoked: boolean;
  /** Revocations by others, for `applyRevokers`. */
  readonly foreignRevocations: readonly SignaturePacket[];
}

export interface CheckedUser {
  /** Absent for a picture. */
  readonly id?: string;
  /** The newest certification, or the revocation of it. */
  readonly statement: SignaturePacket;
}

export interface CheckedSubkey {
  readonly key: PublicKey;
  /** The newest; absent for a subkey that the primary key never signed, or that is only revoked. */
  readonly binding?: SignaturePacket;
  /** Whether the subkey signed the primary key in turn, without which it may be anybody's. */
  readonly crossSigned: boolean;
  readonly revoked: boolean;
}

/** Classes of signatures (RFC 4880 section 5.2.1). */
export const CERTIFICATION_REVOCATION = 0x30;
const CLASS = {
  certifications: [0x10, 0x11, 0x12, 0x13],
  subkeyBinding: 0x18,
  primaryBinding: 0x19,
  direct: 0x1f,
  keyRevocation: 0x20,
  subkeyRevocation: 0x28,
  certificationRevocation: CERTIFICATION_REVOCATION,
} as const;
const USER_STATEMENTS: readonly number[] = [...CLASS.certifications, CLASS.certificationRevocation];

/** Checks every signature that a certificate makes about itself. Times are left to `standingOf`. */
export function checkCertificate(unchecked: UncheckedCertificate): Certificate {
  const { primary, users, subkeys } = unchecked;
  const about = (signature: CertificateSignature, data: Uint8Array): boolean =>
    signature.packet.issuerKeyId === primary.keyId && isGood(signature.packet, { signer: primary, data });
  const everywhere = [unchecked, ...users, ...subkeys].flatMap((part) => part.signatures);
  const primaryForm = hashedForm(primary.body);
  // GnuPG puts signatures that stand in a wrong place where they belong.
  const onPrimary = everywhere.filter((signature) => about(signature, primaryForm)).map(({ packet }) => packet);
  return {
    primary,
    direct: onPrimary.filter(({ type }) => type === CLASS.direct),
    revoked: onPrimary.some(({ type }) => type === CLASS.keyRevocation),
    foreignRevocations: everywhere
      .map(({ packet }) => packet)
      .filter(({ type, issuerKeyId }) => type === CLASS.keyRevocation && issuerKeyId !== primary.keyId),
    users: users.flatMap((user) => checkUser(user, { everywhere, primaryForm, about })),
    subkeys: subkeys.map((subkey) => checkSubkey(subkey, { everywhere, primaryForm, about })),
  };
}

/** The keys that a certificate lets revoke it. */
export function revokersOf({ direct }: Certificate): string[] {
  const named = direct.flatMap((statement) => statement.hashed.all(SUBPACKET.revocationKey));
  const valid = named.filter((body) => body.length >= 22 && ((body[0] ?? 0) & 0x80) !== 0);
  return valid.map((body) => Buffer.from(body.subarray(2, 22)).toString('hex').toUpperCase());
}

/** Whether one of `revokers` revoked the certificate. */
export function isRevokedBy(certificate: Certificate, revokers: readonly PublicKey[]): boolean {
  const data = hashedForm(certificate.primary.body);
  return certificate.foreignRevocations.some((packet) =>
    revokers.some((signer) => signer.keyId === packet.issuerKeyId && isGood(packet, { signer, data })),
  );
}

interface Context {
  readonly everywhere: readonly CertificateSignature[];
  readonly primaryForm: Uint8Array;
  readonly about: (signature: CertificateSignature, data: Uint8Array) => boolean;
}

function checkUser(user: CertificateUser, { everywhere, primaryForm, about }: Context): CheckedUser[] {
  const isAbout = (signature: CertificateSignature): boolean =>
    USER_STATEMENTS.includes(signature.packet.type) &&
    about(signature, Buffer.concat([primaryForm, userForm(user, signature.packet.version)]));
  const statement = newest(everywhere.filter(isAbout));
  if (statement === undefined) return [];
  const id = user.tag === TAG.userId ? { id: Buffer.from(user.body).toString('utf8') } : {};
  return [{ ...id, statement }];
}

function checkSubkey(subkey: CertificateSubkey, { everywhere, primaryForm, about }: Context): CheckedSubkey {
  const data = Buffer.concat([primaryForm, hashedForm(subkey.key.body)]);
  const ofClass = (wanted: number): CertificateSignature[] =>
    everywhere.filter((signature) => signature.packet.type === wanted && about(signature, data));
  const binding = newest(ofClass(CLASS.subkeyBinding));
  return {
    key: subkey.key,
    ...(binding !== undefined && { binding }),
    crossSigned: binding !== undefined && isCrossSigned(binding, subkey.key, data),
    revoked: ofClass(CLASS.subkeyRevocation).length > 0,
  };
}

function isCrossSigned(binding: SignaturePacket, subkey: PublicKey, data: Uint8Array): boolean {
  // The newest counts, whether it is good or not; the area that is not signed serves as well.
  let chosen: SignaturePacket | undefined;
  for (const body of [binding.hashed, binding.unhashed].flatMap((area) => area.all(SUBPACKET.embedded))) {
    const packet = parseEmbedded(body);
    if (packet?.type !== CLASS.primaryBinding) continue;
    if (packet.created.getTime() > (chosen?.created.getTime() ?? 0)) chosen = packet;
  }
  return chosen !== undefined && isGood(chosen, { signer: subkey, data });
}

function parseEmbedded(body: Uint8Array): SignaturePacket | undefined {
  try {
    return parseSignaturePacket(body);
  } catch (error) {
    if (error instanceof SigningError) return undefined;
    throw error;
  }
}

/** Of several of one time the last. */
function newest(signatures: readonly CertificateSignature[]): SignaturePacket | undefined {
  let found: SignaturePacket | undefined;
  for (const { packet } of signatures) {
    if (found === undefined || packet.created >= found.created) found = packet;
  }
  return found;
}

function isGood(
  packet: SignaturePacket,
  { signer, data }: { readonly signer: PublicKey; readonly data: Uint8Array },
): boolean {
  if (packet.created < signer.created || 'refused' in signer.material) return false;
  return isSignatureOver(data, packet, signer.material);
}

/** Version 3 covers the bare text. */
function userForm({ tag, body }: CertificateUser, version: number): Uint8Array {
  if (version === 3) return body;
  const header = Buffer.alloc(5, tag === TAG.userId ? 0xb4 : 0xd1);
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}
