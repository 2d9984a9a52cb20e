import { readEdges } from './edges/read-edges.ts';
import type { Random } from './random.ts';
import { REFERENCE_EDGES, SHA256, randomReference } from './reference-texts.ts';

type Group = 'document' | 'bytes' | 'docker' | 'requirement' | 'signedBy' | 'sigstoreSigned' | 'transports' | 'scopes';

const EDGES = readEdges('policies') as Readonly<Record<Group, readonly string[]>>;
const REJECT = '[{"type":"reject"}]';
const inDefault = (requirement: string): string => `{"default":[${requirement}]}`;
const inTransport = (name: string, scopes: string): string =>
  `{"default":${REJECT},"transports":{${JSON.stringify(name)}:${scopes}}}`;
const signedBy = (members: string): string => inDefault(`{"type":"signedBy","keyType":"GPGKeys",${members}}`);
const identity = (members: string): string => signedBy(`"keyPath":"/k","signedIdentity":{${members}}`);

/** What a rule of policy.json turns on: written by hand, every scope with every transport, every reference in an identity. */
export const POLICY_EDGES: readonly (string | Buffer)[] = [
  ...EDGES.document,
  ...EDGES.bytes.map((base64) => Buffer.from(base64, 'base64')),
  ...EDGES.docker.map((scopes) => inTransport('docker', scopes)),
  ...EDGES.requirement.map(inDefault),
  ...EDGES.signedBy.map(signedBy),
  ...EDGES.sigstoreSigned.map((members) => inDefault(`{"type":"sigstoreSigned",${members}}`)),
  ...EDGES.transports.flatMap((name) =>
    EDGES.scopes.map((scope) => inTransport(name, `{${JSON.stringify(scope)}:${REJECT}}`)),
  ),
  ...[...REFERENCE_EDGES, null].flatMap((reference) => {
    const text = JSON.stringify(reference);
    return [
      identity(`"type":"exactReference","dockerReference":${text}`),
      identity(`"type":"exactRepository","dockerRepository":${text}`),
      identity(`"type":"remapIdentity","prefix":${text},"signedPrefix":"r.example.com"`),
    ];
  }),
  inDefault(`${'['.repeat(9000)}${']'.repeat(9000)}`),
];

/** A whole policy; once in `wrong` times (0: never) something about a part of it is not as it should be. */
export function policyText(random: Random, wrong: number): string {
  const transports = Array.from({ length: random.below(3) }, () => {
    const name = random.pick([
      'docker',
      'docker',
      'docker',
      'atomic',
      'dir',
      'oci',
      'docker-daemon',
      'containers-storage',
      'x',
    ]);
    return `${JSON.stringify(name)}:${odd(random, wrong) ?? `{${scopesText(random, wrong)}}`}`;
  });
  const members = [`"default":${listText(random, wrong)}`];
  if (transports.length > 0) members.push(`"transports":${odd(random, wrong) ?? `{${transports.join(',')}}`}`);
  return objectText(random, wrong, members);
}

/** A list of requirements. */
export function listText(random: Random, wrong: number): string {
  const items = Array.from({ length: 1 + random.below(3) }, () => requirementText(random, wrong));
  return odd(random, wrong) ?? `[${items.join(',')}]`;
}

/** One requirement. */
export function requirementText(random: Random, wrong: number): string {
  const kind = random.pick([
    'insecureAcceptAnything',
    'reject',
    'signedBaseLayer',
    'signedBy',
    'signedBy',
    'sigstoreSigned',
    'sigstoreSigned',
  ]);
  const members = [`"type":${odd(random, wrong) ?? `"${kind}"`}`];
  if (kind === 'signedBaseLayer') members.push(`"baseLayerIdentity":${identityText(random, wrong)}`);
  if (kind === 'signedBy')
    members.push(
      `"keyType":${odd(random, wrong) ?? '"GPGKeys"'}`,
      sourceText(random, wrong, ['keyPath', 'keyPaths', 'keyData']),
    );
  if (kind === 'sigstoreSigned') members.push(...sigstoreMembers(random, wrong));
  if (kind.startsWith('signedBy') || kind === 'sigstoreSigned') {
    if (random.oneIn(2)) members.push(`"signedIdentity":${identityText(random, wrong)}`);
  }
  return odd(random, wrong) ?? objectText(random, wrong, members);
}

