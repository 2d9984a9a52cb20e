/** A registry that serves something else than what was asked for, and layers that are somewhere else. */
import { behaviours, fill, say, serving } from './behaviour.ts';
import type { Answer, Behaviour, BehaviourDraft } from './behaviour.ts';
import { BULK, MANIFEST, MANIFEST_TYPE, OTHER_MANIFEST, SMALL, descriptorOf, manifestOf } from './content.ts';

const OTHER_BYTES: readonly BehaviourDraft[] = [
  {
    name: 'other-manifest-for-digest',
    does: 'serves another manifest for a digest, and names the digest that was asked for',
    probes: ['manifest-by-digest'],
    at: ['manifest'],
    answer: serving(OTHER_MANIFEST, MANIFEST.digest),
  },
  {
    name: 'other-manifest-without-header',
    does: 'serves another manifest for a digest, and names none',
    probes: ['manifest-by-digest'],
    at: ['manifest'],
    answer: say(200, { 'content-type': MANIFEST_TYPE }, OTHER_MANIFEST.bytes),
  },
  {
    name: 'head-then-get',
    does: 'names one manifest to HEAD and serves another one to GET',
    probes: ['manifest-by-digest'],
    at: ['manifest'],
    answer: ({ request, reply }) =>
      request.method === 'HEAD'
        ? reply(200, { 'content-type': MANIFEST_TYPE, 'docker-content-digest': MANIFEST.digest }, MANIFEST.bytes)
        : reply(200, { 'content-type': MANIFEST_TYPE, 'docker-content-digest': MANIFEST.digest }, OTHER_MANIFEST.bytes),
  },
  {
    name: 'manifest-with-a-space-more',
    does: 'serves the manifest with a space behind it',
    probes: ['manifest-by-digest'],
    at: ['manifest'],
    answer: serving(
      { bytes: Buffer.concat([MANIFEST.bytes, Buffer.from(' ')]), mediaType: MANIFEST_TYPE },
      MANIFEST.digest,
    ),
  },
  {
    name: 'other-child',
    does: 'serves a proper index, and another manifest for its child',
    probes: ['tree'],
    at: ['manifest'],
    answer: (exchange, service) =>
      exchange.request.target.includes('sha256')
        ? serving(OTHER_MANIFEST, MANIFEST.digest)(exchange, service)
        : service.proper(),
  },
  ...(['blob', 'bulk-blob'] as const).map((probe): BehaviourDraft => ({
    name: `other-${probe}`,
    does: `serves other bytes of the same length for a ${probe}`,
    probes: [probe],
    at: ['blob'],
    answer: ({ reply }) => reply(200, {}, Buffer.alloc((probe === 'blob' ? SMALL : BULK).bytes.length, 1)),
  })),
];

/** An image whose layer is said to be at another host. */
function layerElsewhere(mediaType: string): Answer {
  return (exchange, service) => {
    const urls = [fill('https://{attacker}/layer', service.stage)];
    const made = manifestOf([SMALL], { layers: [{ ...descriptorOf(SMALL), mediaType, urls }] });
    return serving(made, made.digest)(exchange, service);
  };
}

const FOREIGN: readonly BehaviourDraft[] = [
  {
    name: 'foreign-layer',
    does: 'has a layer that is to be fetched from another host, which asks for a password',
    probes: ['tree'],
    at: ['manifest'],
    answer: layerElsewhere('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'),
  },
  {
    name: 'urls-on-a-plain-layer',
    does: 'names another host as the source of a layer that is not foreign',
    probes: ['tree'],
    at: ['manifest'],
    answer: layerElsewhere(SMALL.mediaType),
  },
];

export const LIES: readonly Behaviour[] = [
  ...behaviours(
    { threat: 'lying-digest', sound: 'hashes the bytes and refuses them', expect: ['content-mismatch'] },
    OTHER_BYTES,
  ),
  ...behaviours({ threat: 'foreign-layer', sound: 'never goes there', expect: ['success'] }, FOREIGN),
];
