/**
 * The digest of a manifest as readers compute it: of its bytes, but for schema version 1 with signatures (JWS) inside. Of
 * those it is the digest of what the signatures cover, and where that cannot be recovered the image is refused.
 */
import { createHash, createPublicKey } from 'node:crypto';
import type { Digest } from '../../workflows/domain/digest.ts';
import { parseDigest } from '../../workflows/domain/digest.ts';
import { JsonError, parseJson } from '../signing/index.ts';
import type { JsonValue } from '../signing/index.ts';
import { TrustError } from './error.ts';

/** With these in `mediaType` the rest is not looked at. */
const RECOGNIZED = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);
const MAY_BE_SIGNED = /ignature|\\/i;
const BASE64URL = /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}(?:==)?|[A-Za-z0-9_-]{3}=?)?$/;

/** @throws TrustError `manifest-unsupported` where the signed content of schema version 1 cannot be recovered. */
export function digestOfManifest(bytes: Uint8Array): Digest {
  // Most manifests say nothing of signatures, and need not be taken apart.
  const members = MAY_BE_SIGNED.test(Buffer.from(bytes).toString('latin1')) ? readMembers(bytes) : undefined;
  if (members === undefined || !isSignedSchema1(members)) return sha256(bytes);
  try {
    return sha256(signedContent(bytes, members));
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new TrustError('manifest-unsupported', `manifest of schema version 1 refused: ${cause.message}`, { cause });
  }
}

type Members = readonly (readonly [name: string, value: JsonValue])[];

function readMembers(bytes: Uint8Array): Members | undefined {
  try {
    const document = parseJson(bytes);
    return document.kind === 'object' ? document.members : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

/** As Go reads it into a struct: names in any case, the last one counts, and one wrong type makes it nothing. */
function isSignedSchema1(members: Members): boolean {
  let mediaType = '';
  let version = '';
  let isSigned = false;
  for (const [name, value] of members) {
    if (/^signatures$/iu.test(name)) isSigned = value.kind !== 'null';
    if (value.kind === 'null') continue;
    if (/^mediaType$/iu.test(name)) {
      if (value.kind !== 'string') return false;
      mediaType = value.value;
    }
    if (/^schemaVersion$/iu.test(name)) {
      if (value.kind !== 'number' || !/^-?\d{1,18}$/.test(value.text)) return false;
      version = value.text;
    }
  }
  return !RECOGNIZED.has(mediaType) && version === '1' && isSigned;
}

/** What stands before the signatures and behind them, as their protected headers say. */
function signedContent(bytes: Uint8Array, members: Members): Uint8Array {
  const signatures = members.findLast(([name]) => name === 'signatures')?.[1];
  if (signatures === undefined || (signatures.kind !== 'array' && signatures.kind !== 'null')) {
    throw new JsonError('signatures: expected a list');
  }
  let length = 0;
  let tail: Uint8Array = Buffer.alloc(0);
  for (const signature of signatures.kind === 'array' ? signatures.items : []) {
    const format = formatOf(signature);
    if (length !== 0 && length !== format.length) throw new JsonError('the signatures cover different lengths');
    if (tail.length > 0 && !Buffer.from(tail).equals(format.tail))
      throw new JsonError('the signatures end differently');
    ({ length, tail } = format);
  }
  if (length > bytes.length) throw new JsonError('the signatures cover more than there is');
  return Buffer.concat([bytes.subarray(0, length), tail]);
}

function formatOf(signature: JsonValue): { readonly length: number; readonly tail: Buffer } {
  const members = exactly(signature, 'signature', ['header', 'signature', 'protected']);
  checkHeader(members.get('header'));
  optionalText(members.get('signature'), 'signature');
  const protectedText = decodeBase64Url(optionalText(members.get('protected'), 'protected'), 'protected');
  const header = parseJson(protectedText);
  if (header.kind !== 'object') throw new JsonError('protected: expected an object');
  const last = (wanted: string): JsonValue | undefined => header.members.findLast(([name]) => name === wanted)?.[1];
  const [length, tail] = [last('formatLength'), last('formatTail')];
  if (length?.kind !== 'number' || !Number.isFinite(length.value) || length.value <= -1) {
    throw new JsonError('protected.formatLength: expected a number');
  }
  if (tail?.kind !== 'string') throw new JsonError('protected.formatTail: expected base64url');
  return { length: Math.trunc(length.value), tail: decodeBase64Url(tail.value, 'formatTail') };
}

/** The signature itself proves nothing and is not verified, but its header has to be one. */
function checkHeader(header: JsonValue | undefined): void {
  if (header === undefined || header.kind === 'null') return;
  const members = exactly(header, 'header', ['jwk', 'alg', 'x5c']);
  optionalText(members.get('alg'), 'header.alg');
  const chain = members.get('x5c');
  if (chain?.kind === 'array') for (const item of chain.items) optionalText(item, 'header.x5c');
  else if (chain !== undefined && chain.kind !== 'null') throw new JsonError('header.x5c: expected a list');
  const jwk = members.get('jwk');
  if (jwk !== undefined) checkKey(jwk);
}

function checkKey(jwk: JsonValue): void {
  if (jwk.kind !== 'object') throw new JsonError('header.jwk: expected a key');
  const last = new Map(jwk.members);
  const text = (name: string): string => optionalText(last.get(name), `jwk.${name}`).replace(/[\n ]/g, '');
  const kty = text('kty');
  const names = kty === 'EC' ? ['crv', 'x', 'y'] : ['n', 'e'];
  if ((kty !== 'EC' && kty !== 'RSA') || (kty === 'RSA' && last.has('d'))) throw new JsonError('header.jwk: no key');
  try {
    const key = { kty, ...Object.fromEntries(names.map((name) => [name, text(name)])) };
    const der = createPublicKey({ format: 'jwk', key }).export({ type: 'spki', format: 'der' });
    if (last.has('kid') && text('kid') !== keyId(der)) throw new JsonError('header.jwk: the key has another id');
  } catch (cause) {
    throw cause instanceof JsonError ? cause : new JsonError('header.jwk: no key', { cause });
  }
}

/** Docker's: the first 240 bits of the SHA-256 in base32, in groups of four. */
function keyId(der: Buffer): string {
  const bits = [...createHash('sha256').update(der).digest().subarray(0, 30)]
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('');
  const letters = (bits.match(/.{5}/g) ?? []).map((five) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(parseInt(five, 2)),
  );
  return letters.join('').replace(/.{4}(?!$)/g, '$&:');
}

/** Names in another case would count for readers, and are refused here. */
function exactly(value: JsonValue, where: string, names: readonly string[]): ReadonlyMap<string, JsonValue> {
  if (value.kind !== 'object') throw new JsonError(`${where}: expected an object`);
  const folded = new Set(names.map((name) => name.toUpperCase()));
  const odd = value.members.find(([name]) => !names.includes(name) && folded.has(name.toUpperCase()));
  if (odd !== undefined) throw new JsonError(`${where}: unknown member ${JSON.stringify(odd[0])}`);
  return new Map(value.members);
}

function optionalText(value: JsonValue | undefined, where: string): string {
  if (value === undefined || value.kind === 'null') return '';
  if (value.kind === 'string') return value.value;
  throw new JsonError(`${where}: expected a string`);
}

function decodeBase64Url(text: string, where: string): Buffer {
  const content = text.replace(/[\n ]/g, '');
  if (!BASE64URL.test(content)) throw new JsonError(`${where}: expected base64url`);
  return Buffer.from(content, 'base64url');
}

function sha256(bytes: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}
