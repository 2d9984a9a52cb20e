/** A registry that names somebody else's server as the one that issues its tokens. */
import { behaviours } from './behaviour.ts';
import type { Answer, Behaviour } from './behaviour.ts';
import { NO_ANSWER, realm } from './realm.ts';

/** What may come of a challenge that can be read in more than one way, as long as no secret goes astray. */
const NO_MATTER = [
  'success',
  'registry-refused',
  'access-denied',
  'configuration-invalid',
  'registry-unavailable',
] as const;
const ISSUED: Answer = ({ reply }) => reply(200, {}, '{"token":"token-of-the-attacker"}');

const ELSEWHERE = [
  realm('attacker', 'https://{attacker}/token', 'another host over https'),
  realm('attacker-plain', 'http://{attacker}/token', 'another host over http'),
  realm('attacker-identity-token', 'https://{attacker}/token', 'another host, for a client with an identity token', {
    credential: 'identity-token',
  }),
  realm('downgrade', 'http://{registry}/token', 'itself over http'),
  realm('other-port', 'https://{registryName}:{port}/token', 'another port of its host', {
    // GitLab has its token server so: whoever holds the host's certificate is taken for the host.
    mayKnow: 'any-port',
  }),
  realm('other-port-plain', 'http://{registryName}:{port}/token', 'another port of its host over http'),
  realm('userinfo', 'https://{registryName}@{attacker}/token', 'another host, its own name before the @'),
  realm('userinfo-port', 'https://{registryName}:443@{attacker}/token', 'another host, itself as user and password'),
  realm('userinfo-slash', 'https://{registryName}%2F@{attacker}/token', 'another host behind an escaped slash and @'),
  realm('backslash', 'https://{attacker}\\\\@{registryName}/token', 'another host before a backslash and @'),
  realm('backslashes', 'https:\\\\\\\\{attacker}\\\\token', 'another host behind backslashes'),
  realm('tab-in-scheme', 'ht\ttps://{attacker}/token', 'another host, a tab inside the scheme'),
  realm('one-slash', 'https:/{attacker}/token', 'another host behind a single slash'),
  realm('upper-case', 'HTTPS://{attacker}/TOKEN/token', 'another host in upper case'),
  realm('fragment', 'https://{attacker}/token#@{registryName}/', 'another host, its own name in the fragment'),
  realm('fragment-host', 'https://{attacker}#{registryName}/token', 'another host that ends at a #'),
  realm('query-host', 'https://{attacker}?{registryName}/token', 'another host that ends at a ?'),
  realm('protocol-relative', '//{attacker}/token', 'a URL without scheme'),
  realm('trailing-dot', 'https://{registryName}./token', 'its own name with a dot behind', { needsNames: true }),
  realm('look-alike', 'https://{registryName}{name:.evil}/token', 'a name that begins with its own', {
    needsNames: true,
  }),
  realm('look-alike-suffix', 'https://evil{registryName}/token', 'a name that ends with its own', { needsNames: true }),
  realm('subdomain', 'https://tokens.{registryName}/token', 'a name below its own', { needsNames: true }),
];

const LOCAL_ADDRESSES = [
  ['mapped-loopback', '[::ffff:127.0.0.1]'],
  ['mapped-loopback-hex', '[::ffff:7f00:1]'],
  ['mapped-metadata', '[::ffff:169.254.169.254]'],
  ['compatible-loopback', '[::127.0.0.1]'],
  ['nat64-metadata', '[64:ff9b::a9fe:a9fe]'],
  ['any', '0.0.0.0'],
  ['any-short', '0'],
  ['any-v6', '[::]'],
  ['loopback', '127.0.0.1'],
  ['loopback-other', '127.255.255.254'],
  ['loopback-v6', '[::1]'],
  ['loopback-decimal', '2130706433'],
  ['loopback-octal', '0177.0.0.01'],
  ['loopback-hex', '0x7f.0x0.0x0.0x1'],
  ['loopback-short', '127.1'],
  ['loopback-escaped', '%31%32%37.0.0.1'],
  ['metadata', '169.254.169.254'],
  ['metadata-decimal', '2852039166'],
  ['metadata-v6', '[fd00:ec2::254]'],
  ['link-local-v6', '[fe80::1]'],
  ['localhost', 'localhost'],
  ['localhost-dot', 'localhost.'],
  ['localhost-below', 'tokens.localhost'],
] as const;

const ADDRESSES = LOCAL_ADDRESSES.map(([name, host]) =>
  realm(`address-${name}`, `https://${host}:{port}/token`, `the address ${host}, to a client without credential`, {
    needsNames: true,
    credential: 'none',
  }),
);

