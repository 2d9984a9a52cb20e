import { parseDigest } from '../../workflows/domain/digest.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import { refuseEncoding } from './answer.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import type { RegistryAnswer, RegistryRequest, RegistrySession } from './session.ts';
import { verifiedChunks } from './verified-chunks.ts';

/** A blob on its way; its chunks are verified while they are read. */
export interface BlobStream {
  /** Ends with an error where digest or size differ; may be read once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Gives the connection up; harmless when everything was read. */
  readonly close: () => void;
}

type BlobDescriptor = Pick<Descriptor, 'digest' | 'size'>;

/**
 * Asks whether a blob is there.
 * @throws RegistryError `content-mismatch` where it is said to have another size.
 */
export async function headBlob(
  session: RegistrySession,
  { repository, blob }: { readonly repository: Repository; readonly blob: BlobDescriptor },
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const subject = `look for blob ${formatRepository(repository)}@${blob.digest}`;
  const answer = await session.send({
    method: 'HEAD',
    repository,
    to: `blobs/${parseDigest(blob.digest)}`,
    actions: 'pull',
    subject,
    accept: [200, 404],
    signal,
  });
  await answer.discard();
  if (answer.status === 404) return false;
  const length = answer.header('content-length');
  if (length === undefined || Number(length) === blob.size) return true;
  throw new RegistryError(
    'content-mismatch',
    `${subject}: expected ${blob.size} bytes, received a length of ${length}`,
  );
}

/** Opens a blob for reading. */
export async function getBlob(
  session: RegistrySession,
  { repository, blob }: { readonly repository: Repository; readonly blob: BlobDescriptor },
  signal: AbortSignal | undefined,
): Promise<BlobStream> {
  const subject = `read blob ${formatRepository(repository)}@${blob.digest}`;
  const request: RegistryRequest = {
    method: 'GET',
    repository,
    to: `blobs/${parseDigest(blob.digest)}`,
    actions: 'pull',
    subject,
    accept: [200],
    notFound: 'image-unknown',
    signal,
    streamsAnswer: true,
  };
  const answer = await session.send(request);
  const close = (): void => void answer.body.destroy();
  try {
    await refuseEncoding(answer, subject);
    refuseOtherLength(answer, blob, subject);
  } catch (error) {
    close();
    throw error;
  }
  return { chunks: verifiedChunks(translated(session, request, answer), blob, { subject }), close };
}

async function* translated(
  session: RegistrySession,
  request: RegistryRequest,
  answer: RegistryAnswer,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* answer.body as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw session.translate(error, request, answer);
  }
}

function refuseOtherLength(answer: RegistryAnswer, { size }: BlobDescriptor, subject: string): void {
  const length = answer.header('content-length');
  if (length === undefined || Number(length) === size) return;
  throw new RegistryError('content-mismatch', `${subject}: expected ${size} bytes, received a length of ${length}`);
}
