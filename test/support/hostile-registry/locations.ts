/** A registry that sends clients on: by redirects, and by the Location of an upload. */
import { behaviours, fill, leadTo } from './behaviour.ts';
import type { Behaviour, BehaviourDraft, Endpoint, Probe } from './behaviour.ts';
import { MANIFEST, SMALL } from './content.ts';

const REFUSED = ['registry-refused', 'access-denied'] as const;
const LOST = [...REFUSED, 'registry-unavailable', 'image-unknown'] as const;

/** Where a Location leads, and whether a sound client may follow it without its credential. */
const PLACES: readonly (readonly [string, string, Partial<Behaviour>])[] = [
  ['other-host', 'https://{attacker}/elsewhere', { asksElsewhere: 'without-credential' }],
  ['other-port', 'https://{registryName}:{port}/elsewhere', { asksElsewhere: 'without-credential' }],
  ['downgrade', 'http://{registry}/elsewhere', {}],
  ['downgrade-other-host', 'http://{attacker}/elsewhere', {}],
  ['userinfo', 'https://{registryName}@{attacker}/elsewhere', {}],
  ['userinfo-own', 'https://user:word@{registry}/elsewhere', {}],
  ['protocol-relative', '//{attacker}/elsewhere', { asksElsewhere: 'without-credential' }],
  ['backslashes', '\\\\{attacker}\\elsewhere', { asksElsewhere: 'without-credential' }],
  ['metadata', 'https://169.254.169.254:{port}/latest/meta-data', { needsNames: true }],
  ['metadata-mapped', 'https://[::ffff:a9fe:a9fe]:{port}/latest', { needsNames: true }],
  ['loopback', 'https://127.0.0.1:{port}/elsewhere', { needsNames: true }],
  ['any', 'https://0.0.0.0:{port}/elsewhere', { needsNames: true }],
  ['name-metadata', 'https://{name:metadata}/elsewhere', { needsNames: true }],
  ['name-mixed', 'https://{name:mixed}/elsewhere', { needsNames: true }],
  ['file', 'file:///etc/passwd', {}],
  ['javascript', 'javascript:alert(1)', {}],
  ['data', 'data:application/json,{}', {}],
  ['no-url', 'https://[', {}],
  ['empty-host', 'https://:443/', {}],
  ['huge', `https://{attacker}/${'a'.repeat(64 * 1024)}`, {}],
];

/** The way to a blob is the same as to a manifest: a sample is enough. */
const OF_BLOBS = new Set(['other-host', 'other-port', 'downgrade', 'userinfo', 'metadata', 'name-mixed', 'file']);

const SOURCES: readonly (readonly [Endpoint, Probe])[] = [
  ['manifest', 'manifest'],
  ['blob', 'blob'],
];

const REDIRECTS: readonly BehaviourDraft[] = [
  ...SOURCES.flatMap(([endpoint, probe]) =>
    PLACES.filter(([name]) => endpoint === 'manifest' || OF_BLOBS.has(name)).map(
      ([name, location, more]): BehaviourDraft => ({
        name: `redirect-${endpoint}-${name}`,
        does: `redirects a ${endpoint} to ${location.slice(0, 60)}`,
        probes: [probe],
        at: [endpoint],
        answer: leadTo(location),
        ...more,
      }),
    ),
  ),
  ...(
    [
      ['bulk-blob', 'blob'],
      ['has-blob', 'blob'],
      ['has-manifest', 'manifest'],
      ['referrers', 'referrers'],
      ['signatures', 'signatures'],
      ['lookaside', 'lookaside'],
    ] as const
  ).map(([probe, endpoint]): BehaviourDraft => ({
    name: `redirect-${probe}-other-host`,
    does: `redirects a client that asks for ${probe} to another host`,
    probes: [probe],
    at: [endpoint],
    answer: leadTo('https://{attacker}/elsewhere'),
    asksElsewhere: 'without-credential',
    expect: [...LOST, 'not-served'],
  })),
  ...([301, 302, 303, 308] as const).map((status): BehaviourDraft => ({
    name: `redirect-manifest-${status}`,
    does: `redirects a manifest to another host with ${status}`,
    probes: ['manifest'],
    at: ['manifest'],
    answer: leadTo('https://{attacker}/elsewhere', status),
    asksElsewhere: 'without-credential',
  })),
  ...(
    [
      ['put-manifest', 'put-manifest'],
      ['open-upload', 'upload'],
      ['upload', 'upload'],
      ['delete-manifest', 'delete-tag'],
    ] as const
  ).map(([endpoint, probe]): BehaviourDraft => ({
    name: `redirect-${endpoint}`,
    does: `redirects ${endpoint} to another host with 307, which keeps method and body`,
    probes: [probe],
    at: [endpoint],
    answer: leadTo('https://{attacker}/elsewhere'),
    asksElsewhere: 'without-credential',
  })),
  {
    name: 'redirect-loop',
    does: 'redirects a manifest to itself',
    probes: ['manifest'],
    at: ['manifest'],
    answer: ({ request, reply }) => reply(302, { location: request.target }),
  },
  {
    name: 'redirect-chain',
    does: 'redirects a manifest to ever longer names',
    probes: ['manifest'],
    at: ['manifest'],
    answer: ({ request, reply }) => reply(302, { location: `${request.target}x` }),
  },
  {
    name: 'redirect-there-and-back',
    does: 'redirects a manifest to another host, which redirects it back, where only the credential helps',
    probes: ['manifest'],
    at: ['manifest'],
    answer: leadTo('https://{attacker}/back'),
    elsewhere: ({ reply }, { stage }) => reply(302, { location: fill('https://{registry}/v2/x/manifests/1', stage) }),
    asksElsewhere: 'without-credential',
  },
  {
    name: 'redirect-without-location',
    does: 'redirects a manifest nowhere',
    probes: ['manifest'],
    at: ['manifest'],
    answer: ({ reply }) => reply(307),
  },
  {
    name: 'redirect-asks-for-password',
    does: 'redirects a blob to a host that asks for a password, and names itself as realm',
    probes: ['blob'],
    at: ['blob'],
    answer: leadTo('https://{attacker}/elsewhere'),
    elsewhere: ({ reply }, { stage }) =>
      reply(401, { 'www-authenticate': fill('Bearer realm="https://{registry}/token",service="registry"', stage) }),
    asksElsewhere: 'without-credential',
  },
];

