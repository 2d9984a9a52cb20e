import type { Behaviour } from '../behaviour.ts';
import { LIMIT_MS } from './run-peer.ts';
import type { PeerReport } from './run-peer.ts';

/** How a client took a behaviour. */
export interface Verdict {
  readonly is: 'sound' | 'lenient' | 'unsound' | 'not run';
  readonly why: string;
}

const GROWTH_BYTES = 32 * 1024 * 1024;
/** There the bytes are checked against a digest, or were asked for by a header that Go's programs send: no harm is done. */
const HARMLESS_TO_READ = new Set<Behaviour['threat']>(['framing', 'encoding']);

/** Judges another program. `usualBytes` is the memory that it takes for the same thing at a good registry. */
export function judgePeer(behaviour: Behaviour, report: PeerReport | undefined, usualBytes: number): Verdict {
  if (report === undefined) return { is: 'not run', why: 'cannot be told to do that' };
  const { leaks, elsewhere, code, said, peakBytes, wasMet } = report;
  if (!wasMet) return { is: 'not run', why: 'never came to it' };
  const { asksElsewhere = 'never', mayKnow, expect } = behaviour;
  const serious = mayKnow === 'any-port' ? leaks.filter((leak) => !leak.includes('https://registry.')) : leaks;
  if (serious.length > 0) return { is: 'unsound', why: `secret to ${serious.join(', ')}` };
  if (asksElsewhere === 'never' && elsewhere.length > 0) return { is: 'unsound', why: `asked ${elsewhere.join(', ')}` };
  if (/^(?:panic|fatal error|goroutine \d)/m.test(said)) return { is: 'unsound', why: 'crashed' };
  const growth = peakBytes - usualBytes;
  if (growth > GROWTH_BYTES) return { is: 'unsound', why: `${Math.round(growth / 1024 / 1024)} MiB more memory` };
  // Some ask again and again, with pauses, which is no fault by itself; to go on reading is one.
  const unended = `not done after ${LIMIT_MS / 1000} s`;
  if (code === undefined) return { is: behaviour.threat === 'too-much' ? 'unsound' : 'lenient', why: unended };
  if (code !== 0 || expect.includes('success')) return { is: 'sound', why: '' };
  if (HARMLESS_TO_READ.has(behaviour.threat)) return { is: 'lenient', why: 'read it' };
  return { is: 'unsound', why: 'accepted it' };
}
