import { isDigest, quote } from '../../workflows/domain/digest.ts';
import type { Digest } from '../../workflows/domain/digest.ts';
import { JsonError, describeJson } from '../signing/json.ts';
import type { JsonValue } from '../signing/json.ts';
import { manifestMembers, textOf } from './manifest-members.ts';
import { isNonDistributable } from './media-types.ts';

/** A blob or manifest that a manifest refers to; digest and size were checked for their form only. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** An entry of a manifest's list. */
export interface ChildDescriptor extends Descriptor {
  /** `os/architecture[/variant]`, where the entry says so. */
  readonly platform?: string;
  /** Its bytes are at URLs outside any registry; we never go there. */
  readonly foreign: boolean;
}

/**
 * Reads a descriptor.
 * @throws JsonError naming the member.
 */
export function readDescriptor(value: JsonValue | undefined, where: string): ChildDescriptor {
  const members = manifestMembers(value, where);
  const digest = textOf(members.get('digest'));
  if (!isDigest(digest)) throw new JsonError(`${where}.digest: ${quote(digest)} is not a digest`);
  const size = members.get('size');
  if (size?.kind !== 'number' || !Number.isSafeInteger(size.value) || size.value < 0) {
    throw new JsonError(`${where}.size: expected a number of bytes, received ${describeJson(size)}`);
  }
  const mediaType = textOf(members.get('mediatype'));
  if (mediaType === undefined) throw new JsonError(`${where}.mediaType: expected a string`);
  const platform = readPlatform(members.get('platform'), `${where}.platform`);
  // Only what has somewhere else to come from; registries demand any other layer of an image.
  const foreign = isNonDistributable(mediaType) && hasItems(members.get('urls'));
  return { mediaType, digest, size: size.value, foreign, ...(platform !== undefined && { platform }) };
}

/**
 * Reads a list of descriptors.
 * @throws JsonError naming the entry.
 */
export function readItems(value: JsonValue | undefined, where: string): ChildDescriptor[] {
  if (value?.kind !== 'array') throw new JsonError(`${where}: expected an array, received ${describeJson(value)}`);
  return value.items.map((item, index) => readDescriptor(item, `${where}[${index}]`));
}

function readPlatform(value: JsonValue | undefined, where: string): string | undefined {
  if (value === undefined || value.kind === 'null') return undefined;
  const members = manifestMembers(value, where);
  const parts = ['os', 'architecture', 'variant'].map((name) => textOf(members.get(name)));
  return parts.filter((part) => part !== undefined && part !== '').join('/') || undefined;
}

function hasItems(value: JsonValue | undefined): boolean {
  return value?.kind === 'array' && value.items.length > 0;
}
