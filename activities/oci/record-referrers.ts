import type { Digest } from '../../workflows/domain/digest.ts';
import { formatReference } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import type { Call, RegistryClient } from './client.ts';
import { RegistryError } from './error.ts';
import type { Manifest } from './manifest.ts';
import { kindOf } from './media-types.ts';
import { extendReferrers, readReferrers, referrersTag } from './referrer-index.ts';
import { fetchIfThere } from './referrers.ts';
import { sleepUnlessAborted } from './sleep-unless-aborted.ts';

/** Artifacts that are in a repository, and the manifest they refer to. */
export interface Attachment {
  readonly client: RegistryClient;
  readonly repository: Repository;
  readonly subject: Digest;
  readonly artifacts: readonly Manifest[];
}

const MAX_PUTS = 5;
const PAUSE_MS = 50;

/**
 * Sees to it that artifacts are listed with what they refer to. Registries with a list of their own do it when they
 * take the manifest; for others the list is an index under a tag, which every client writes by itself: it is read,
 * extended, put, and read again, because another client may have put its own in between.
 * @returns `conflict` where something else than a list is under the tag; it stays.
 * @throws RegistryError `registry-refused` where others keep writing over it.
 */
export async function recordReferrers(attachment: Attachment, call: Call): Promise<'recorded' | 'conflict'> {
  const { client, repository, subject } = attachment;
  const listed = await client.listReferrers(repository, subject, call);
  if (listed === undefined) return await listUnderTag(attachment, call);
  const known = new Set(listed.map(({ digest }) => digest));
  const unrecorded: Manifest[] = [];
  for (const artifact of attachment.artifacts) {
    if (known.has(artifact.digest)) continue;
    // It was there before the registry learned to list: the registry takes note when it is put once more.
    const { recordsSubject } = await client.putManifest(repository, artifact, undefined, call);
    if (!recordsSubject) unrecorded.push(artifact);
  }
  return unrecorded.length === 0 ? 'recorded' : await listUnderTag({ ...attachment, artifacts: unrecorded }, call);
}

async function listUnderTag(attachment: Attachment, call: Call): Promise<'recorded' | 'conflict'> {
  const { client, repository, subject, artifacts } = attachment;
  const { domain, path } = repository;
  const reference = { domain, path, tag: referrersTag(subject) };
  const name = `the list ${formatReference(reference)}`;
  for (let puts = 0; ; puts++) {
    // Not before the first look at what we put; after that somebody is in our way, and does the same.
    if (puts > 1) await sleepUnlessAborted(PAUSE_MS * puts * Math.random(), call.signal);
    const list = await fetchIfThere(client, reference, call);
    if (list !== undefined && kindOf(list.mediaType) !== 'index') return 'conflict';
    const known = new Set(list === undefined ? [] : readReferrers(list.bytes, name).map(({ digest }) => digest));
    const absent = artifacts.filter(({ digest }) => !known.has(digest));
    if (absent.length === 0) return 'recorded';
    if (puts >= MAX_PUTS) {
      throw new RegistryError('registry-refused', `extend ${name}: ${puts} times another client has put its own`);
    }
    await client.putManifest(repository, extendReferrers(list, absent, name), reference.tag, call);
  }
}
