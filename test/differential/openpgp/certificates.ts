import { TestKey } from './keys.ts';
import type { KeyForm } from './keys.ts';
import { TAG, packet, subpacket, uint32 } from './packets.ts';
import { signatureBody, signaturePacket } from './signatures.ts';
import type { SignatureForm } from './signatures.ts';

/** Key flags (RFC 4880 section 5.2.3.21). */
export const FLAG = { certify: 1, sign: 2, encrypt: 0x0c, authenticate: 0x20 } as const;

/** What a key's signature about itself says. */
export interface Statement extends SignatureForm {
  /** `none`: no such subpacket; the usual ones unless given. */
  readonly flags?: number | 'none' | 'empty';
  /** Seconds after the key's creation. */
  readonly keyExpires?: number;
  readonly type?: number;
}

export interface SubkeyForm extends KeyForm {
  readonly kind: string;
  readonly created?: Date;
  /** Newest last; one unless given. */
  readonly bindings?: readonly Statement[];
  /** The cross-signature inside of the binding; none for `missing`. */
  readonly cross?: 'good' | 'missing' | 'bad' | 'unhashed' | 'early';
  readonly revoked?: boolean;
}

export interface CertificateForm extends KeyForm {
  readonly kind: string;
  readonly created?: Date;
  /** Each with its statements, newest last; one unless given. */
  readonly users?: readonly { readonly id: string; readonly statements?: readonly Statement[] }[];
  readonly direct?: readonly Statement[];
  readonly subkeys?: readonly SubkeyForm[];
  readonly revoked?: 'in place' | 'behind the users' | 'at the end';
  /** A picture in place of the first user id. */
  readonly picture?: boolean;
  /** Packets that are put in: behind the primary key, and at the end. */
  readonly behindPrimary?: readonly Buffer[];
  readonly behind?: readonly Buffer[];
}

/** A certificate whose every key can sign. */
export interface TestCertificate {
  readonly primary: TestKey;
  readonly subkeys: readonly TestKey[];
  readonly bytes: Buffer;
  readonly userPackets: readonly Buffer[];
}

const HOUR = 3600_000;

/** An hour ago, in whole seconds. */
export function anHourAgo(hours = 1): Date {
  return new Date(Math.floor(Date.now() / 1000) * 1000 - hours * HOUR);
}

export function makeCertificate(form: CertificateForm): TestCertificate {
  const primary = new TestKey(form.kind, form.created ?? anHourAgo(48), form);
  const direct = (form.direct ?? []).map((statement) =>
    signaturePacket(primary, statement.type ?? 0x1f, primary.hashed(), withStatement(statement, primary)),
  );
  const users = form.users ?? [{ id: `${form.kind} <${form.kind}@example.com>` }];
  const userPackets = users.flatMap((user, index) =>
    userAndStatements(primary, user, form.picture === true && index === 0),
  );
  const made = (form.subkeys ?? []).map((subkey) => makeSubkey(primary, subkey));
  const revocation = signaturePacket(primary, 0x20, primary.hashed(), { created: anHourAgo(1) });
  const bytes = Buffer.concat([
    packet(TAG.publicKey, primary.body),
    ...(form.behindPrimary ?? []),
    ...(form.revoked === 'in place' ? [revocation] : []),
    ...direct,
    ...userPackets,
    ...(form.revoked === 'behind the users' ? [revocation] : []),
    ...made.flatMap(({ packets }) => packets),
    ...(form.revoked === 'at the end' ? [revocation] : []),
    ...(form.behind ?? []),
  ]);
  return { primary, subkeys: made.map(({ key }) => key), bytes, userPackets };
}

function userAndStatements(
  primary: TestKey,
  { id, statements = [{}] }: { readonly id: string; readonly statements?: readonly Statement[] },
  isPicture: boolean,
): Buffer[] {
  const body = isPicture ? picture() : Buffer.from(id);
  const header = Buffer.concat([Buffer.from([isPicture ? 0xd1 : 0xb4]), uint32(body.length)]);
  const signatures = statements.map((statement) => {
    const covered = (statement.version ?? 4) < 4 ? body : Buffer.concat([header, body]);
    const data = Buffer.concat([primary.hashed(), covered]);
    return signaturePacket(primary, statement.type ?? 0x13, data, withStatement(statement, primary));
  });
  return [packet(isPicture ? TAG.userAttribute : TAG.userId, body), ...signatures];
}

function picture(): Buffer {
  const image = Buffer.concat([Buffer.from('100001010000000000000000000000000000', 'hex'), Buffer.alloc(20, 1)]);
  return subpacket(1, image.subarray(1));
}

function makeSubkey(primary: TestKey, form: SubkeyForm): { key: TestKey; packets: Buffer[] } {
  const key = new TestKey(form.kind, form.created ?? anHourAgo(47), form);
  const data = Buffer.concat([primary.hashed(), key.hashed()]);
  const bindings = (form.bindings ?? [{}]).map((statement) => {
    const cross = crossSignature(key, data, form.cross ?? 'good', statement);
    const { hashed = [], ...rest } = withStatement(statement, primary);
    const extra = form.cross === 'unhashed' ? [] : cross;
    const unhashed = form.cross === 'unhashed' ? { unhashed: [subpacket(16, primary.keyId), ...cross] } : {};
    const type = statement.type ?? 0x18;
    return signaturePacket(primary, type, data, { ...rest, ...unhashed, hashed: [...hashed, ...extra] });
  });
  const revocation = form.revoked === true ? [signaturePacket(primary, 0x28, data, { created: anHourAgo(1) })] : [];
  return { key, packets: [packet(TAG.publicSubkey, key.body), ...revocation, ...bindings] };
}

function crossSignature(
  key: TestKey,
  data: Buffer,
  cross: NonNullable<SubkeyForm['cross']>,
  { flags = FLAG.sign }: Statement,
): Buffer[] {
  const signs = flags === 'none' || flags === 'empty' || (flags & FLAG.sign) !== 0;
  if (cross === 'missing' || !signs) return [];
  const created = cross === 'early' ? new Date(key.created.getTime() - HOUR) : anHourAgo(46);
  const body = signatureBody(key, 0x19, data, { created });
  if (cross === 'bad') body[body.length - 1]! ^= 1;
  return [subpacket(32, body)];
}

/** The subpackets of a statement; of a primary key unless it says otherwise, it may certify and sign. */
function withStatement({ flags, keyExpires, ...form }: Statement, { version }: TestKey): SignatureForm {
  const usual = form.type === 0x18 ? FLAG.sign : FLAG.certify | FLAG.sign;
  const value = flags ?? usual;
  const body = value === 'empty' ? Buffer.alloc(0) : value === 'none' ? undefined : Buffer.from([value]);
  return {
    created: anHourAgo(46),
    ...(version === 6 && { version: 6 as const }),
    ...form,
    hashed: [
      ...(body === undefined ? [] : [subpacket(27, body)]),
      ...(keyExpires === undefined ? [] : [subpacket(9, uint32(keyExpires))]),
      ...(form.hashed ?? []),
    ],
  };
}
