import { FLAG, anHourAgo, makeCertificate } from './openpgp/certificates.ts';
import type { CertificateForm, TestCertificate } from './openpgp/certificates.ts';
import { packet, subpacket, uint32 } from './openpgp/packets.ts';
import { signaturePacket } from './openpgp/signatures.ts';

/** A ring of certificates, and who of it may have signed. */
export interface Ring {
  readonly name: string;
  readonly certificates: readonly TestCertificate[];
  /** The key file. */
  readonly bytes: Buffer;
  /** Good for messages of all forms: nothing is wrong with its keys. */
  readonly plain: boolean;
}

const DAY = 86_400;
const critical = { hashed: [subpacket(100, Buffer.from('x'), { critical: true })] };
const foreign = makeCertificate({ kind: 'ed25519d', users: [{ id: 'Mallory <mallory@example.com>' }] });
const ed = (form: Omit<CertificateForm, 'kind'> = {}): CertificateForm => ({ kind: 'ed25519', ...form });
const withSubkey = (
  subkey: Partial<NonNullable<CertificateForm['subkeys']>[number]>,
  rest: Omit<CertificateForm, 'kind'> = {},
) => ed({ ...rest, subkeys: [{ kind: 'p256', ...subkey }] });
const user = (...statements: NonNullable<NonNullable<CertificateForm['users']>[number]['statements']>) => ({
  users: [{ id: 'User <user@example.com>', statements }],
});

