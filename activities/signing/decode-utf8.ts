/**
 * Decodes UTF-8 as Go does: each byte that begins no character becomes one U+FFFD (`TextDecoder` puts one for several),
 * so that two texts that differ for the reference never become the same here, nor the other way round.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return decodeLoosely(bytes);
  }
}

const REPLACEMENT = Buffer.from('\ufffd');

function decodeLoosely(bytes: Uint8Array): string {
  const pieces: Uint8Array[] = [];
  let good = 0;
  let position = 0;
  while (position < bytes.length) {
    const size = characterSize(bytes, position);
    if (size === 0) {
      pieces.push(bytes.subarray(good, position), REPLACEMENT);
      good = position + 1;
    }
    position += size || 1;
  }
  return Buffer.concat([...pieces, bytes.subarray(good)]).toString('utf8');
}

/** The bytes of the character at `position`, or 0 where none begins (Unicode standard, table 3-7). */
function characterSize(bytes: Uint8Array, position: number): number {
  const first = bytes[position] ?? 0;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const second = bytes[position + 1] ?? 0;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let index = 2; index < size; index++) if (((bytes[position + index] ?? 0) & 0xc0) !== 0x80) return 0;
  return size;
}
