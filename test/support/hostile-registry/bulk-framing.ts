/** Answers to a request for a large blob, which the raw data path must see through by itself: no library parses for it. */
import { behaviours } from './behaviour.ts';
import type { Behaviour, BehaviourDraft } from './behaviour.ts';
import { BULK, SMALL } from './content.ts';
import { BROKEN, CHUNKED, EITHER, OK, SMUGGLED, closing } from './raw-answers.ts';
import type { Send } from './raw-answers.ts';

const BULK_HEAD = `${OK}content-length: ${BULK.bytes.length}\r\n`;

function bulk(name: string, does: string, answer: Send, more: Partial<Behaviour> = {}): BehaviourDraft {
  return {
    name: `bulk-${name}`,
    does: `sends a large blob and ${does}`,
    probes: ['bulk-blob'],
    at: ['blob'],
    answer,
    ...more,
  };
}

const BULKS: readonly BehaviourDraft[] = [
  bulk('garbage', 'no HTTP', closing('\0\0\0\0 no http')),
  bulk(
    'two-lengths',
    'says two lengths',
    closing(`${OK}content-length: 4\r\ncontent-length: ${BULK.bytes.length}\r\n\r\n`),
  ),
  bulk(
    'length-and-chunks',
    'says both a length and chunks',
    closing(`${BULK_HEAD}${CHUNKED}\r\n4\r\nevil\r\n0\r\n\r\n`),
  ),
  bulk('endless-header', 'sends a header without end', ({ pour }) => pour(`${OK}x: `, Buffer.alloc(65_536, 'b'))),
  bulk('endless-interim', 'sends 100 Continue without end', ({ pour }) =>
    pour('', Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100))),
  ),
  bulk(
    'upgrade',
    'switches to another protocol',
    closing('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n'),
  ),
  bulk('short', 'ends in the middle', ({ raw, end }) => {
    raw(`${BULK_HEAD}\r\n`);
    raw(BULK.bytes.subarray(0, 500_000));
    end();
  }),
  bulk(
    'long',
    'goes on behind its end',
    ({ raw }) => {
      raw(`${BULK_HEAD}\r\n`);
      raw(Buffer.concat([BULK.bytes, Buffer.from(SMUGGLED)]));
    },
    { expect: EITHER },
  ),
  bulk('other-length', 'says another length', ({ reply }) => reply(200, {}, BULK.bytes.subarray(1))),
  bulk('encoded', 'says that it is compressed', ({ reply }) => reply(200, { 'content-encoding': 'gzip' }, BULK.bytes)),
  bulk('wrong-range', 'breaks off, then sends another range than asked for', ({ request, round, raw, reply, cut }) => {
    if (request.headers.has('range')) {
      reply(206, { 'content-range': `bytes 0-99/${BULK.bytes.length}` }, BULK.bytes.subarray(0, 100));
      return;
    }
    raw(`${BULK_HEAD}\r\n`);
    raw(BULK.bytes.subarray(0, 300_000 + round));
    setTimeout(cut, 20);
  }),
  {
    name: 'upload-answered-early',
    does: 'answers an upload before it has been sent, and closes',
    probes: ['bulk-upload'],
    at: ['upload'],
    answer: ({ reply, end }) => {
      reply(400, { connection: 'close' });
      end();
    },
  },
  {
    name: 'upload-cut',
    does: 'breaks an upload off',
    probes: ['upload', 'bulk-upload'],
    at: ['upload'],
    answer: ({ cut }) => cut(),
  },
  {
    name: 'blob-head-with-body',
    does: 'sends a body with the answer to HEAD',
    probes: ['has-blob'],
    at: ['blob'],
    answer: ({ raw }) => raw(`${OK}content-length: ${SMALL.bytes.length}\r\n\r\n${SMALL.bytes.toString('latin1')}`),
    expect: ['success', 'registry-unavailable'],
  },
];

export const BULK_FRAMINGS: readonly Behaviour[] = behaviours(
  { threat: 'framing', sound: 'refuses, and takes no byte for the answer to another request', expect: BROKEN },
  BULKS,
);
