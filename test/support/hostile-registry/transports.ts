/** A registry that cannot prove that it is the one. */
import { behaviours } from './behaviour.ts';
import type { Behaviour, BehaviourDraft } from './behaviour.ts';

const WAYS = [
  ['unknown-authority', 'has a certificate of an authority that nobody knows'],
  ['other-name', 'has a good certificate for another name'],
  ['plain', 'answers TLS with plain HTTP'],
  ['garbage', 'answers TLS with garbage'],
  ['silent', 'never answers TLS'],
] as const;

const DRAFTS = WAYS.map(([tls, does]): BehaviourDraft => ({
  name: `tls-${tls}`,
  does,
  probes: ['manifest', 'bulk-blob', 'lookaside'],
  tls,
  // A client that gives TLS up would be served.
  auth: 'none',
  // The raw data path asks again and again.
  ...(tls === 'silent' && { probes: ['manifest'], timeoutMs: 300 }),
}));

export const TRANSPORTS: readonly Behaviour[] = behaviours(
  {
    threat: 'transport-security',
    sound: 'never falls back to plain HTTP',
    expect: ['configuration-invalid', 'registry-unavailable', 'not-served'],
  },
  DRAFTS,
);
