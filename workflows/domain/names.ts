import type { Digest } from './digest.ts';

/** What a promotion carries: one image, under one tag, fixed to one digest. */
export interface PromotedImage {
  /** Path below each environment's registry prefix, for example `shop/web`. */
  readonly name: string;
  /** The tag the signatures claim and `release` moves. */
  readonly tag: string;
  /** Digest of the manifest or index; always sha256, the only algorithm that readers compute. */
  readonly digest: Digest;
  /** Registry prefix outside the first environment that the image is taken from; one of its `sources`. */
  readonly source?: string;
}

/** The task queue of the workflows; its worker holds no secret. */
export const ORCHESTRATOR_QUEUE = 'countersign';

/** The task queue of an environment's short steps. */
export function environmentQueue(environment: string): string {
  return `countersign-${environment}`;
}

/** The task queue of an environment's copies, apart so that long copies do not starve the short steps. */
export function copyQueue(environment: string): string {
  return `countersign-${environment}-copy`;
}

/** PostgreSQL and MySQL hold workflow ids of 255 bytes; SQLite takes any length, so nothing else would warn. */
export const WORKFLOW_ID_LIMIT = 255;

/** What every promotion's workflow id begins with. */
export const PROMOTION_PREFIX = 'promotion/';

/**
 * The workflow id of a promotion: `promotion/<name>:<tag>@<digest>`. Where that exceeds 255 bytes the name is cut and
 * 16 hex digits of the SHA-256 of the full id follow it. Names, tags and digests are ASCII, so bytes are characters.
 */
export function promotionId(image: PromotedImage, sha256Hex: (text: string) => string): string {
  const suffix = `:${image.tag}@${image.digest}`;
  const full = `${PROMOTION_PREFIX}${image.name}${suffix}`;
  if (full.length <= WORKFLOW_ID_LIMIT) return full;
  const mark = `~${sha256Hex(full).slice(0, 16)}`;
  const room = WORKFLOW_ID_LIMIT - PROMOTION_PREFIX.length - mark.length - suffix.length;
  return `${PROMOTION_PREFIX}${image.name.slice(0, room)}${mark}${suffix}`;
}

/** The workflow id of an environment's rebuilds: one workflow for all promotions, so that they share them. */
export function rebuildId(environment: string): string {
  return `rebuild/${environment}`;
}

/** Search attributes by name and type, as `countersign setup` registers them. */
export const SEARCH_ATTRIBUTES = {
  CountersignState: 'KEYWORD',
  CountersignEnvironment: 'KEYWORD',
  CountersignDigest: 'KEYWORD',
  CountersignRepository: 'KEYWORD',
  CountersignAwaiting: 'KEYWORD_LIST',
  CountersignDeadline: 'DATETIME',
} as const;
