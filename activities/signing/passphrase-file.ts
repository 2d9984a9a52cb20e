import { keyUnusable } from './error.ts';

/**
 * The passphrase in a file, as skopeo reads it: the first line without its line feed; a carriage return belongs to it.
 * @throws SigningError `key-unusable` for bytes that are not UTF-8; the message never shows them.
 */
export function parsePassphraseFile(bytes: Uint8Array): string {
  const lineFeed = bytes.indexOf(0x0a);
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return decoder.decode(lineFeed < 0 ? bytes : bytes.subarray(0, lineFeed));
  } catch {
    throw keyUnusable('passphrase-wrong', 'the passphrase file is not text in UTF-8');
  }
}
