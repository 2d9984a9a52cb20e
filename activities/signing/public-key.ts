import { createHash } from 'node:crypto';
import { readKeyMaterial } from './key-material.ts';
import type { KeyMaterialOrRefusal } from './key-material.ts';
import { malformed, readNumber } from './packets.ts';

/** A public key or subkey of version 4. */
export interface PublicKey {
  /** The packet's body. */
  readonly body: Uint8Array;
  /** 40 upper-case hex digits. */
  readonly fingerprint: string;
  /** The last 16 of them. */
  readonly keyId: string;
  readonly created: Date;
  /** What its kind can do, where nothing says what it may do. */
  readonly canSign: boolean;
  readonly material: KeyMaterialOrRefusal;
}

const SIGNING_ALGORITHMS = new Set([1, 3, 17, 19, 22]);
const SMALLEST = 12;

/**
 * Reads the body of a key packet of version 4.
 * @throws SigningError `signature-invalid`, reason `structure`, where its integers lead out of it.
 */
export function readPublicKey(body: Uint8Array): PublicKey {
  if (body.length < SMALLEST) throw malformed('a key packet of a few bytes');
  const fingerprint = createHash('sha1').update(hashedForm(body)).digest('hex').toUpperCase();
  return {
    body,
    fingerprint,
    keyId: fingerprint.slice(-16),
    created: new Date(readNumber(body, 1, 4) * 1000),
    canSign: SIGNING_ALGORITHMS.has(readNumber(body, 5, 1)),
    material: readKeyMaterial(body),
  };
}

/** A key as signatures and fingerprints cover it (RFC 4880 section 5.2.4). */
export function hashedForm(body: Uint8Array): Uint8Array {
  const header = Buffer.alloc(3, 0x99);
  header.writeUInt16BE(body.length, 1);
  return Buffer.concat([header, body]);
}