const GOOD_REDIRECTS: readonly BehaviourDraft[] = [
  {
    name: 'redirect-blob-storage',
    does: 'redirects a blob to another host that has it, as cloud registries do',
    probes: ['blob'],
    at: ['blob'],
    answer: leadTo('https://{attacker}/storage?signature=a%2Bb'),
    elsewhere: ({ reply }) => reply(200, {}, SMALL.bytes),
  },
  {
    name: 'redirect-manifest-storage',
    does: 'redirects a manifest to another host that has it',
    probes: ['manifest-by-digest'],
    at: ['manifest'],
    answer: leadTo('https://{attacker}/storage'),
    elsewhere: ({ reply }) => reply(200, { 'content-type': MANIFEST.mediaType }, MANIFEST.bytes),
  },
];

const UPLOADS: readonly BehaviourDraft[] = [
  ...PLACES.map(([name, location, more]): BehaviourDraft => ({
    name: `upload-location-${name}`,
    does: `opens an upload at ${location.slice(0, 60)}`,
    probes: ['upload'],
    at: ['open-upload'],
    answer: leadTo(location, 202),
    ...more,
  })),
  ...(['other-host', 'other-port', 'downgrade', 'userinfo'] as const).map((name): BehaviourDraft => {
    const [, location = '', more = {}] = PLACES.find(([one]) => one === name) ?? [];
    return {
      name: `bulk-upload-location-${name}`,
      does: `opens an upload for a large blob at ${location.slice(0, 60)}`,
      probes: ['bulk-upload'],
      at: ['open-upload'],
      answer: leadTo(location, 202),
      ...more,
    };
  }),
  {
    name: 'upload-location-missing',
    does: 'opens an upload without Location',
    probes: ['upload'],
    at: ['open-upload'],
    answer: ({ reply }) => reply(202),
  },
  {
    name: 'upload-location-twice',
    does: 'opens an upload with two Locations, the first at another host',
    probes: ['upload'],
    at: ['open-upload'],
    answer: ({ reply }, { stage }) =>
      reply(202, {
        location: ['https://{attacker}/elsewhere', '/v2/x/blobs/uploads/1'].map((one) => fill(one, stage)),
      }),
    asksElsewhere: 'without-credential',
    expect: [...LOST, 'success'],
  },
  {
    name: 'upload-asks-for-password-elsewhere',
    does: 'opens an upload at another host, which answers 401 and names itself as realm',
    probes: ['upload'],
    at: ['open-upload'],
    answer: leadTo('https://{attacker}/elsewhere', 202),
    elsewhere: ({ reply }, { stage }) =>
      reply(401, { 'www-authenticate': fill('Bearer realm="https://{attacker}/token"', stage) }),
    asksElsewhere: 'without-credential',
  },
];

const GOOD_UPLOADS: readonly BehaviourDraft[] = [
  ['relative', '../uploads/1?state=a%2Bb~+c'],
  ['traversal', '/v2/x/../../../../../../v2/x/blobs/uploads/1'],
  ['fragment', '/v2/x/blobs/uploads/1?state=1#https://{attacker}/'],
].map(([name = '', location = '']) => ({
  name: `upload-location-${name}`,
  does: `opens an upload at ${location}`,
  probes: ['upload'],
  at: ['open-upload'],
  answer: leadTo(location, 202),
}));

export const LOCATIONS: readonly Behaviour[] = [
  ...behaviours(
    { threat: 'redirect', sound: 'shows its credential to nobody else, or refuses', expect: LOST },
    REDIRECTS,
  ),
  ...behaviours(
    {
      threat: 'redirect',
      sound: 'follows without its credential, and checks what it gets',
      expect: ['success'],
      asksElsewhere: 'without-credential',
    },
    GOOD_REDIRECTS,
  ),
  ...behaviours(
    { threat: 'upload-location', sound: 'sends the blob without its credential, or refuses', expect: LOST },
    UPLOADS,
  ),
  ...behaviours({ threat: 'upload-location', sound: 'stays with the registry', expect: ['success'] }, GOOD_UPLOADS),
];
