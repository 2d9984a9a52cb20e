import { malformed, readNewLength, readNumber, slice } from './packets.ts';

/** The subpacket types that say something here (RFC 4880 section 5.2.3.1). */
export const SUBPACKET = {
  created: 2,
  expires: 3,
  keyExpires: 9,
  revocationKey: 12,
  issuer: 16,
  notation: 20,
  primaryUser: 25,
  keyFlags: 27,
  embedded: 32,
  issuerFingerprint: 33,
  keyBlock: 38,
} as const;

/**
 * Critical subpackets that GnuPG knows, though it may do nothing about them. Not the signer's user id: a signature
 * that has it critical is refused.
 */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  2, 3, 4, 5, 6, 7, 9, 11, 12, 16, 21, 22, 24, 25, 26, 27, 29, 30, 32, 33,
]);
/** The least content of a subpacket; a shorter one counts as absent, and so do those of its type behind it. */
const LEAST_SIZES: Readonly<Record<number, number>> = {
  [SUBPACKET.created]: 4,
  [SUBPACKET.expires]: 4,
  [SUBPACKET.keyExpires]: 4,
  [SUBPACKET.revocationKey]: 22,
  [SUBPACKET.issuer]: 8,
  [SUBPACKET.issuerFingerprint]: 21,
  [SUBPACKET.embedded]: 1,
};

/** One area of subpackets: the hashed one, which the signature covers, or the other. */
export class Subpackets {
  readonly #entries: readonly { readonly type: number; readonly critical: boolean; readonly body: Uint8Array }[];

  /** @throws SigningError `signature-invalid`, reason `structure`, where a length leads out of the area. */
  constructor(area: Uint8Array) {
    const entries: { type: number; critical: boolean; body: Uint8Array }[] = [];
    let position = 0;
    while (position < area.length) {
      const { length, headerSize } = readLength(area, position);
      const content = slice(area, position + headerSize, length);
      const type = readNumber(content, 0, 1);
      entries.push({ type: type & 0x7f, critical: (type & 0x80) !== 0, body: content.subarray(1) });
      position += headerSize + length;
    }
    this.#entries = entries;
  }

  /** The first of a type, as GnuPG takes it; undefined also where that one is too short. */
  first(type: number): Uint8Array | undefined {
    const found = this.#entries.find((entry) => entry.type === type)?.body;
    return found === undefined || found.length < (LEAST_SIZES[type] ?? 0) ? undefined : found;
  }

  /** A number of 32 bits in the first of a type. */
  number(type: number): number | undefined {
    const body = this.first(type);
    return body === undefined ? undefined : readNumber(body, 0, 4);
  }

  all(type: number): readonly Uint8Array[] {
    return this.#entries.filter((entry) => entry.type === type).map((entry) => entry.body);
  }

  /** The type of a critical subpacket that GnuPG does not know, which makes the signature a bad one. */
  unknownCritical(): number | undefined {
    return this.#entries.find(({ type, critical, body }) => critical && !isUnderstood(type, body))?.type;
  }
}

function isUnderstood(type: number, body: Uint8Array): boolean {
  // An embedded key of the one known form; notations are never known.
  return type === SUBPACKET.keyBlock ? body.length > 0 && body[0] === 0 : UNDERSTOOD.has(type);
}

/** Like a packet's length, except that 224 to 254 continue the two-byte form (RFC 4880 section 5.2.3.1). */
function readLength(area: Uint8Array, position: number): { length: number; headerSize: number } {
  const first = readNumber(area, position, 1);
  if (first === 0) throw malformed('a subpacket of no bytes');
  if (first < 224 || first === 255) return readNewLength(area, position);
  return { length: ((first - 192) << 8) + readNumber(area, position + 1, 1) + 192, headerSize: 2 };
}
