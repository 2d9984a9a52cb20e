/** Lists of what refers to a manifest, as registries answer them and as clients keep them under a tag. */
import { splitDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { isTag } from '../../workflows/domain/reference.ts';
import { JsonError, objectMembers, parseJson } from '../signing/json.ts';
import type { JsonValue } from '../signing/json.ts';
import { readDescriptor } from './descriptor.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import { textOf } from './manifest-members.ts';
import { MANIFEST_LIMIT, digestOf, readManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { OCI_INDEX } from './media-types.ts';

/** An entry of a list of referrers: what somebody says of a manifest, which was not looked at. */
export interface ListedReferrer extends Descriptor {
  readonly artifactType?: string;
}

/** What a manifest says of itself as an artifact; all of it is the publisher's word. */
export interface ArtifactFacts {
  /** The manifest it refers to. */
  readonly subject?: Digest;
  /** As a list of referrers must name it: `artifactType`, else the type of the config. */
  readonly artifactType?: string;
  /** What it is, for people: an image's type says nothing, the type of its first layer may. */
  readonly kind?: string;
}

const COSIGN_SUFFIXES = ['sig', 'att', 'sbom'] as const;
const IMAGE_CONFIGS: readonly (string | undefined)[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
  'application/vnd.oci.empty.v1+json',
];

/** The tag under which clients list the referrers where the registry does not (distribution-spec, Referrers Tag Schema). */
export function referrersTag(digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/** The tags under which cosign keeps signatures, attestations and SBOMs of a manifest. */
export function cosignTags(digest: Digest): readonly string[] {
  const { algorithm, hex } = splitDigest(digest);
  // With a digest of 512 bits it would be no tag any more.
  return COSIGN_SUFFIXES.map((suffix) => `${algorithm}-${hex}.${suffix}`).filter(isTag);
}

/**
 * Reads a list of referrers.
 * @param subject for messages.
 * @throws RegistryError `manifest-unsupported`.
 */
export function readReferrers(bytes: Uint8Array, subject: string): readonly ListedReferrer[] {
  const { kind } = readManifest(bytes, OCI_INDEX, subject);
  if (kind !== 'index') throw new RegistryError('manifest-unsupported', `${subject}: expected an index`);
  try {
    const items = objectMembers(parseJson(bytes), 'index').get('manifests');
    return items?.kind === 'array' ? items.items.map((item, at) => readReferrer(item, `manifests[${at}]`)) : [];
  } catch (cause) {
    throw refused(cause, subject);
  }
}

/**
 * Reads what a manifest says of itself as an artifact.
 * @param subject for messages.
 * @throws RegistryError `manifest-unsupported`.
 */
export function readArtifact({ bytes }: Manifest, subject: string): ArtifactFacts {
  try {
    const members = objectMembers(parseJson(bytes), 'manifest');
    const config = typeIn(members.get('config'));
    const layers = members.get('layers');
    const layer = layers?.kind === 'array' ? typeIn(layers.items[0]) : undefined;
    const own = textOf(members.get('artifactType')) || undefined;
    const kind = own ?? (IMAGE_CONFIGS.includes(config) ? layer : config);
    const refersTo = members.get('subject');
    return {
      ...withDefined('artifactType', own ?? config),
      ...withDefined('kind', kind),
      ...(refersTo !== undefined &&
        refersTo.kind !== 'null' && { subject: readDescriptor(refersTo, 'subject').digest }),
    };
  } catch (cause) {
    throw refused(cause, subject);
  }
}

/**
 * The list under the tag with more entries, for a registry that keeps no list itself; what is in it stays as it is.
 * @param list what is there, an index; undefined where there is none.
 * @throws RegistryError `manifest-unsupported` where it would become too large.
 */
export function extendReferrers(list: Manifest | undefined, artifacts: readonly Manifest[], subject: string): Manifest {
  const document: Record<string, unknown> =
    list === undefined
      ? { schemaVersion: 2, mediaType: OCI_INDEX }
      : (JSON.parse(Buffer.from(list.bytes).toString()) as Record<string, unknown>);
  const { manifests = [] } = document;
  if (!Array.isArray(manifests)) throw new RegistryError('manifest-unsupported', `${subject}: expected an index`);
  const added = artifacts.map((artifact) => describeReferrer(artifact, subject));
  const bytes = Buffer.from(JSON.stringify({ ...document, manifests: [...(manifests as unknown[]), ...added] }));
  if (bytes.length > MANIFEST_LIMIT) {
    throw new RegistryError('manifest-unsupported', `${subject}: it would have more than ${MANIFEST_LIMIT} bytes`);
  }
  return { bytes, digest: digestOf(bytes), mediaType: list?.mediaType ?? OCI_INDEX };
}

/** The descriptor has the artifact's type and its annotations, as the specification demands it. */
function describeReferrer(artifact: Manifest, subject: string): Record<string, unknown> {
  const { digest, mediaType, bytes } = artifact;
  const { artifactType } = readArtifact(artifact, subject);
  const { annotations } = JSON.parse(Buffer.from(bytes).toString()) as { annotations?: unknown };
  const hasAnnotations = typeof annotations === 'object' && annotations !== null && !Array.isArray(annotations);
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...withDefined('artifactType', artifactType),
    ...(hasAnnotations && { annotations }),
  };
}

function readReferrer(item: JsonValue, where: string): ListedReferrer {
  const { mediaType, digest, size } = readDescriptor(item, where);
  const artifactType = textOf(objectMembers(item, where).get('artifactType')) || undefined;
  return { mediaType, digest, size, ...withDefined('artifactType', artifactType) };
}

function typeIn(descriptor: JsonValue | undefined): string | undefined {
  if (descriptor?.kind !== 'object') return undefined;
  return textOf(objectMembers(descriptor, 'descriptor').get('mediaType')) || undefined;
}

function withDefined<Name extends string>(name: Name, value: string | undefined): { [name in Name]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { [name in Name]?: string });
}

function refused(cause: unknown, subject: string): unknown {
  if (!(cause instanceof JsonError)) return cause;
  return new RegistryError('manifest-unsupported', `${subject} is refused: ${cause.message}`, { cause });
}