/** An identity. */
export function identityText(random: Random, wrong: number): string {
  const reference = (): string =>
    odd(random, wrong) ?? JSON.stringify(random.oneIn(3) ? randomReference(random) : 'r.example.com/a:1');
  const prefix = (): string =>
    odd(random, wrong) ??
    JSON.stringify(
      random.pick([
        'r.example.com',
        'r.example.com:5/a',
        'busybox',
        'a/b',
        'R.e/a_b',
        'r.e/',
        'r.e/a:1',
        '',
        'r.e/A',
        'r.e:/a',
        'a_b/c',
        'a_b',
      ]),
    );
  const kind = random.pick([
    'matchExact',
    'matchRepoDigestOrExact',
    'matchRepository',
    'exactReference',
    'exactRepository',
    'remapIdentity',
  ]);
  const members = [`"type":${odd(random, wrong) ?? `"${kind}"`}`];
  if (kind === 'exactReference') members.push(`"dockerReference":${reference()}`);
  if (kind === 'exactRepository') members.push(`"dockerRepository":${reference()}`);
  if (kind === 'remapIdentity') members.push(`"prefix":${prefix()}`, `"signedPrefix":${prefix()}`);
  return odd(random, wrong) ?? objectText(random, wrong, members);
}

function sigstoreMembers(random: Random, wrong: number): string[] {
  const rekor = ['rekorPublicKeyPath', 'rekorPublicKeyPaths', 'rekorPublicKeyData', 'rekorPublicKeyDatas'];
  const source = random.below(3);
  if (source === 0) {
    const ca = sourceText(random, wrong, ['caPath', 'caData']);
    const fulcio = objectText(random, wrong, [
      ca,
      `"oidcIssuer":${odd(random, wrong) ?? '"i"'}`,
      `"subjectEmail":${odd(random, wrong) ?? '"e"'}`,
    ]);
    return [`"fulcio":${fulcio}`, ...(random.oneIn(8) ? [] : [sourceText(random, wrong, rekor)])];
  }
  if (source === 1) {
    const roots = sourceText(random, wrong, ['caRootsPath', 'caRootsData']);
    const more = random.some([
      sourceText(random, wrong, ['caIntermediatesPath', 'caIntermediatesData']),
      '"subjectEmail":"e"',
      '"subjectHostname":"h"',
      '"subjectEmail":""',
    ]);
    return [
      `"pki":${objectText(random, wrong, [roots, ...more])}`,
      ...(random.oneIn(8) ? [sourceText(random, wrong, rekor)] : []),
    ];
  }
  return [
    sourceText(random, wrong, ['keyPath', 'keyPaths', 'keyData', 'keyDatas']),
    ...(random.oneIn(3) ? [sourceText(random, wrong, rekor)] : []),
  ];
}

/** One of the members, seldom two of them, with a value of its type. */
function sourceText(random: Random, wrong: number, names: readonly string[]): string {
  const one = (): string => {
    const name = random.pick(names);
    const text = name.includes('Data') ? random.pick(['"QUJD"', '"QQ=="', '""']) : '"/k"';
    const value = /s$/.test(name) ? `[${Array.from({ length: random.below(3) }, () => text).join(',')}]` : text;
    return `"${name}":${odd(random, wrong) ?? value}`;
  };
  return wrong > 0 && random.oneIn(wrong) ? `${one()},${one()}` : one();
}

function scopesText(random: Random, wrong: number): string {
  const scopes = Array.from({ length: random.below(4) }, () =>
    random.pick(['', '/a', '/a/b', 'r.example.com', 'r.example.com/a:1', '*.example.com', '[/s]x', 'a/', SHA256, '..']),
  );
  return [...new Set(scopes)].map((scope) => `${JSON.stringify(scope)}:${listText(random, wrong)}`).join(',');
}

function objectText(random: Random, wrong: number, members: readonly string[]): string {
  const written = random.shuffled(members);
  if (wrong > 0 && random.oneIn(wrong)) {
    const again = written[0] ?? '"type":1';
    written.push(
      random.pick([
        again,
        '"x":1',
        '"":null',
        again.replace(/^"(.)/, (_, first: string) => `"\\u00${first.charCodeAt(0).toString(16)}`),
        again.replace(/^"(.)/, (_, first: string) => `"${first.toUpperCase()}`),
      ]),
    );
  }
  if (wrong > 0 && random.oneIn(wrong)) written.splice(random.below(written.length), 1);
  return `{${written.join(random.oneIn(4) ? ' ,\n' : ',')}}`;
}

/** A value of any type but the wanted one, or undefined. */
function odd(random: Random, wrong: number): string | undefined {
  if (wrong === 0 || !random.oneIn(wrong)) return undefined;
  return random.pick([
    'null',
    '""',
    '[]',
    '{}',
    '1',
    'true',
    '"x"',
    '[null]',
    '[""]',
    '[1]',
    '{"type":"reject"}',
    '["QUJD"]',
    '0.5',
    '"\\ud800"',
  ]);
}
