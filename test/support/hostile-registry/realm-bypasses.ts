/** Ways around a check of the realm: names that resolve to somewhere else, and good token servers that lead on. */
import { behaviours, fill } from './behaviour.ts';
import type { Answer, Behaviour, BehaviourDraft } from './behaviour.ts';
import { NO_ANSWER, realm } from './realm.ts';

/** The same for a client that has no credential, and might go where one with a credential must not. */
function withAndWithout(draft: BehaviourDraft): readonly BehaviourDraft[] {
  const name = `${draft.name}-anonymous`;
  return [draft, { ...draft, name, does: `${draft.does}, to a client without credential`, credential: 'none' }];
}

const NAMES = [
  ['metadata', "the address of a cloud's secrets"],
  ['loopback', 'this machine'],
  ['mapped', 'this machine, as an IPv4 address inside an IPv6 one'],
  ['mixed', 'a public address and this machine'],
  ['zero', '0.0.0.0'],
  ['link', 'a link-local IPv6 address'],
] as const;

const BYPASSES = [
  ...NAMES.flatMap(([label, what]) =>
    withAndWithout(
      realm(`name-${label}`, `https://{name:${label}}/token`, `a name that resolves to ${what}`, { needsNames: true }),
    ),
  ),
  realm(
    'name-rebinding',
    'https://{name:rebinding}/token',
    'a name that resolves to a public address once, then to this machine',
    {
      needsNames: true,
      credential: 'none',
      asksElsewhere: 'without-credential',
      // Whoever asks again resolves again.
      elsewhere: ({ cut }) => cut(),
    },
  ),
  realm(
    'attacker-plain-anonymous',
    'http://{attacker}/token',
    'another host over http, to a client without credential',
    {
      credential: 'none',
    },
  ),
  ...[301, 302, 303, 307, 308].map((status): BehaviourDraft => ({
    name: `token-redirect-${status}`,
    auth: 'bearer',
    does: `its token server answers ${status} with a Location at another host`,
    probes: ['manifest'],
    at: ['token'],
    answer: ({ reply }, { stage }) => reply(status, { location: fill('https://{attacker}/token', stage) }),
  })),
  ...['http://{registry}/token', 'https://{registryName}:{port}/token', 'http://169.254.169.254:{port}/token'].map(
    (location, index): BehaviourDraft => ({
      name: `token-redirect-${['downgrade', 'port', 'metadata'][index] ?? ''}`,
      auth: 'bearer',
      credential: 'identity-token',
      needsNames: index === 2,
      does: `its token server leads a client with an identity token to ${location}`,
      probes: ['manifest'],
      at: ['token'],
      answer: ({ reply }, { stage }) => reply(307, { location: fill(location, stage) }),
    }),
  ),
  {
    name: 'realm-changes',
    auth: 'bearer' as const,
    does: 'names another host as realm once the client has authenticated, for lack of scope',
    probes: ['manifest'] as const,
    at: ['manifest'] as const,
    answer: (({ reply }, { stage }) => {
      const challenge =
        'Bearer realm="https://{attacker}/token",error="insufficient_scope",scope="repository:x/y:pull"';
      reply(401, { 'www-authenticate': fill(challenge, stage) });
    }) satisfies Answer,
  },
];

export const REALM_BYPASSES: readonly Behaviour[] = behaviours(
  { threat: 'realm-bypass', auth: 'bearer', sound: 'connects to nothing but the registry', expect: NO_ANSWER },
  BYPASSES,
);
