import type { Digest } from '../../workflows/domain/digest.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';

/** What became of a look at a tag with the caller's own credentials. */
export type TagLook =
  | { readonly look: 'found'; readonly digest: Digest }
  /** The registry answered that there is no such tag. */
  | { readonly look: 'absent' }
  /** Access is denied, or there is no way to the registry from here. */
  | { readonly look: 'unreadable'; readonly reason: string };

/** The caller's own look at registries and signature servers; it reads only, and never decides anything for a promotion. */
export interface ImageEye {
  /** The digest that a tag points to. */
  resolve(reference: ImageReference): Promise<TagLook>;
  /** Whether an environment's tag serves the image, and its clusters accept it; false also where that cannot be seen. */
  isPromoted(environment: string, image: PromotedImage): Promise<boolean>;
  close(): Promise<void>;
}
