/** A registry whose HTTP is none, or can be read in two ways. */
import { behaviours } from './behaviour.ts';
import type { Behaviour, BehaviourDraft } from './behaviour.ts';
import { MANIFEST, MANIFEST_TYPE } from './content.ts';
import { BROKEN, CHUNKED, EITHER, OK, SMUGGLED, closing } from './raw-answers.ts';
import type { Send } from './raw-answers.ts';
import type { RawExchange } from './raw-server.ts';

const TYPE = `content-type: ${MANIFEST_TYPE}\r\n`;
const BODY = MANIFEST.bytes.toString('latin1');
const LENGTH = `content-length: ${MANIFEST.bytes.length}\r\n`;
const AS_CHUNK = `${MANIFEST.bytes.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
const RESPONSE = `${OK}${TYPE}${LENGTH}\r\n${BODY}`;
/** The same at the endpoint of manifests, by tag and digest. */
function framing(name: string, does: string, send: Send | string, more: Partial<Behaviour> = {}): BehaviourDraft {
  const answer = typeof send === 'string' ? ({ raw }: RawExchange) => raw(send) : send;
  return { name: `http-${name}`, does, probes: ['manifest-by-digest'], at: ['manifest'], answer, ...more };
}

const HEADS: readonly BehaviourDraft[] = [
  framing('garbage', 'answers with bytes that are no HTTP', closing('\u0000\u0001\u0002 hello\r\n\r\n')),
  framing('version-0.9', 'answers with the body alone, as HTTP/0.9', closing(BODY)),
  framing('version-2', 'answers with a frame of HTTP/2', closing('\0\0\u0012\u0004\0\0\0\0\0')),
  framing('version-3.7', 'claims to speak HTTP/3.7', closing(RESPONSE.replace('HTTP/1.1', 'HTTP/3.7'))),
  framing('status-1000', 'answers with status 1000', closing(RESPONSE.replace('200', '1000'))),
  framing('status-000', 'answers with status 000', closing(RESPONSE.replace('200', '000'))),
  framing('status-text', 'answers with a status in letters', closing(RESPONSE.replace('200', 'abc'))),
  framing('nul-in-header', 'has a NUL in a header', closing(`${OK}x-a: b\0c\r\n${TYPE}${LENGTH}\r\n${BODY}`)),
  framing('no-colon', 'has a header without colon', closing(`${OK}bad header\r\n${TYPE}${LENGTH}\r\n${BODY}`)),
  framing(
    'space-before-colon',
    'has a space before the colon of the length',
    closing(`${OK}${TYPE}content-length : 4\r\n${LENGTH}\r\n${BODY}`),
  ),
  framing('bare-line-feed', 'ends its lines with a line feed alone', closing(RESPONSE.replaceAll('\r\n', '\n')), {
    expect: EITHER,
  }),
  framing(
    'folded-header',
    'folds a header over two lines',
    closing(`${OK}x-a: b\r\n c\r\n${TYPE}${LENGTH}\r\n${BODY}`),
    { expect: EITHER },
  ),
  framing(
    'thousands-of-headers',
    'sends 5,000 headers',
    closing(`${OK}${'x-a: b\r\n'.repeat(5000)}${TYPE}${LENGTH}\r\n${BODY}`),
  ),
  framing('huge-header', 'sends a header of 10 MB', closing(`${OK}x-a: ${'b'.repeat(10_000_000)}\r\n${LENGTH}\r\n`)),
  framing('endless-header', 'sends a header without end', ({ pour }) => pour(`${OK}x-a: `, Buffer.alloc(65_536, 'b'))),
  framing('endless-headers', 'sends headers without end', ({ pour }) =>
    pour(OK, Buffer.from('x-a: b\r\n'.repeat(1000))),
  ),
  framing('endless-interim', 'sends 100 Continue without end', ({ pour }) =>
    pour('', Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100))),
  ),
  framing(
    'endless-early-hints',
    'sends 103 Early Hints without end',
    ({ pour }) => pour('', Buffer.from('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(100))),
    { timeoutMs: 300 },
  ),
  framing('upgrade', 'switches to another protocol', ({ raw }) =>
    raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
  ),
  framing('cookie', 'sets a cookie', `${OK}set-cookie: a=b; Path=/\r\n${TYPE}${LENGTH}\r\n${BODY}`, {
    expect: ['success'],
  }),
];

const LENGTHS: readonly BehaviourDraft[] = [
  framing(
    'length-and-chunks',
    'has both a length and chunks',
    closing(`${OK}${TYPE}content-length: 4\r\n${CHUNKED}\r\n${AS_CHUNK}`),
    { expect: EITHER },
  ),
  framing(
    'two-lengths',
    'has two lengths that differ',
    closing(`${OK}${TYPE}content-length: 4\r\n${LENGTH}\r\n${BODY}`),
  ),
  framing(
    'length-list',
    'has two lengths in one header',
    closing(`${OK}${TYPE}content-length: 4, ${MANIFEST.bytes.length}\r\n\r\n${BODY}`),
  ),
  framing('length-negative', 'has a negative length', closing(`${OK}${TYPE}content-length: -1\r\n\r\n${BODY}`)),
  framing(
    'length-plus',
    'has a length with a plus',
    closing(`${OK}${TYPE}content-length: +${MANIFEST.bytes.length}\r\n\r\n${BODY}`),
  ),
  framing('length-hex', 'has a length in hex', closing(`${OK}${TYPE}content-length: 0x1f\r\n\r\n${BODY}`)),
  framing(
    'length-beyond',
    'has a length of 30 digits',
    closing(`${OK}${TYPE}content-length: ${'9'.repeat(30)}\r\n\r\n${BODY}`),
  ),
  framing(
    'length-too-long',
    'announces more than it sends',
    closing(`${OK}${TYPE}content-length: 100000\r\n\r\n${BODY}`),
  ),
  framing('length-too-short', 'announces less than it sends', `${OK}${TYPE}content-length: 4\r\n\r\n${BODY}`),
  framing(
    'chunk-size-text',
    'has a chunk of the size xyz',
    closing(`${OK}${TYPE}${CHUNKED}\r\nxyz\r\n${BODY}\r\n0\r\n\r\n`),
  ),
  framing(
    'chunk-size-negative',
    'has a chunk of a negative size',
    closing(`${OK}${TYPE}${CHUNKED}\r\n-1\r\n${BODY}\r\n0\r\n\r\n`),
  ),
  framing(
    'chunk-size-beyond',
    'has a chunk of 2^80 bytes',
    closing(`${OK}${TYPE}${CHUNKED}\r\n100000000000000000000\r\n${BODY}\r\n0\r\n\r\n`),
  ),
  framing('chunk-cut', 'ends inside a chunk', closing(`${OK}${TYPE}${CHUNKED}\r\nffff\r\n${BODY}`)),
  framing(
    'chunks-without-end',
    'ends without the last chunk',
    closing(`${OK}${TYPE}${CHUNKED}\r\n${MANIFEST.bytes.length.toString(16)}\r\n${BODY}\r\n`),
  ),
  framing('chunk-extension', 'has an endless chunk extension', ({ pour }) =>
    pour(`${OK}${TYPE}${CHUNKED}\r\n5;a=`, Buffer.alloc(65_536, 'b')),
  ),
  framing('endless-trailers', 'has trailers without end', ({ pour }) =>
    pour(`${OK}${TYPE}${CHUNKED}\r\n${AS_CHUNK.slice(0, -2)}`, Buffer.from('x-a: b\r\n'.repeat(1000))),
  ),
  framing(
    'encoding-not-last',
    'is chunked, then gzipped, by name',
    closing(`${OK}${TYPE}transfer-encoding: chunked, gzip\r\n\r\n${AS_CHUNK}`),
  ),
  framing(
    'encoding-unknown',
    'has a transfer encoding that does not exist',
    closing(`${OK}${TYPE}transfer-encoding: xchunked\r\n\r\n${AS_CHUNK}`),
  ),
  framing('body-with-204', 'has a body with 204', `HTTP/1.1 204 No\r\n${LENGTH}\r\n${BODY}`),
  framing('cut-in-head', 'breaks off inside the head', ({ raw, cut }) => {
    raw('HTTP/1.1 200 OK\r\ncontent-');
    setTimeout(cut, 5);
  }),
  framing('cut-in-body', 'breaks off inside the body', ({ raw, cut }) => {
    raw(`${OK}${TYPE}${LENGTH}\r\n${BODY.slice(0, 50)}`);
    setTimeout(cut, 5);
  }),
  framing('closed-at-once', 'closes without an answer', ({ end }) => end()),
  framing(
    'two-answers',
    'sends another answer behind the first, for whatever is asked next',
    `${RESPONSE}${SMUGGLED}`,
    { expect: ['success'] },
  ),
  framing(
    'body-behind-304',
    'answers 304 with an answer in its body',
    `HTTP/1.1 304 Not Modified\r\ncontent-length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  ),
];

export const FRAMINGS: readonly Behaviour[] = behaviours(
  { threat: 'framing', sound: 'refuses, and takes no byte for the answer to another request', expect: BROKEN },
  [...HEADS, ...LENGTHS],
);
