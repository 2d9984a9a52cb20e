import { signatureInvalid } from './error.ts';
import { JsonError, parseJson } from './json.ts';
import { checkSigstoreForm } from './sigstore-form.ts';

/** What a stored blob is. `message` is the OpenPGP message, without the prefix some writers put before it. */
export type BlobKind =
  { readonly kind: 'simple-signing'; readonly message: Uint8Array } | { readonly kind: 'sigstore' };

/** First bytes of a signature, one-pass or compressed packet, as the reference accepts them (`internal/signature`). */
const OPENPGP_FIRST_BYTES = new Set([
  0x88, 0x89, 0x8a, 0x8b, 0xc2, 0x90, 0x91, 0x92, 0xc4, 0xa0, 0xa1, 0xa2, 0xa3, 0xc8,
  // An upstream slip for 0x93; kept, because readers take it, too.
  0x3d,
]);

/** Longer than any name there is. */
const MAX_NAME = 64;
/** Of a sigstore signature: certificates, logs and annotations are a few dozen. */
const MAX_VALUES = 20_000;

/**
 * Tells by its first bytes what a stored signature is.
 * @throws SigningError reason `format`: readers then refuse the whole set of signatures, not just this one.
 */
export function classifyBlob(untrustedBlob: Uint8Array): BlobKind {
  const first = untrustedBlob[0];
  if (first === undefined) throw unknownFormat('it is empty');
  if (OPENPGP_FIRST_BYTES.has(first)) return { kind: 'simple-signing', message: untrustedBlob };
  if (first !== 0) throw unknownFormat(`no format begins with byte 0x${first.toString(16).padStart(2, '0')}`);
  const lineFeed = untrustedBlob.indexOf(0x0a);
  if (lineFeed < 0) throw unknownFormat('the format name has no end');
  if (lineFeed > MAX_NAME) throw unknownFormat('the format name is unknown');
  const name = untrustedBlob.subarray(1, lineFeed);
  if (name.some((byte) => byte < 0x20 || byte > 0x7e)) throw unknownFormat('the format name is not printable');
  const content = untrustedBlob.subarray(lineFeed + 1);
  switch (Buffer.from(name).toString('latin1')) {
    case 'simple-signing':
      return { kind: 'simple-signing', message: content };
    case 'sigstore-json':
      checkSigstore(content);
      return { kind: 'sigstore' };
    default:
      throw unknownFormat('the format name is unknown');
  }
}

function checkSigstore(content: Uint8Array): void {
  try {
    checkSigstoreForm(parseJson(content, { maxValues: MAX_VALUES }));
  } catch (cause) {
    if (cause instanceof JsonError) throw unknownFormat(cause.message);
    throw cause;
  }
}

function unknownFormat(why: string): Error {
  return signatureInvalid(
    'format',
    `stored signature refused: ${why}; expected an OpenPGP message, not armoured, and readers refuse the whole set otherwise`,
  );
}
