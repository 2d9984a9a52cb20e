/** Media types of manifests that are copied: OCI and Docker schema 2. */
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';

const KINDS: ReadonlyMap<string, ManifestKind> = new Map([
  [OCI_MANIFEST, 'image'],
  [DOCKER_MANIFEST, 'image'],
  [OCI_INDEX, 'index'],
  [DOCKER_LIST, 'index'],
]);

/** One image for one platform, or a list of manifests. */
export type ManifestKind = 'image' | 'index';

/** What is asked for; schema 1 is left out, or old registries would convert to it. */
export const MANIFEST_ACCEPT = [...KINDS.keys()].join(', ');

/** The kind a media type stands for; undefined where it is none of a manifest we copy. */
export function kindOf(mediaType: string): ManifestKind | undefined {
  return KINDS.get(mediaType);
}

/** Why a manifest of Docker schema 1 is not copied, and what helps. */
export const SCHEMA1_ADVICE =
  'it is of Docker schema version 1, which registries and runtimes are giving up; ' +
  'build the image anew, or convert it at its source: skopeo copy --format v2s2 docker://IMAGE docker://IMAGE';

/** Tells whether the media type is Docker schema 1, whose digest is not the digest of its bytes. */
export function isSchema1(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)$/.test(mediaType);
}

/** Layers that the builder's licence keeps out of registries: referenced, fetched by their URLs at the node. */
export function isNonDistributable(mediaType: string): boolean {
  return (
    mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.v1.tar') ||
    mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.diff.tar')
  );
}
