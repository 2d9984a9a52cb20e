import { createHash } from 'node:crypto';
import type { IdParts } from './engine.ts';
import { isDigest } from '../../workflows/domain/digest.ts';
import { PROMOTION_PREFIX, promotionId } from '../../workflows/domain/names.ts';
import type { PromotedImage } from '../../workflows/domain/names.ts';

const SHORTENED = /^(.*)~[0-9a-f]{16}$/;

/** The workflow id of an image's promotion. */
export function idOf(image: PromotedImage): string {
  return promotionId(image, (text) => createHash('sha256').update(text).digest('hex'));
}

/** Reads name, tag and digest back from an id, or undefined where it is none of ours. */
export function parseId(id: string): IdParts | undefined {
  if (!id.startsWith(PROMOTION_PREFIX)) return undefined;
  const at = id.lastIndexOf('@');
  const colon = id.lastIndexOf(':', at - 1);
  const digest = id.slice(at + 1);
  if (at < 0 || colon < 0 || !isDigest(digest)) return undefined;
  const name = id.slice(PROMOTION_PREFIX.length, colon);
  return { name, tag: id.slice(colon + 1, at), digest, shortened: SHORTENED.test(name) };
}

/** A short form for people that every command takes: name, tag and twelve digits of the digest. */
export function shortId(id: string): string {
  const parts = parseId(id);
  if (parts === undefined) return id;
  const colon = parts.digest.indexOf(':');
  return `${parts.name}:${parts.tag}@${parts.digest.slice(0, colon + 13)}`;
}