/** Every state of a key that readers tell apart. */
const FORMS: Readonly<Record<string, CertificateForm>> = {
  'expired primary': ed(user({ keyExpires: 3600 })),
  'expires later': ed(user({ keyExpires: 30 * DAY })),
  'expiry beyond 32 bits': ed(user({ keyExpires: 0xffff_ffff })),
  'expiry of no seconds': ed(user({ keyExpires: 0 })),
  'expired, then extended': ed(user({ keyExpires: 3600 }, { created: anHourAgo(20), keyExpires: 30 * DAY })),
  'extended, then shortened': ed(user({ keyExpires: 30 * DAY }, { created: anHourAgo(20), keyExpires: 3600 })),
  'two users, the older one says expired': ed({
    users: [
      { id: 'Old', statements: [{ keyExpires: 3600, created: anHourAgo(46) }] },
      { id: 'New', statements: [{ created: anHourAgo(20) }] },
    ],
  }),
  'two users, the newer one says expired': ed({
    users: [
      { id: 'Old', statements: [{ keyExpires: 30 * DAY, created: anHourAgo(46) }] },
      { id: 'New', statements: [{ keyExpires: 3600, created: anHourAgo(20) }] },
    ],
  }),
  'a direct statement says expired': ed({ direct: [{ keyExpires: 3600 }], ...user({ keyExpires: 30 * DAY }) }),
  'a direct statement says not expired': ed({ direct: [{ keyExpires: 30 * DAY }], ...user({ keyExpires: 3600 }) }),
  'a direct statement alone': ed({ direct: [{}], users: [] }),
  'an ended direct statement': ed({
    direct: [{ flags: FLAG.certify, hashed: [subpacket(3, uint32(3600))] }],
    ...user({}),
  }),
  'certifies only': ed(user({ flags: FLAG.certify })),
  'encrypts only': ed(user({ flags: FLAG.encrypt })),
  'authenticates only': ed(user({ flags: FLAG.authenticate })),
  'no flags': ed(user({ flags: 'none' })),
  'empty flags': ed(user({ flags: 'empty' })),
  'unknown flags': ed(user({ flags: 0x40 })),
  'direct flags without signing': ed({ direct: [{ flags: FLAG.certify }] }),
  'direct flags with signing': ed({ direct: [{}], ...user({ flags: FLAG.certify }) }),
  'user revoked': ed(user({}, { type: 0x30, created: anHourAgo(10), flags: 'none' })),
  'user revoked and certified again': ed(
    user({}, { type: 0x30, created: anHourAgo(10), flags: 'none' }, { created: anHourAgo(5) }),
  ),
  'one user revoked, one not': ed({
    users: [
      { id: 'Gone', statements: [{}, { type: 0x30, created: anHourAgo(10), flags: 'none' }] },
      { id: 'There', statements: [{ flags: FLAG.certify }] },
    ],
  }),
  'certification ended': ed(user({ hashed: [subpacket(3, uint32(3600))] })),
  'certification by MD5': ed(user({ hash: 1 })),
  'certification by SHA-1': ed(user({ hash: 2 })),
  'certification by RIPEMD-160': ed(user({ hash: 3 })),
  'certification by SHA-224': ed(user({ hash: 11 })),
  'certification of version 3': { kind: 'rsa2048', ...user({ version: 3 }) },
  'certification of class 0x10': ed(user({ type: 0x10 })),
  'certification of class 0x12': ed(user({ type: 0x12 })),
  'certification with something critical': ed(user(critical)),
  'certification older than its key': ed(user({ created: anHourAgo(60) })),
  'certification of tomorrow': ed(user({ created: new Date(Date.now() + DAY * 1000) })),
  'key of tomorrow': ed({
    created: new Date(Math.floor(Date.now() / 1000) * 1000 + DAY * 1000),
    ...user({ created: new Date(Date.now() + 2 * DAY * 1000) }),
  }),
  'no user': ed({ users: [] }),
  'a picture only': ed({ picture: true }),
  'an empty user id': ed({ users: [{ id: '' }] }),
  'a long user id': ed({ users: [{ id: 'x'.repeat(2049) }] }),
  'a user without certification': ed({ users: [{ id: 'Nobody', statements: [] }] }),
  'a foreign user added': ed({ behind: foreign.userPackets }),
  revoked: ed({ revoked: 'in place' }),
  'revoked behind the users': ed({ revoked: 'behind the users' }),
  'revoked at the end': withSubkey({}, { revoked: 'at the end' }),
  'a foreign subkey added': ed({ behind: [packet(14, foreign.primary.body)] }),
  subkey: withSubkey({}),
  'subkey of RSA': withSubkey({ kind: 'rsa2048' }),
  'subkey of short RSA': withSubkey({ kind: 'rsa1024' }),
  'subkey of DSA': withSubkey({ kind: 'dsa2048' }),
  'subkey of the newer Ed25519': withSubkey({ kind: 'ed25519b', algorithm: 27 }),
  'subkey without cross-signature': withSubkey({ cross: 'missing' }),
  'subkey with a bad cross-signature': withSubkey({ cross: 'bad' }),
  'subkey with an unsigned cross-signature': withSubkey({ cross: 'unhashed' }),
  'subkey with a cross-signature before its time': withSubkey({ cross: 'early' }),
  'subkey revoked': withSubkey({ revoked: true }),
  'subkey expired': withSubkey({ bindings: [{ keyExpires: 3600 }] }),
  'subkey expired, then extended': withSubkey({ bindings: [{ keyExpires: 3600 }, { created: anHourAgo(20) }] }),
  'subkey without flags': withSubkey({ bindings: [{ flags: 'none' }] }),
  'subkey with empty flags': withSubkey({ bindings: [{ flags: 'empty' }] }),
  'subkey for encryption': withSubkey({ bindings: [{ flags: FLAG.encrypt }] }),
  'subkey for certification': withSubkey({ bindings: [{ flags: FLAG.certify }] }),
  'subkey whose binding ended': withSubkey({ bindings: [{ hashed: [subpacket(3, uint32(3600))] }] }),
  'subkey whose newer binding ended': withSubkey({
    bindings: [{}, { created: anHourAgo(20), hashed: [subpacket(3, uint32(3600))] }],
  }),
  'subkey without binding': withSubkey({ bindings: [] }),
  'subkey bound by SHA-1': withSubkey({ bindings: [{ hash: 2 }] }),
  'subkey bound by MD5': withSubkey({ bindings: [{ hash: 1 }] }),
  'subkey with something critical': withSubkey({ bindings: [critical] }),
  'subkey older than its primary key': withSubkey({ created: anHourAgo(100) }),
  'subkey of an expired primary key': withSubkey({}, user({ keyExpires: 3600 })),
  'subkey of a revoked primary key': withSubkey({}, { revoked: 'in place' }),
  'subkey of a primary key that only certifies': withSubkey({}, user({ flags: FLAG.certify })),
  'subkey of a short primary key': { kind: 'rsa1024', subkeys: [{ kind: 'p256' }] },
  'subkey of a DSA primary key': { kind: 'dsa2048', subkeys: [{ kind: 'p256' }] },
  'two subkeys': ed({ subkeys: [{ kind: 'p256' }, { kind: 'p384' }] }),
  'version 6': { kind: 'ed25519', version: 6, algorithm: 27 },
  'newer Ed25519 in version 4': { kind: 'ed25519', algorithm: 27 },
  'RSA for signing': { kind: 'rsa2048', algorithm: 3 },
  'RSA for encryption': { kind: 'rsa2048', algorithm: 2 },
};
const PLAIN_KINDS = [
  ...['rsa1024', 'rsa2047', 'rsa2048', 'rsa3072', 'rsa4096', 'dsa2048', 'p256', 'p384', 'p521', 'secp256k1'],
  ...['brainpool256', 'brainpool384', 'brainpool512', 'ed25519'],
];

