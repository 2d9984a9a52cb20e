/** A registry whose documents are not what they are said to be. */
import { behaviours, serving } from './behaviour.ts';
import type { Behaviour, BehaviourDraft } from './behaviour.ts';
import { INDEX, INDEX_TYPE, MANIFEST, MANIFEST_TYPE, SMALL, descriptorOf, piece } from './content.ts';

const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';

function document(
  name: string,
  does: string,
  content: string | Buffer | object,
  mediaType = MANIFEST_TYPE,
): BehaviourDraft {
  const text = typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content);
  const made = piece(text, mediaType);
  return { name, does, probes: ['manifest'], at: ['manifest'], answer: serving(made, made.digest) };
}

const whole = JSON.parse(MANIFEST.bytes.toString()) as Record<string, unknown>;
const index = JSON.parse(INDEX.bytes.toString()) as Record<string, unknown>;
const layer = (changes: Record<string, unknown>): object => ({
  ...whole,
  layers: [{ ...descriptorOf(SMALL), ...changes }],
});

const AMBIGUOUS: readonly BehaviourDraft[] = [
  document('layers-and-manifests', 'serves a document with both layers and manifests as an image', {
    ...whole,
    manifests: index['manifests'],
  }),
  document('manifests-and-layers', 'serves the same as an index', { ...index, layers: whole['layers'] }, INDEX_TYPE),
  document('manifests-and-config', 'serves an index with a config', { ...index, config: whole['config'] }, INDEX_TYPE),
  document('upper-case-manifests', 'writes Manifests beside layers, which Go reads alike', {
    ...whole,
    Manifests: index['manifests'],
  }),
  document(
    'kelvin-sign',
    'writes a member with letters that fold to layers',
    {
      ...index,
      layerſ: whole['layers'],
    },
    INDEX_TYPE,
  ),
  document('media-type-disagrees', 'serves an image whose mediaType is that of an index', {
    ...whole,
    mediaType: INDEX_TYPE,
  }),
  document('content-type-disagrees', 'serves an image as an index', MANIFEST.bytes, INDEX_TYPE),
  document('content-type-list', 'serves an OCI index as a Docker list', INDEX.bytes, DOCKER_LIST),
  document('neither', 'serves a document with neither layers nor manifests', {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
  }),
  document('duplicate-member', 'names layers twice', `${MANIFEST.bytes.toString().slice(0, -1)},"layers":[]}`),
  document(
    'duplicate-digest',
    'names a digest twice',
    MANIFEST.bytes.toString().replace('"size":', `"digest":"sha256:${'0'.repeat(64)}","size":`),
  ),
  document('not-json', 'serves a page for people', '<html>sign in</html>'),
  document(
    'no-utf8',
    'serves bytes that are no UTF-8',
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), MANIFEST.bytes.subarray(1)]),
  ),
  document('byte-order-mark', 'begins with a byte order mark', `\ufeff${MANIFEST.bytes.toString()}`),
  document('null', 'serves null', 'null'),
  document('deep', 'nests 100,000 arrays', `{"schemaVersion":2,"layers":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  document('prototype', 'names __proto__ as what layers inherit from', `{"schemaVersion":2,"__proto__":{"layers":[]}}`),
  document(
    'schema-1',
    'serves Docker schema 1',
    { schemaVersion: 1, fsLayers: [] },
    'application/vnd.docker.distribution.manifest.v1+prettyjws',
  ),
];

const STRINGS: readonly BehaviourDraft[] = [
  ...(
    [
      ['traversal', 'sha256:../../../../etc/passwd'],
      ['upper-case', `sha256:${'A'.repeat(64)}`],
      ['short', 'sha256:abc'],
      ['unknown', `md5:${'a'.repeat(32)}`],
      ['nul', `sha256:${'a'.repeat(63)}\0`],
      ['escaped', `sha256:${'a'.repeat(61)}%2f`],
      ['url', 'https://{attacker}/x'],
      ['query', `sha256:${'a'.repeat(64)}?x=1`],
      ['space', ` sha256:${'a'.repeat(64)}`],
    ] as const
  ).map(([name, digest]) =>
    document(`layer-digest-${name}`, `names a layer by ${JSON.stringify(digest).slice(0, 40)}`, layer({ digest })),
  ),
  document('config-digest-traversal', 'names the config by a path', {
    ...whole,
    config: { ...descriptorOf(SMALL), digest: 'sha256:../..' },
  }),
  document(
    'child-digest-traversal',
    'names a child by a path',
    {
      ...index,
      manifests: [{ ...descriptorOf(MANIFEST), digest: '../../../v2/other/manifests/1' }],
    },
    INDEX_TYPE,
  ),
  document('digest-number', 'names a layer by a number', layer({ digest: 1 })),
  ...[-1, 1.5, 9e99, '10', null].map((size, at) =>
    document(
      `layer-size-${['negative', 'fraction', 'beyond', 'text', 'null'][at] ?? ''}`,
      `gives a layer the size ${String(size)}`,
      layer({ size }),
    ),
  ),
];

const manyChildren = Array.from({ length: 1001 }, (_, at) => descriptorOf(piece(String(at), MANIFEST_TYPE)));

export const MANIFESTS: readonly Behaviour[] = [
  ...behaviours(
    { threat: 'ambiguous-manifest', sound: 'refuses the document', expect: ['manifest-unsupported'] },
    AMBIGUOUS,
  ),
  ...behaviours(
    {
      threat: 'digest-strings',
      sound: 'refuses the document, asks for nothing more',
      expect: ['manifest-unsupported'],
    },
    STRINGS,
  ),
  ...behaviours(
    { threat: 'too-much', sound: 'refuses before it fetches', expect: ['manifest-unsupported'], probes: ['tree'] },
    [
      {
        ...document(
          'too-many-children',
          'serves an index of 1,001 manifests',
          { ...index, manifests: manyChildren },
          INDEX_TYPE,
        ),
        probes: ['tree'],
      },
    ],
  ),
];
