import { createHash, generateKeyPairSync } from 'node:crypto';

/** A manifest of schema version 1 as Docker signed them, and what its digest has to be; undefined where there is none. */
export interface SignedManifest {
  readonly name: string;
  readonly bytes: Buffer;
  readonly digest: string | undefined;
}

const CONTENT = '{\n   "schemaVersion": 1,\n   "name": "acme/web",\n   "tag": "1",\n   "fsLayers": []\n}';
const HEAD = CONTENT.slice(0, -2);
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const JWK = publicKey.export({ format: 'jwk' });

const base64url = (text: string): string => Buffer.from(text).toString('base64url');
const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

interface Signature {
  readonly header?: unknown;
  readonly signature?: unknown;
  readonly protected?: unknown;
}

function protectedBy(members: object = {}): string {
  return base64url(JSON.stringify({ formatLength: HEAD.length, formatTail: base64url('\n}'), ...members }));
}

const good: Signature = { header: { jwk: JWK, alg: 'ES256' }, signature: 'AA', protected: protectedBy() };
const signed = (signatures: unknown, key = 'signatures'): string =>
  `${HEAD},\n   "${key}": ${JSON.stringify(signatures)}\n}`;

/** Digested as they are. */
const PLAIN: Record<string, string> = {
  'without signatures': CONTENT,
  'with null for signatures': signed(null),
  'that says it is another kind': signed([good]).replace(
    '{',
    '{"mediaType":"application/vnd.oci.image.manifest.v1+json",',
  ),
  'of schema version 2': signed([good]).replace('"schemaVersion": 1', '"schemaVersion": 2'),
  'of schema version 1.0': signed([good]).replace('"schemaVersion": 1', '"schemaVersion": 1.0'),
  'of schema version "1"': signed([good]).replace('"schemaVersion": 1', '"schemaVersion": "1"'),
  'with a number as mediaType': signed([good]).replace('{', '{"mediaType":1,'),
  'that is no JSON': `${signed([good])}x`,
};
/** Digested as far as the signatures go. */
const COVERED: Record<string, string> = {
  'signed once': signed([good]),
  'signed twice': signed([good, good]),
  'signed without a key': signed([{ protected: protectedBy() }]),
  'signed with null for a header': signed([{ ...good, header: null }]),
};
const REFUSED: Record<string, string> = {
  'with signatures in capitals': signed([good], 'Signatures'),
  'with text for signatures': signed('x'),
  'with a signature that is text': signed(['x']),
  'with a signature that is null': signed([null]),
  'without protected header': signed([{ ...good, protected: undefined }]),
  'with a protected header that is no base64': signed([{ ...good, protected: '!' }]),
  'with a protected header that is no JSON': signed([{ ...good, protected: base64url('x') }]),
  'without format length': signed([{ ...good, protected: protectedBy({ formatLength: undefined }) }]),
  'with text as format length': signed([{ ...good, protected: protectedBy({ formatLength: '5' }) }]),
  'with a negative format length': signed([{ ...good, protected: protectedBy({ formatLength: -5 }) }]),
  'with a format length beyond the end': signed([{ ...good, protected: protectedBy({ formatLength: 99_999 }) }]),
  'without format tail': signed([{ ...good, protected: protectedBy({ formatTail: undefined }) }]),
  'with two lengths': signed([good, { ...good, protected: protectedBy({ formatLength: 3 }) }]),
  'with two tails': signed([good, { ...good, protected: protectedBy({ formatTail: base64url('x}') }) }]),
  'with a key that is none': signed([{ ...good, header: { jwk: { kty: 'EC' } } }]),
  'with null for a key': signed([{ ...good, header: { jwk: null } }]),
  'with a key of another id': signed([{ ...good, header: { jwk: { ...JWK, kid: 'AAAA' } } }]),
  'with a number as algorithm': signed([{ ...good, header: { alg: 1 } }]),
};

/** Every form that the library tells apart. */
export function signedManifests(): readonly SignedManifest[] {
  const empty = { name: 'with no signature in its list', bytes: Buffer.from(signed([])), digest: digestOf('') };
  return [
    ...Object.entries(PLAIN).map(([name, text]) => ({ name, bytes: Buffer.from(text), digest: digestOf(text) })),
    ...Object.entries(COVERED).map(([name, text]) => ({ name, bytes: Buffer.from(text), digest: digestOf(CONTENT) })),
    ...Object.entries(REFUSED).map(([name, text]) => ({ name, bytes: Buffer.from(text), digest: undefined })),
    empty,
  ];
}
