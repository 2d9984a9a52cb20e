import { classifyBlob } from './classify-blob.ts';
import { decompress } from './decompress.ts';
import { signatureInvalid } from './error.ts';
import { TAG, malformed, readCompressed, readNumber, readPackets, slice } from './packets.ts';
import { parseSignaturePacket } from './signature-packet.ts';
import type { SignaturePacket } from './signature-packet.ts';

/** Readers fetch at most this many bytes per signature over HTTP (containers/image `internal/iolimits`). */
export const SIGNATURE_SIZE_LIMIT = 4 * 1024 * 1024;

/** A signed message of the one accepted shape; neither part is trustworthy yet. */
export interface UntrustedMessage {
  /** Exactly the bytes that the signature covers. */
  readonly untrustedContent: Uint8Array;
  readonly signature: SignaturePacket;
}

/** Binary and text. */
const DOCUMENT_SIGNATURES: ReadonlySet<number> = new Set([0x00, 0x01]);
const ONE_PASS_SIZE = 13;

/**
 * Takes a stored blob apart: one one-pass signature, one literal, one signature, once compressed or not, and not a
 * byte more. Other shapes that some reader accepts are refused, as two readers can see two messages in them.
 * @throws SigningError `signature-invalid`: `format`, `too-large`, `structure`.
 */
export function openSignedMessage(untrustedBlob: Uint8Array): UntrustedMessage {
  if (untrustedBlob.length > SIGNATURE_SIZE_LIMIT) {
    throw signatureInvalid(
      'too-large',
      `signature refused: ${untrustedBlob.length} bytes, at most ${SIGNATURE_SIZE_LIMIT}`,
    );
  }
  const blob = classifyBlob(untrustedBlob);
  if (blob.kind === 'sigstore') throw signatureInvalid('format', 'a sigstore signature is not an OpenPGP signature');
  const packets = readPackets(unwrap(blob.message));
  const [onePass, literal, signed] = packets;
  const tags = packets.map((packet) => packet.tag).join(', ');
  const shape = [TAG.onePassSignature, TAG.literal, TAG.signature].join(', ');
  if (!onePass || !literal || !signed || tags !== shape) {
    throw malformed(`packets ${tags}; expected one-pass signature, literal data, signature (${shape})`);
  }
  if (packets.some((packet) => packet.indeterminate)) throw malformed('a packet without a length');
  const signature = parseSignaturePacket(signed.body);
  checkOnePass(onePass.body, signature);
  if (!DOCUMENT_SIGNATURES.has(signature.type)) {
    throw malformed(`a signature of class ${signature.type}; expected 0, over a document`);
  }
  return { untrustedContent: readLiteral(literal.body), signature };
}

/** A compressed message unfolded, once: compression in compression shows as a packet that is not expected. */
function unwrap(message: Uint8Array): Uint8Array {
  const compressed = readCompressed(message);
  return compressed === undefined ? message : decompress(compressed);
}

/** Readers choose the hash by the one-pass packet and need the one of the signature; nothing else in it counts. */
function checkOnePass(body: Uint8Array, { hashAlgorithm }: SignaturePacket): void {
  const [version] = body;
  if (body.length < ONE_PASS_SIZE || version !== 3) throw malformed('a damaged one-pass packet');
  if (body[2] !== hashAlgorithm) throw malformed('the one-pass packet does not belong to the signature');
}

/**
 * The content, with whatever line ends it has: readers hash the very bytes of the packet, whether the packet or the
 * class of the signature calls them text.
 */
function readLiteral(body: Uint8Array): Uint8Array {
  const contentStart = 2 + readNumber(body, 1, 1) + 4;
  slice(body, 0, contentStart);
  return body.subarray(contentStart);
}
