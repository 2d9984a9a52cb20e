import { parseDigest } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import { readBounded, refuseEncoding } from './answer.ts';
import { RegistryError } from './error.ts';
import { resolveLocation } from './location.ts';
import { MANIFEST_LIMIT } from './manifest.ts';
import { OCI_INDEX } from './media-types.ts';
import { readReferrers } from './referrer-index.ts';
import type { ListedReferrer } from './referrer-index.ts';
import type { RegistryAnswer, RegistryRequest, RegistrySession } from './session.ts';

const MAX_PAGES = 20;
const MAX_REFERRERS = 1000;

/**
 * Asks the registry what refers to a manifest; undefined where it has no such list, and its clients keep one.
 * @throws RegistryError `manifest-unsupported` for an endless or broken list.
 */
export async function getReferrers(
  session: RegistrySession,
  { repository, digest }: { readonly repository: Repository; readonly digest: Digest },
  signal: AbortSignal | undefined,
): Promise<readonly ListedReferrer[] | undefined> {
  const subject = `list the referrers of ${formatRepository(repository)}@${digest}`;
  const listed: ListedReferrer[] = [];
  let to: RegistryRequest['to'] = `referrers/${parseDigest(digest)}`;
  for (let page = 1; page <= MAX_PAGES; page++) {
    const request: RegistryRequest = {
      method: 'GET',
      repository,
      to,
      actions: 'pull',
      headers: { accept: OCI_INDEX },
      subject,
      accept: [200, 404, 405, 501],
      signal,
    };
    const answer = await session.send(request);
    if (!isList(answer)) {
      await answer.discard();
      if (page === 1) return undefined;
      throw new RegistryError('registry-refused', `${subject}: page ${page} is missing`, { status: answer.status });
    }
    const { referrers, next } = await readPage(session, request, answer);
    listed.push(...referrers);
    if (listed.length > MAX_REFERRERS) {
      throw new RegistryError('manifest-unsupported', `${subject}: more than ${MAX_REFERRERS} referrers`);
    }
    if (next === undefined) return listed;
    to = next;
  }
  throw new RegistryError('manifest-unsupported', `${subject}: more than ${MAX_PAGES} pages`);
}

/** Registries without the list answer 404, or with a page for people: anything but an index means that there is none. */
function isList(answer: RegistryAnswer): boolean {
  return answer.status === 200 && answer.header('content-type')?.split(';', 1)[0]?.trim().toLowerCase() === OCI_INDEX;
}

async function readPage(
  session: RegistrySession,
  request: RegistryRequest,
  answer: RegistryAnswer,
): Promise<{ readonly referrers: readonly ListedReferrer[]; readonly next: URL | undefined }> {
  const { subject } = request;
  await refuseEncoding(answer, subject);
  const bytes = await readBounded(answer, MANIFEST_LIMIT).catch((error: unknown) => {
    throw session.translate(error, request, answer);
  });
  if (bytes === undefined) {
    throw new RegistryError('manifest-unsupported', `${subject}: received more than ${MANIFEST_LIMIT} bytes`);
  }
  return { referrers: readReferrers(bytes, subject), next: nextPage(answer, subject) };
}

/** The next page is at the registry's own address: nothing else has a right to our token, or to be asked. */
function nextPage(answer: RegistryAnswer, subject: string): URL | undefined {
  for (const line of answer.headerLines('link')) {
    const target = /^\s*<([^<>]*)>\s*;(?:[^,]*;)?\s*rel="?next"?\s*(?:[;,]|$)/i.exec(line)?.[1];
    if (target === undefined) continue;
    const url = resolveLocation(target, answer.url, subject);
    if (url.origin === answer.url.origin) return url;
    throw new RegistryError('registry-refused', `${subject}: the next page is at another place, ${url.origin}`);
  }
  return undefined;
}
