import { isDigest, quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { JsonError, describeJson, objectMembers, parseJson } from '../signing/index.ts';
import type { JsonValue } from '../signing/index.ts';
import { TrustError } from './error.ts';
import { digestOfManifest } from './manifest-digest.ts';

/** One entry of an index. */
export interface IndexEntry {
  readonly digest: Digest;
  readonly platform?: string;
}

/** What a judgement needs to know of a manifest. */
export type ManifestKind =
  { readonly kind: 'image' } | { readonly kind: 'index'; readonly entries: readonly IndexEntry[] };

const INDEX_TYPES = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const IMAGE_TYPES = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);

/**
 * Checks that bytes have the digest they were asked for by: a registry may send anything.
 * @throws TrustError `content-mismatch`, or `manifest-unsupported` where no digest can be told.
 */
export function verifyManifestDigest(bytes: Uint8Array, expected: Digest): void {
  const received = digestOfManifest(bytes);
  if (received === expected) return;
  throw new TrustError('content-mismatch', `manifest ${expected}: received bytes of digest ${received}`);
}

/**
 * Tells from the content, as readers do, whether a manifest is an image or an index. Content that can be read as both
 * is refused.
 * @throws TrustError `manifest-unsupported`.
 */
export function readManifest(bytes: Uint8Array, digest: Digest): ManifestKind {
  try {
    const members = objectMembers(parseJson(bytes), 'manifest');
    const type = textOf(members.get('mediaType'));
    const isIndex = members.has('manifests');
    if (isIndex && (members.has('layers') || members.has('config'))) {
      throw new JsonError('it has both manifests and layers; expected an image or an index');
    }
    if (members.has('fsLayers') || members.has('history')) throw new JsonError('it is of schema version 1, expected 2');
    if (type !== undefined && (isIndex ? IMAGE_TYPES : INDEX_TYPES).has(type)) {
      throw new JsonError(`its mediaType ${type} contradicts its content`);
    }
    return isIndex ? { kind: 'index', entries: readEntries(members.get('manifests')) } : { kind: 'image' };
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new TrustError('manifest-unsupported', `manifest ${digest} refused: ${cause.message}`, { cause });
  }
}

function readEntries(value: JsonValue | undefined): IndexEntry[] {
  if (value?.kind !== 'array') throw new JsonError(`manifests: expected an array, received ${describeJson(value)}`);
  return value.items.map((item, index) => {
    const members = objectMembers(item, `manifests[${index}]`);
    const digest = textOf(members.get('digest'));
    if (!isDigest(digest)) throw new JsonError(`manifests[${index}].digest: ${quote(digest)} is not a digest`);
    const platform = readPlatform(members.get('platform'));
    return { digest, ...(platform !== undefined && { platform }) };
  });
}

function readPlatform(value: JsonValue | undefined): string | undefined {
  if (value?.kind !== 'object') return undefined;
  const members = objectMembers(value, 'platform');
  const parts = ['os', 'architecture', 'variant'].map((name) => textOf(members.get(name)));
  return parts.filter((part) => part !== undefined && part !== '').join('/') || undefined;
}

function textOf(value: JsonValue | undefined): string | undefined {
  return value?.kind === 'string' ? value.value : undefined;
}
