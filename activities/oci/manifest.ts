import { createHash } from 'node:crypto';
import { parseDigest, quote, splitDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { JsonError, describeJson, parseJson } from '../signing/json.ts';
import type { JsonValue } from '../signing/json.ts';
import { readDescriptor, readItems } from './descriptor.ts';
import type { ChildDescriptor, Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import { manifestMembers, textOf } from './manifest-members.ts';
import { OCI_INDEX, OCI_MANIFEST, SCHEMA1_ADVICE, isSchema1, kindOf } from './media-types.ts';
import type { ManifestKind } from './media-types.ts';

/** A manifest as the registry's bytes. They are never parsed and written again. */
export interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** What a manifest refers to. */
export interface ManifestContent {
  readonly kind: ManifestKind;
  readonly mediaType: string;
  /** Config and layers, in that order; without layers that no registry may hold. Empty for an index. */
  readonly blobs: readonly Descriptor[];
  /** Layers that no registry may hold: they stay where their URLs say, and nobody goes there. */
  readonly foreignLayers: readonly Descriptor[];
  /** Manifests of an index; empty for an image. */
  readonly children: readonly ChildDescriptor[];
}

/** Readers and registries alike refuse larger ones (containers/image `internal/iolimits`, distribution). */
export const MANIFEST_LIMIT = 4 * 1024 * 1024;

/** The digest of bytes, by the algorithm of `like`. */
export function digestOf(bytes: Uint8Array, like?: Digest): Digest {
  const algorithm = like === undefined ? 'sha256' : splitDigest(like).algorithm;
  return parseDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`);
}

/**
 * Reads what a manifest refers to. `contentType` is the one the registry named, if any. Bytes that can be read as two
 * things, in another implementation as well as in this one, are refused.
 * @param subject for messages.
 * @throws RegistryError `manifest-unsupported`.
 */
export function readManifest(bytes: Uint8Array, contentType: string | undefined, subject: string): ManifestContent {
  try {
    return parseManifest(bytes, contentType?.split(';', 1)[0]?.trim().toLowerCase());
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new RegistryError('manifest-unsupported', `${subject} is refused: ${cause.message}`, { cause });
  }
}

function parseManifest(bytes: Uint8Array, contentType: string | undefined): ManifestContent {
  if (contentType !== undefined && isSchema1(contentType)) throw schema1();
  const members = manifestMembers(parseJson(bytes), 'manifest');
  const version = members.get('schemaversion');
  const number = version?.kind === 'number' ? version.value : undefined;
  if (number === 1 || members.has('fslayers') || isSchema1(textOf(members.get('mediatype')) ?? '')) throw schema1();
  if (number !== 2) throw new JsonError(`schemaVersion: expected 2, received ${number ?? describeJson(version)}`);
  const kind = structureOf(members);
  const mediaType = mediaTypeOf(members, contentType, kind);
  if (kind === 'index') {
    const children = readItems(members.get('manifests'), 'manifests');
    return { kind, mediaType, blobs: [], foreignLayers: [], children };
  }
  const parts = [readDescriptor(members.get('config'), 'config'), ...readItems(members.get('layers'), 'layers')];
  const blobs = parts.filter(({ foreign }) => !foreign).map(toDescriptor);
  const foreignLayers = parts.filter(({ foreign }) => foreign).map(toDescriptor);
  return { kind, mediaType, blobs, foreignLayers, children: [] };
}

function toDescriptor({ mediaType, digest, size }: ChildDescriptor): Descriptor {
  return { mediaType, digest, size };
}

/** An image has a config and layers, an index has manifests, and nothing has both (CVE-2021-41190). */
function structureOf(members: ReadonlyMap<string, JsonValue>): ManifestKind {
  const isIndex = members.has('manifests');
  const isImage = members.has('layers') || members.has('config');
  if (isIndex && isImage) throw new JsonError('it has both manifests and layers; expected an image or an index');
  if (!isIndex && !isImage) throw new JsonError('it has neither layers nor manifests; expected an image or an index');
  return isIndex ? 'index' : 'image';
}

function mediaTypeOf(
  members: ReadonlyMap<string, JsonValue>,
  contentType: string | undefined,
  kind: ManifestKind,
): string {
  const member = members.get('mediatype');
  const inside = textOf(member);
  if (member !== undefined && inside === undefined) throw new JsonError('mediaType: expected a string');
  // A generic Content-Type says nothing about the document; a proxy may have put it there.
  const outside = contentType !== undefined && kindOf(contentType) !== undefined ? contentType : undefined;
  if (inside !== undefined && outside !== undefined && inside !== outside) {
    throw new JsonError(`its mediaType ${quote(inside)} disagrees with its Content-Type ${outside}`);
  }
  const mediaType = outside ?? inside ?? (kind === 'image' ? OCI_MANIFEST : OCI_INDEX);
  if (kindOf(mediaType) === kind) return mediaType;
  throw new JsonError(`media type ${quote(mediaType)} is not that of an ${kind}, which it is by its content`);
}

function schema1(): JsonError {
  return new JsonError(SCHEMA1_ADVICE);
}
