import { classifyBlob } from './classify-blob.ts';
import { decompress } from './decompress.ts';
import { signatureInvalid } from './error.ts';
import { TAG, malformed, readNumber, readPackets, slice } from './packets.ts';
import type { Packet } from './packets.ts';
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

const BINARY_SIGNATURE = 0x00;
const TEXT_SIGNATURE = 0x01;
const LINE_BREAK = /[\r\n]/;

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
  const packets = unwrap(readPackets(blob.message));
  const [onePass, literal, signed] = packets;
  const tags = packets.map((packet) => packet.tag).join(', ');
  const shape = [TAG.onePassSignature, TAG.literal, TAG.signature].join(', ');
  if (!onePass || !literal || !signed || tags !== shape) {
    throw malformed(`packets ${tags}; expected one-pass signature, literal data, signature (${shape})`);
  }
  const signature = parseSignaturePacket(signed.body);
  checkOnePass(onePass.body, signature);
  return { untrustedContent: readLiteral(literal.body, signature), signature };
}

function unwrap(packets: readonly Packet[]): readonly Packet[] {
  const [first] = packets;
  const isCompressed = first?.tag === TAG.compressed;
  if (isCompressed && packets.length > 1) throw malformed('packets behind the compressed one');
  const message = isCompressed ? readPackets(decompress(first.body)) : packets;
  if (message.some((packet) => packet.indeterminate)) throw malformed('a packet without a length');
  return message;
}

/** Readers choose the hash by the one-pass packet, others by the signature: they must say the same. */
function checkOnePass(body: Uint8Array, signature: SignaturePacket): void {
  const agrees =
    body.length === 13 &&
    body[0] === 3 &&
    body[1] === signature.type &&
    body[2] === signature.hashAlgorithm &&
    body[3] === signature.keyAlgorithm &&
    Buffer.from(body.subarray(4, 12)).toString('hex').toUpperCase() === signature.issuerKeyId &&
    body[12] === 1;
  if (!agrees) throw malformed('the one-pass packet does not belong to the signature');
}

function readLiteral(body: Uint8Array, signature: SignaturePacket): Uint8Array {
  const format = String.fromCharCode(readNumber(body, 0, 1));
  const contentStart = 2 + readNumber(body, 1, 1) + 4;
  slice(body, 0, contentStart);
  const content = body.subarray(contentStart);
  if (!['b', 't', 'u'].includes(format)) throw malformed('an unknown format of literal data');
  if (signature.type !== BINARY_SIGNATURE && signature.type !== TEXT_SIGNATURE) {
    throw malformed(`a signature of class ${signature.type}; expected 0, over a document`);
  }
  // Text is hashed with other line ends than it is read with; without any, both are the same bytes.
  const isText = format !== 'b' || signature.type === TEXT_SIGNATURE;
  if (isText && LINE_BREAK.test(Buffer.from(content).toString('latin1'))) throw malformed('text with line breaks');
  return content;
}