/** All rings; the same for every run, but for the time. */
export function makeRings(): Ring[] {
  const ring = (
    name: string,
    certificates: readonly TestCertificate[],
    plain = false,
    extra: readonly Buffer[] = [],
  ): Ring => ({
    name,
    certificates,
    plain,
    bytes: Buffer.concat([...certificates.map(({ bytes }) => bytes), ...extra]),
  });
  const plain = PLAIN_KINDS.map((kind) => ring(kind, [makeCertificate({ kind })], true));
  const states = Object.entries(FORMS).map(([name, form]) => ring(name, [makeCertificate(form)]));
  return [...plain, ...states, ...mixedRings(ring)];
}

function mixedRings(
  ring: (name: string, certificates: readonly TestCertificate[], plain?: boolean, extra?: readonly Buffer[]) => Ring,
): Ring[] {
  const first = makeCertificate(ed());
  const second = makeCertificate({ kind: 'rsa2048' });
  const expired = makeCertificate(ed(user({ keyExpires: 3600 })));
  const revoked = makeCertificate(ed({ revoked: 'in place' }));
  const version6 = makeCertificate({ kind: 'ed25519c', version: 6, algorithm: 27 });
  const shared = [makeCertificate(withSubkey({})), makeCertificate({ kind: 'rsa2048', subkeys: [{ kind: 'p256' }] })];
  const stolen = makeCertificate({ kind: 'rsa2048', subkeys: [{ kind: 'ed25519', cross: 'missing' }] });
  const revocation = signaturePacket(first.primary, 0x20, first.primary.hashed(), { created: anHourAgo(1) });
  const revocable = makeCertificate(
    ed({ direct: [{ hashed: [subpacket(12, Buffer.concat([Buffer.from([0x80, 1]), second.primary.fingerprint]))] }] }),
  );
  const revoking = signaturePacket(second.primary, 0x20, first.primary.hashed(), { created: anHourAgo(1) });
  const revokedByOther = {
    ...revocable,
    bytes: insertBehindPrimary(revocable, revoking),
  };
  return [
    ring('two certificates', [first, second], true),
    ring('two certificates, the other way', [second, first], true),
    ring('the same twice, once expired', [expired, first]),
    ring('the same twice, once revoked', [first, revoked]),
    ring('version 6 behind version 4', [first, version6]),
    ring('version 6 before version 4', [version6, first]),
    ring('a shared subkey', shared),
    ring('a stolen primary key behind', [first, stolen]),
    ring('a stolen primary key before', [stolen, first]),
    ring('a revocation behind', [first], false, [revocation]),
    ring('a revocation behind another certificate', [first, second], false, [revocation]),
    ring('revoked by a named other', [revokedByOther, second]),
    ring('revoked by a named other who is not there', [revokedByOther]),
    ring('a marker between', [first], false, [packet(10, Buffer.from('PGP')), second.bytes]),
    ring('an unknown packet between', [first], false, [packet(60, Buffer.from('x')), second.bytes]),
    ring('garbage behind', [first], false, [Buffer.from('garbage')]),
    ring('a cut certificate behind', [first], false, [second.bytes.subarray(0, -5)]),
    ring('a key nobody asked for', [makeCertificate({ kind: 'p256b' })]),
  ];
}

function insertBehindPrimary({ primary, bytes }: TestCertificate, inserted: Buffer): Buffer {
  const end = packet(6, primary.body).length;
  return Buffer.concat([bytes.subarray(0, end), inserted, bytes.subarray(end)]);
}
