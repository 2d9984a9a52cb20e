import { formatReference, parseRegistryPrefix, repositoryUnder } from '../../workflows/domain/reference.ts';
import type { ImageReference, Repository } from '../../workflows/domain/reference.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';
import type { PromotionRecord } from '../../workflows/domain/steps.ts';
import type { PromotionRecord as StoredRecord } from '../signature-store/index.ts';
import type { EnvironmentView } from './context.ts';

/** An image's repository in an environment, computed from that environment's own prefix. */
export function repositoryIn({ registry }: Pick<EnvironmentView, 'registry'>, { name }: PromotedImage): Repository {
  parseRegistryPrefix(registry);
  return repositoryUnder(registry, name);
}

/** The reference that signatures in an environment claim and that clusters pull: the environment's tag. */
export function tagReferenceIn(view: Pick<EnvironmentView, 'registry'>, image: PromotedImage): ImageReference {
  return { ...repositoryIn(view, image), tag: image.tag };
}

/** The same image by digest. */
export function digestReferenceIn(view: Pick<EnvironmentView, 'registry'>, image: PromotedImage): ImageReference {
  return { ...repositoryIn(view, image), digest: image.digest };
}

/** What the commits in an environment's signature repository say of a promotion. */
export function storedRecord(view: EnvironmentView, record: PromotionRecord): StoredRecord {
  const { promotion, run, image, started, requesters } = record;
  const reference = formatReference(tagReferenceIn(view, image));
  const { environment } = view;
  return { promotion, run, environment, reference, digest: image.digest, started, requestedBy: requesters.join(', ') };
}
