/** A registry that takes its time, or wants its clients to; and one whose TLS proves nothing. */
import { behaviours } from './behaviour.ts';
import type { Answer, Behaviour, BehaviourDraft, Endpoint, Probe } from './behaviour.ts';
import { BULK, MANIFEST, MANIFEST_TYPE, SMALL } from './content.ts';
import { headOf } from './raw-server.ts';

/** Short, for nobody waits for minutes in a test; the interval between two bytes is shorter still. */
const PATIENCE_MS = 150;
const INTERVAL_MS = 20;
const HEAD = headOf(200, { 'content-type': MANIFEST_TYPE, 'content-length': String(MANIFEST.bytes.length) });

/** Our client asks again up to a dozen times. */
const LONG = { takesLong: true } as const;
const never: Answer = () => undefined;
const dripHead: Answer = ({ drip }) => drip(HEAD, INTERVAL_MS);
const dripBody: Answer = ({ raw, drip }) => {
  raw(HEAD);
  drip(MANIFEST.bytes, INTERVAL_MS);
};

function slow(name: string, probe: Probe, at: Endpoint, answer: Answer, more: Partial<Behaviour> = {}): BehaviourDraft {
  const does = `${name.replaceAll('-', ' ')}: one byte at a time, or none`;
  return { name: `slow-${name}`, does, probes: [probe], at: [at], answer, timeoutMs: PATIENCE_MS, ...more };
}

const SLOW: readonly BehaviourDraft[] = [
  slow('never', 'manifest', 'manifest', never),
  slow('head', 'manifest', 'manifest', dripHead),
  slow('body', 'manifest', 'manifest', dripBody),
  slow('interim', 'manifest', 'manifest', ({ raw }) => {
    const timer = setInterval(() => raw('HTTP/1.1 100 Continue\r\n\r\n'), INTERVAL_MS);
    setTimeout(() => clearInterval(timer), 10_000).unref();
    timer.unref();
  }),
  slow('blob-never', 'blob', 'blob', never, LONG),
  slow(
    'blob-head',
    'blob',
    'blob',
    ({ drip }) => drip(headOf(200, { 'content-length': String(SMALL.bytes.length) }), INTERVAL_MS),
    LONG,
  ),
  slow(
    'blob-stalls',
    'blob',
    'blob',
    ({ raw }) => {
      raw(headOf(200, { 'content-length': String(SMALL.bytes.length) }));
      raw(SMALL.bytes.subarray(0, 3));
    },
    LONG,
  ),
  slow('bulk-blob-never', 'bulk-blob', 'blob', never, LONG),
  slow(
    'bulk-blob-head',
    'bulk-blob',
    'blob',
    ({ drip }) => drip(headOf(200, { 'content-length': String(BULK.bytes.length) }), INTERVAL_MS),
    LONG,
  ),
  slow(
    'bulk-blob-stalls',
    'bulk-blob',
    'blob',
    ({ raw }) => {
      raw(headOf(200, { 'content-length': String(BULK.bytes.length) }));
      raw(BULK.bytes.subarray(0, 100_000));
    },
    LONG,
  ),
  slow('has-blob', 'has-blob', 'blob', dripHead),
  slow('token', 'manifest', 'token', never, { auth: 'bearer' }),
  slow(
    'token-body',
    'manifest',
    'token',
    ({ raw, drip }) => {
      raw(headOf(200, { 'content-length': '5000' }));
      drip(' '.repeat(5000), INTERVAL_MS);
    },
    { auth: 'bearer' },
  ),
  slow(
    'error-body',
    'manifest',
    'manifest',
    ({ raw, drip }) => {
      raw(headOf(400, { 'content-length': '5000' }));
      drip(' '.repeat(5000), INTERVAL_MS);
    },
    { expect: ['registry-unavailable', 'registry-refused'] },
  ),
  slow('upload-open', 'upload', 'open-upload', never),
  slow('upload-answer', 'upload', 'upload', never),
  slow('upload-answer-head', 'upload', 'upload', ({ drip }) => drip(headOf(201, {}), INTERVAL_MS)),
  slow('put-manifest', 'put-manifest', 'put-manifest', dripHead),
  slow('referrers', 'referrers', 'referrers', dripBody, { expect: ['registry-unavailable', 'absent'] }),
  slow('signatures', 'signatures', 'signatures', dripBody),
  slow('lookaside', 'lookaside', 'lookaside', dripBody, { expect: ['not-served'] }),
];

const pauses = [
  ['beyond', '1e99'],
  ['negative', '-1'],
  ['fraction', '0.5'],
  ['digits', '9'.repeat(40)],
  ['a-day', '86400'],
  ['future', 'Fri, 31 Dec 9999 23:59:59 GMT'],
  ['past', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ['garbage', 'soon'],
  ['empty', ''],
] as const;

const PAUSES: readonly BehaviourDraft[] = [429, 503].flatMap((status) => [
  ...pauses.map(([name, value]): BehaviourDraft => ({
    name: `retry-after-${status}-${name}`,
    does: `answers ${status} and wants to be asked again after ${JSON.stringify(value).slice(0, 40)}`,
    probes: ['manifest'],
    at: ['manifest'],
    answer: ({ reply }) => reply(status, { 'retry-after': value }),
  })),
  {
    name: `retry-after-${status}-twice`,
    does: `answers ${status} and wants to be asked again at once, and in a year`,
    probes: ['manifest'] as const,
    at: ['manifest'] as const,
    answer: (({ reply }) => reply(status, { 'retry-after': ['0', '31536000'] })) satisfies Answer,
  },
]);

export const PACES: readonly Behaviour[] = [
  ...behaviours({ threat: 'too-slow', sound: 'gives up after its time', expect: ['registry-unavailable'] }, SLOW),
  ...behaviours(
    {
      threat: 'retry-after',
      sound: 'neither waits for ever nor asks for ever',
      expect: ['rate-limited', 'registry-unavailable'],
      timeoutMs: PATIENCE_MS,
    },
    PAUSES,
  ),
];