const SCHEMES = [
  ...['javascript:alert(1)', 'file:///etc/passwd', 'data:application/json,{}', 'ftp://{attacker}/token'],
  ...[
    'ws://{attacker}/token',
    'gopher://{attacker}/token',
    'http+unix://%2Fvar%2Frun%2Fx/token',
    'blob:https://{attacker}/token',
  ],
].map((url) => realm(`scheme-${/^[\w+]+/.exec(url)?.[0] ?? ''}`, url, `a URL like ${url.slice(0, 20)}`));

const MALFORMED = [
  realm('relative', '/token', 'a path'),
  realm('empty', '', 'nothing'),
  realm('space', ' ', 'a space'),
  realm('no-host', 'https://', 'a scheme alone'),
  realm('bad-port', 'https://{attackerName}:99999/token', 'a port that does not exist'),
  realm('long', `https://{attacker}/${'a'.repeat(7000)}/token`, 'a URL of 7,000 characters at another host'),
  realm('huge', `https://{attacker}/${'a'.repeat(12_000)}/token`, 'a URL of 12,000 characters at another host'),
  ...[
    ['unquoted', ['Bearer realm=https://{attacker}/token']],
    ['unterminated', ['Bearer realm="https://{attacker}/token']],
    ['duplicate', ['Bearer realm="https://{attacker}/token",realm="https://{registry}/token"']],
    ['two-lines', ['Bearer realm="https://{attacker}/token"', 'Bearer realm="https://{registry}/token"']],
    ['escaped', ['Bearer realm="https:\\/\\/{attacker}\\/token"']],
    ['folded', ['Bearer\r\n realm="https://{attacker}/token"']],
    ['in-service', ['Bearer service="x\\",realm=\\"y",realm="https://{attacker}/token"']],
    ['no-parameters', ['Bearer']],
    ['token68', ['Bearer aHR0cHM6Ly9hdHRhY2tlcg==, realm="https://{attacker}/token"']],
  ].map(([name, challenges]) => ({
    name: `realm-${name as string}`,
    does: `writes the challenge so: ${(challenges as string[]).join(' and ')}`,
    probes: ['manifest'] as const,
    challenges: challenges as string[],
    expect: NO_MATTER,
  })),
];

const HARMLESS = behaviours(
  {
    threat: 'realm',
    auth: 'bearer',
    sound: 'asks its own token server, or refuses; asks nobody else',
    expect: ['success', ...NO_ANSWER],
    probes: ['manifest'],
  },
  [
    realm('own', 'https://{registry}/token', 'itself'),
    realm('own-userinfo', 'https://user:word@{registry}/token', 'itself with user and password'),
    realm('own-dots', 'https://{registry}/v2/../../token', 'itself, with dots in the path'),
    realm('own-fragment', 'https://{registry}/token#@{attacker}', 'itself, another host in the fragment'),
    realm('own-query', 'https://{registry}/token?next=https://{attacker}/token', 'itself, another host in the query'),
    realm('own-line-end', 'https://{registry}/token?%0d%0aHost:%20{attacker}', 'itself, with escaped line ends'),
    {
      name: 'realm-duplicate-own-first',
      does: 'names itself, then another host, in the same challenge',
      probes: ['manifest'],
      challenges: ['Bearer realm="https://{registry}/token",realm="https://{attacker}/token"'],
    },
    {
      name: 'realm-service-injection',
      does: 'puts an account and a scope into the name of its service',
      probes: ['manifest'],
      challenges: ['Bearer realm="https://{registry}/token",service="x&scope=repository:secret:pull&account=root"'],
    },
    {
      name: 'challenge-basic-beside-attacker',
      auth: 'basic',
      does: 'asks for the password, and beside it names another host as realm',
      probes: ['manifest'],
      challenges: ['Basic realm="registry", Bearer realm="https://{attacker}/token"'],
    },
    {
      name: 'challenge-unknown-schemes',
      does: 'offers only Negotiate, NTLM and Digest',
      probes: ['manifest'],
      challenges: ['Negotiate', 'NTLM TlRMTVNTUAAB', 'Digest realm="x",nonce="y"'],
    },
  ],
);

export const REALMS: readonly Behaviour[] = [
  ...behaviours(
    {
      threat: 'realm',
      auth: 'bearer',
      elsewhere: ISSUED,
      sound: 'sends its credential nowhere but to the registry',
      asksElsewhere: 'without-credential',
      expect: NO_ANSWER,
    },
    [...ELSEWHERE, ...MALFORMED],
  ),
  ...behaviours(
    { threat: 'realm', auth: 'bearer', elsewhere: ISSUED, sound: 'connects to nothing', expect: NO_ANSWER },
    [...ADDRESSES, ...SCHEMES],
  ),
  ...HARMLESS,
];
