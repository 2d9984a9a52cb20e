import { parseDigest } from '../../workflows/domain/digest.ts';
import { formatRepository } from '../../workflows/domain/reference.ts';
import type { Repository } from '../../workflows/domain/reference.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './error.ts';
import type { RegistrySession } from './session.ts';

/**
 * Asks whether a blob is there.
 * @throws RegistryError `content-mismatch` where it is said to have another size.
 */
export async function headBlob(
  session: RegistrySession,
  { repository, blob }: { readonly repository: Repository; readonly blob: Pick<Descriptor, 'digest' | 'size'> },
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
