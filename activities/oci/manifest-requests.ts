import { isDigest, parseDigest, quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference, formatRepository, isTag } from '../../workflows/domain/reference.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import { readBounded, refuseEncoding } from './answer.ts';
import { RegistryError } from './error.ts';
import { MANIFEST_LIMIT, digestOf, readManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { MANIFEST_ACCEPT, SCHEMA1_ADVICE, isSchema1 } from './media-types.ts';
import type { RegistryAnswer, RegistryRequest, RegistrySession } from './session.ts';

/** The manifest under a tag or digest; undefined where the registry has none. */
export async function getManifest(
  session: RegistrySession,
  reference: ImageReference,
  signal: AbortSignal | undefined,
): Promise<Manifest | undefined> {
  const subject = `fetch manifest ${formatReference(reference)}`;
  const request: RegistryRequest = {
    method: 'GET',
    repository: reference,
    to: `manifests/${manifestName(reference)}`,
    actions: 'pull',
    headers: { accept: MANIFEST_ACCEPT },
    subject,
    accept: [200, 404],
    signal,
  };
  const answer = await session.send(request);
  if (answer.status === 404) {
    await answer.discard();
    return undefined;
  }
  await refuseEncoding(answer, subject);
  await refuseSchema1(answer, subject);
  const bytes = await readManifestBytes(session, request, answer);
  const digest = digestOf(bytes, reference.digest);
  if (reference.digest !== undefined && reference.digest !== digest) {
    // The header that names a digest is of no interest: the bytes are.
    throw new RegistryError('content-mismatch', `${subject}: received bytes of digest ${digest}`);
  }
  const { mediaType } = readManifest(bytes, answer.header('content-type'), `manifest ${formatReference(reference)}`);
  return { digest, mediaType, bytes };
}

/** What a HEAD tells of a manifest; nothing of it is proven. */
export interface ManifestHead {
  readonly isThere: boolean;
  /** The digest that the registry names for it, where it names one. */
  readonly untrustedDigest?: Digest;
}

/** Asks by a HEAD for the manifest under a tag or digest. */
export async function headManifest(
  session: RegistrySession,
  reference: ImageReference,
  signal: AbortSignal | undefined,
): Promise<ManifestHead> {
  const answer = await session.send({
    method: 'HEAD',
    repository: reference,
    to: `manifests/${manifestName(reference)}`,
    actions: 'pull',
    headers: { accept: MANIFEST_ACCEPT },
    subject: `look for manifest ${formatReference(reference)}`,
    accept: [200, 404],
    signal,
  });
  await answer.discard();
  if (answer.status !== 200) return { isThere: false };
  const named = answer.header('docker-content-digest');
  return { isThere: true, ...(isDigest(named) && { untrustedDigest: named }) };
}

/** What a registry says of a manifest that it took. */
export interface PutOutcome {
  /** It took note of the manifest's `subject` and lists it among the referrers; else its clients have to. */
  readonly recordsSubject: boolean;
}

/** Puts a manifest under its digest, or under `tag`. */
export async function putManifest(
  session: RegistrySession,
  { repository, manifest, tag }: { repository: Repository; manifest: Manifest; tag: string | undefined },
  signal: AbortSignal | undefined,
): Promise<PutOutcome> {
  const { digest, mediaType, bytes } = manifest;
  const reference = { ...repository, ...(tag === undefined ? { digest } : { tag }) };
  const subject = `put manifest ${formatReference(reference)}`;
  if (digestOf(bytes, digest) !== digest) {
    throw new RegistryError('content-mismatch', `${subject}: its bytes have the digest ${digestOf(bytes, digest)}`);
  }
  const answer = await session.send({
    method: 'PUT',
    repository,
    to: `manifests/${manifestName(reference)}`,
    actions: 'push',
    headers: { 'content-type': mediaType },
    body: bytes,
    subject,
    accept: [200, 201, 202, 204],
    signal,
  });
  await answer.discard();
  return { recordsSubject: answer.header('oci-subject') !== undefined };
}

/** Deletes a tag, never a manifest: that would take every tag with it. */
export async function deleteTag(
  session: RegistrySession,
  reference: ImageReference,
  signal: AbortSignal | undefined,
): Promise<'deleted' | 'absent' | 'unsupported'> {
  const subject = `delete tag ${formatReference(reference)}`;
  if (reference.tag === undefined || reference.digest !== undefined) {
    throw new RegistryError('reference-invalid', `${subject}: expected a tag and no digest`);
  }
  const answer = await session.send({
    method: 'DELETE',
    repository: reference,
    to: `manifests/${manifestName(reference)}`,
    actions: 'delete',
    subject,
    accept: [200, 202, 204, 400, 404, 405, 501],
    signal,
  });
  await answer.discard();
  if (answer.status < 300) return 'deleted';
  // A registry that knows no deletion by tag says so in many ways, "not found" among them.
  return (await getManifest(session, reference, signal)) === undefined ? 'absent' : 'unsupported';
}

/** What stands for a manifest in a path; checked here too, because nothing else may ever get into a URL. */
function manifestName({ tag, digest, ...repository }: ImageReference): string {
  if (digest !== undefined) return parseDigest(digest);
  if (isTag(tag)) return tag;
  throw new RegistryError('reference-invalid', `${quote(formatRepository(repository))}: expected a tag or a digest`);
}

/** Before the digest is looked at: that of schema 1 is not the digest of its bytes, and to say so helps nobody. */
async function refuseSchema1(answer: RegistryAnswer, subject: string): Promise<void> {
  const mediaType = answer.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!isSchema1(mediaType)) return;
  await answer.discard();
  throw new RegistryError('manifest-unsupported', `${subject} is refused: ${SCHEMA1_ADVICE}`);
}

async function readManifestBytes(
  session: RegistrySession,
  request: RegistryRequest,
  answer: RegistryAnswer,
): Promise<Uint8Array> {
  const bytes = await readBounded(answer, MANIFEST_LIMIT).catch((error: unknown) => {
    throw session.translate(error, request, answer);
  });
  if (bytes !== undefined) return bytes;
  throw new RegistryError('manifest-unsupported', `${request.subject}: received more than ${MANIFEST_LIMIT} bytes`);
}
