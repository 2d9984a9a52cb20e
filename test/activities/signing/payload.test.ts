import { describe, expect, it } from 'vitest';
import { parsePayload, writePayload } from '../../../activities/signing/index.ts';
import { parseDigest } from '../../../workflows/domain/digest.ts';

const HEX = 'ab'.repeat(32);
const parts = {
  reference: '"docker-reference":"registry.example.com/acme/web:1"',
  digest: `"docker-manifest-digest":"sha256:${HEX}"`,
  type: '"type":"atomic container signature"',
};
function document(change: {
  identity?: string;
  image?: string;
  critical?: string;
  optional?: string;
  top?: string;
}): string {
  const critical =
    change.critical ??
    `{"identity":{${change.identity ?? parts.reference}},"image":{${change.image ?? parts.digest}},${parts.type}}`;
  return `{"critical":${critical},"optional":${change.optional ?? '{}'}${change.top ?? ''}}`;
}
function parse(text: string | Uint8Array) {
  return parsePayload(typeof text === 'string' ? Buffer.from(text) : text);
}

describe('parsePayload', () => {
  it('reads the reference form', () => {
    expect(parse(document({ optional: '{"creator":"atomic 5.39.1","timestamp":1700000000}' }))).toEqual({
      digest: `sha256:${HEX}`,
      dockerReference: 'registry.example.com/acme/web:1',
      creator: 'atomic 5.39.1',
      timestamp: 1700000000,
    });
  });

  it.each([
    ['an empty optional', document({})],
    ['JSON whitespace around and inside', ` \t\r\n${document({}).replaceAll(':{', ' : {')}\n`],
    ['a name written with escapes', document({ identity: '"docker\\u002dreference":"a"' })],
    ['unknown members of optional', document({ optional: '{"x":{"y":1,"y":2},"z":[null]}' })],
    ['any reference text', document({ identity: '"docker-reference":""' })],
    ['sha384', document({ image: `"docker-manifest-digest":"sha384:${'a'.repeat(96)}"` })],
    ['sha512', document({ image: `"docker-manifest-digest":"sha512:${'a'.repeat(128)}"` })],
    ['timestamp 1.0', document({ optional: '{"timestamp":1.0}' })],
    ['timestamp 1e9', document({ optional: '{"timestamp":1e9}' })],
    ['timestamp -1', document({ optional: '{"timestamp":-1}' })],
    ['timestamp 0', document({ optional: '{"timestamp":0}' })],
    ['timestamp 2^53+1', document({ optional: '{"timestamp":9007199254740993}' })],
    ['timestamp null', document({ optional: '{"timestamp":null}' })],
    ['creator null', document({ optional: '{"creator":null}' })],
  ])('accepts %s', (_, text) => {
    expect(() => parse(text)).not.toThrow();
  });

  it('reads null as readers do: the time 0 and the empty creator', () => {
    expect(parse(document({ optional: '{"timestamp":null,"creator":null}' }))).toMatchObject({
      timestamp: 0,
      creator: '',
    });
  });

  it.each([
    ['nothing', ''],
    ['an array', '[]'],
    ['a number', '1'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['a byte order mark', `\ufeff${document({})}`],
    ['a comment', `/* */${document({})}`],
    ['a trailing comma', document({}).replace('}}', '},}')],
    ['text behind the object', `${document({})} x`],
    ['a second object', document({}) + document({})],
    ['a NUL behind the object', `${document({})}\0`],
    ['no optional', `{"critical":{"identity":{${parts.reference}},"image":{${parts.digest}},${parts.type}}}`],
    ['optional null', document({ optional: 'null' })],
    ['optional array', document({ optional: '[]' })],
    ['critical null', document({ critical: 'null' })],
    ['no critical', '{"optional":{}}'],
    ['an unknown top member', document({ top: ',"x":1' })],
    ['critical twice', document({ top: ',"critical":{}' })],
    ['optional twice', document({ top: ',"optional":{}' })],
    ['optional twice, once escaped', document({ top: ',"opt\\u0069onal":{}' })],
    ['the reference twice', document({ identity: `${parts.reference},${parts.reference}` })],
    ['the reference twice, once escaped', document({ identity: `${parts.reference},"docker-referenc\\u0065":"b"` })],
    ['the digest twice', document({ image: `${parts.digest},${parts.digest}` })],
    [
      'the type twice',
      document({
        critical: `{"identity":{${parts.reference}},"image":{${parts.digest}},${parts.type},${parts.type}}`,
      }),
    ],
    ['an unknown optional member twice', document({ optional: '{"x":1,"x":1}' })],
    ['two halves of surrogates as one name', document({ optional: '{"\\ud800":1,"\\ud801":1}' })],
    ['another unknown member of identity', document({ identity: `${parts.reference},"x":1` })],
    ['another unknown member of image', document({ image: `${parts.digest},"x":1` })],
    [
      'another unknown member of critical',
      document({ critical: `{"identity":{${parts.reference}},"image":{${parts.digest}},${parts.type},"x":1}` }),
    ],
    ['a name in capitals', document({ identity: '"Docker-Reference":"a"' })],
    ['another type', document({}).replace('atomic container', 'Atomic container')],
    ['a reference that is a number', document({ identity: '"docker-reference":1' })],
    ['an unknown number that no double holds', document({ optional: '{"x":[{"y":1e400}]}' })],
    ['a digest in capitals', document({ image: `"docker-manifest-digest":"sha256:${HEX.toUpperCase()}"` })],
    ['a short digest', document({ image: '"docker-manifest-digest":"sha256:ab"' })],
    ['a digest with a path', document({ image: '"docker-manifest-digest":"sha256:../../x"' })],
    ['timestamp 0.5', document({ optional: '{"timestamp":0.5}' })],
    ['timestamp text', document({ optional: '{"timestamp":"1"}' })],
    ['timestamp true', document({ optional: '{"timestamp":true}' })],
    ['timestamp 1e300', document({ optional: '{"timestamp":1e300}' })],
    ['timestamp 1e400', document({ optional: '{"timestamp":1e400}' })],
    ['timestamp 2^63', document({ optional: '{"timestamp":9223372036854775808}' })],
    ['timestamp 01', document({ optional: '{"timestamp":01}' })],
    ['timestamp +1', document({ optional: '{"timestamp":+1}' })],
    ['timestamp .5', document({ optional: '{"timestamp":.5}' })],
    ['timestamp 0x10', document({ optional: '{"timestamp":0x10}' })],
    ['creator number', document({ optional: '{"creator":1}' })],
    ['a line feed inside a text', document({ identity: '"docker-reference":"a\nb"' })],
    ['an unknown escape', document({ identity: '"docker-reference":"\\x41"' })],
    ['single quotes', document({}).replaceAll('"', "'")],
    ['an open object', document({}).slice(0, -1)],
    ['endless nesting', document({ optional: `{"x":${'['.repeat(100_000)}` })],
  ])('refuses %s', (_, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'signature-invalid', reason: 'payload' }));
  });

  it('reads null as the empty text, which no image matches', () => {
    expect(parse(document({ identity: '"docker-reference":null' })).dockerReference).toBe('');
  });

  it('reads each byte that is not UTF-8 as one U+FFFD, so that no two of them differ', () => {
    const withBytes = (optional: string, bytes: readonly number[]): Buffer => {
      const pieces = document({ optional }).split('#');
      const parts = pieces.flatMap((piece, i) => [Buffer.from(piece), Buffer.from(bytes.slice(i, i + 1))]);
      return Buffer.concat(parts);
    };
    expect(parse(withBytes('{"creator":"a#b"}', [0xff])).creator).toBe('a\ufffdb');
    expect(parse(withBytes('{"creator":"###"}', [0xe2, 0x82, 0x28])).creator).toBe('\ufffd\ufffd(');
    expect(parse(withBytes('{"creator":"###"}', [0xed, 0xa0, 0x80])).creator).toBe('\ufffd\ufffd\ufffd');
    expect(parse(withBytes('{"creator":"###"}', [0xe2, 0x82, 0xac])).creator).toBe('\u20ac');
    expect(() => parse(withBytes('{"#":1,"#":2}', [0xff, 0xfe]))).toThrow('occurs twice');
  });

  it('reads nesting as deep as the reference does', () => {
    const nested = (depth: number): string => document({ optional: `{"x":${'['.repeat(depth)}${']'.repeat(depth)}}` });
    expect(parse(nested(9_998))).toMatchObject({ dockerReference: expect.any(String) as string });
    expect(() => parse(nested(9_999))).toThrow('nested deeper');
  });

  it('refuses a document of very many values', () => {
    expect(() => parse(document({ optional: `{"x":[${'0,'.repeat(60_000)}0]}` }))).toThrow('more than 20000 values');
  });
});

describe('writePayload', () => {
  it('writes the bytes of the reference implementation', () => {
    const payload = {
      digest: parseDigest(`sha256:${HEX}`),
      dockerReference: 'registry.example.com/acme/web:1',
      creator: 'a <b> & \u2028\u2029 "c"',
      timestamp: 1700000000,
    };
    expect(Buffer.from(writePayload(payload)).toString()).toBe(
      `{"critical":{"identity":{"docker-reference":"registry.example.com/acme/web:1"},"image":{"docker-manifest-digest":"sha256:${HEX}"},"type":"atomic container signature"},"optional":{"creator":"a \\u003cb\\u003e \\u0026 \\u2028\\u2029 \\"c\\"","timestamp":1700000000}}`,
    );
    expect(parsePayload(writePayload(payload))).toEqual(payload);
  });
});
