/** A content digest that was checked: `sha256:` + 64, `sha384:` + 96 or `sha512:` + 128 lower-case hex digits. */
export type Digest = string & { readonly __brand: 'Digest' };

const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };
const LOWER_HEX = /^[0-9a-f]+$/;

/** Tells whether `text` is a well-formed digest. Everything else must never reach a path or a URL. */
export function isDigest(text: unknown): text is Digest {
  if (typeof text !== 'string') return false;
  const colon = text.indexOf(':');
  const hex = text.slice(colon + 1);
  return colon > 0 && HEX_LENGTH[text.slice(0, colon)] === hex.length && LOWER_HEX.test(hex);
}

/**
 * Checks and returns a digest.
 * @throws InvalidDigestError naming what was received.
 */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new InvalidDigestError(text);
  return text;
}

/** Splits a digest into its algorithm and its hexadecimal value. */
export function splitDigest(digest: Digest): { readonly algorithm: string; readonly hex: string } {
  const colon = digest.indexOf(':');
  return { algorithm: digest.slice(0, colon), hex: digest.slice(colon + 1) };
}

/** The first twelve hex digits, for people; never for decisions. */
export function shortDigest(digest: Digest): string {
  return splitDigest(digest).hex.slice(0, 12);
}

/** Thrown for text that is not a digest. */
export class InvalidDigestError extends Error {
  readonly code = 'digest-invalid';
  constructor(received: unknown) {
    super(
      `invalid digest ${quote(received)}: expected sha256:, sha384: or sha512: and that many lower-case hex digits (64, 96, 128)`,
    );
    this.name = 'InvalidDigestError';
  }
}

/** Quotes untrusted text for a message: JSON escapes, cut at 200 characters. */
export function quote(untrusted: unknown): string {
  const text = typeof untrusted === 'string' ? untrusted : String(untrusted);
  const escaped = JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
  return escaped.replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
