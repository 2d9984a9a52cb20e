import { deadlineAfter } from '../deadline/index.ts';
import { parseDigest } from '../../workflows/domain/digest.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import { pacedBody } from './pace-keeper.ts';
import { resolveLocation, withParameter } from './location.ts';
import { BULK_BYTES } from './read-blob.ts';
import { isStream } from './request-body.ts';
import type { Feed, RequestBody } from './request-body.ts';
import type { RegistryAnswer, RegistryRequest, RegistrySession } from './session.ts';

/** A part of a blob that is sent in a request of its own. */
export interface Chunk {
  readonly from: number;
  readonly size: number;
  readonly feed: Feed;
}

/** An upload that the registry has opened. It ends with `finish` or with `cancel`. */
export interface BlobUpload {
  /** Where it goes on, as the registry last said: enough to resume it later, from another process. */
  readonly location: () => string;
  /** The smallest chunk that the registry takes, but for the last one; in bytes. */
  readonly smallestChunk: number;
  /** Sends the rest of the blob, which may be all or nothing of it, and completes the upload. */
  readonly finish: (
    blob: Pick<Descriptor, 'digest' | 'size'>,
    body: RequestBody,
    signal?: AbortSignal,
  ) => Promise<void>;
  /** Sends a chunk; returns how many bytes of the blob the registry has then. */
  readonly sendChunk: (chunk: Chunk, signal?: AbortSignal) => Promise<number>;
  /** How many bytes the registry has; undefined where it cannot tell, or knows no such upload (any more). */
  readonly askOffset: (signal?: AbortSignal) => Promise<number | undefined>;
  /** Tells the registry to forget the upload: best effort, never throws. In haste within half a second. */
  readonly cancel: (how?: { readonly inHaste?: boolean }) => Promise<void>;
}

const CANCEL_MS = 5_000;
const HASTE_MS = 500;
const OCTETS = { 'content-type': 'application/octet-stream' } as const;

/** Opens an upload. */
export async function startUpload(
  session: RegistrySession,
  repository: Repository,
  signal: AbortSignal | undefined,
): Promise<BlobUpload> {
  const subject = `open an upload to ${formatRepository(repository)}`;
  const answer = await session.send({
    method: 'POST',
    repository,
    to: 'blobs/uploads/',
    actions: 'push',
    subject,
    accept: [202],
    signal,
  });
  await answer.discard();
  return openedUpload(session, repository, { answer, subject });
}

/** The upload that an answer to a POST has opened. */
export function openedUpload(
  session: RegistrySession,
  repository: Repository,
  { answer, subject }: { readonly answer: RegistryAnswer; readonly subject: string },
): BlobUpload {
  const location = resolveLocation(answer.header('location'), answer.url, subject);
  const smallest = Number(answer.header('oci-chunk-min-length') ?? 0);
  return new OpenUpload(session, repository, { location, smallestChunk: smallest > 0 ? smallest : 0 });
}

/**
 * An upload that was opened earlier. Nothing is asked; `askOffset` tells whether the registry still knows it.
 * @throws RegistryError `registry-refused` for a location that is not an upload of this repository.
 */
export function resumeUpload(
  session: RegistrySession,
  repository: Repository,
  { untrustedLocation, origin }: { readonly untrustedLocation: string; readonly origin: string },
): BlobUpload {
  const subject = `resume an upload to ${formatRepository(repository)}`;
  const location = resolveLocation(untrustedLocation, new URL(`${origin}/`), subject);
  const isOwn = location.origin === origin && location.pathname.startsWith(`/v2/${repository.path}/blobs/uploads/`);
  if (isOwn) return new OpenUpload(session, repository, { location, smallestChunk: 0 });
  throw new RegistryError('registry-refused', `${subject}: the location is not one of its uploads`);
}

class OpenUpload implements BlobUpload {
  readonly smallestChunk: number;
  readonly #session: RegistrySession;
  readonly #repository: Repository;
  #location: URL;

  constructor(
    session: RegistrySession,
    repository: Repository,
    { location, smallestChunk }: { readonly location: URL; readonly smallestChunk: number },
  ) {
    this.#session = session;
    this.#repository = repository;
    this.#location = location;
    this.smallestChunk = smallestChunk;
  }

  readonly location = (): string => this.#location.href;

  readonly finish: BlobUpload['finish'] = async ({ digest }, body, signal) => {
    const subject = `upload blob ${formatRepository(this.#repository)}@${digest}`;
    const to = withParameter(this.#location, 'digest', parseDigest(digest));
    const answer = await this.#send({ method: 'PUT', to, headers: OCTETS, body, subject, accept: [201, 204], signal });
    await answer.discard();
  };

  readonly sendChunk: BlobUpload['sendChunk'] = async ({ from, size, feed }, signal) => {
    const subject = `upload bytes ${from} to ${from + size - 1} to ${formatRepository(this.#repository)}`;
    const headers = { ...OCTETS, 'content-range': `${from}-${from + size - 1}` };
    const to = this.#location;
    const body = { size, feed };
    const answer = await this.#send({ method: 'PATCH', to, headers, body, subject, accept: [202, 204], signal });
    await answer.discard();
    this.#moveOn(answer, subject);
    return offsetOf(answer) ?? from + size;
  };

  readonly askOffset: BlobUpload['askOffset'] = async (signal) => {
    const subject = `ask for the state of an upload to ${formatRepository(this.#repository)}`;
    const accept = [200, 204, 400, 404, 405, 416, 501];
    const answer = await this.#send({ method: 'GET', to: this.#location, subject, accept, signal, resumes: true });
    await answer.discard();
    if (answer.status > 204) return undefined;
    this.#moveOn(answer, subject);
    return offsetOf(answer);
  };

  readonly cancel: BlobUpload['cancel'] = async ({ inHaste = false } = {}) => {
    const subject = `cancel an upload to ${formatRepository(this.#repository)}`;
    const signal = deadlineAfter(inHaste ? HASTE_MS : CANCEL_MS);
    const to = this.#location;
    await this.#send({ method: 'DELETE', to, subject, accept: [200, 202, 204, 404], signal, resumes: true })
      .then((answer) => answer.discard())
      .catch(() => undefined);
  };

  #moveOn(answer: RegistryAnswer, subject: string): void {
    const location = answer.header('location');
    if (location !== undefined) this.#location = resolveLocation(location, answer.url, subject);
  }

  async #send(request: Omit<RegistryRequest, 'repository' | 'actions' | 'isBulk'>): Promise<RegistryAnswer> {
    const { body, subject, signal } = request;
    const own = { ...request, repository: this.#repository, actions: 'push' as const };
    if (!isStream(body)) return await this.#session.send(own);
    const tooSlow = new AbortController();
    const paced = pacedBody(body, subject, (why) => tooSlow.abort(why));
    const either = signal === undefined ? tooSlow.signal : AbortSignal.any([signal, tooSlow.signal]);
    return await this.#session.send({ ...own, body: paced, signal: either, isBulk: body.size > BULK_BYTES });
  }
}

/** `Range: 0-N`, inclusive; for nothing at all registries say `0-0` too, and to send one byte again does no harm. */
function offsetOf(answer: RegistryAnswer): number | undefined {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(answer.header('range') ?? '')?.[1];
  if (last === undefined) return undefined;
  return last === '0' ? 0 : Number(last) + 1;
}
