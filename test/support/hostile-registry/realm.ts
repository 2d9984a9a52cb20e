import type { Behaviour, BehaviourDraft } from './behaviour.ts';

/** What comes of a realm that gets no credential. */
export const NO_ANSWER = ['registry-refused', 'access-denied', 'configuration-invalid'] as const;

/** A realm, and what is special about it. */
export function realm(name: string, url: string, does: string, more: Partial<Behaviour> = {}): BehaviourDraft {
  const challenges = [`Bearer realm="${url}",service="registry"`];
  return { name: `realm-${name}`, does: `names as realm ${does}`, probes: ['manifest'], challenges, ...more };
}
