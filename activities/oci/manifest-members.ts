import { JsonError, describeJson } from '../signing/json.ts';
import type { JsonValue } from '../signing/json.ts';

const KNOWN = new Set(
  [
    ...['schemaVersion', 'mediaType', 'config', 'layers', 'manifests', 'fsLayers', 'history'],
    ...['digest', 'size', 'urls', 'platform', 'os', 'architecture', 'variant'],
  ].map(fold),
);

/**
 * The members of an object of a manifest by their folded names. Readers written in Go take `Layers` for `layers`, and
 * of two equal names the last: an object that they could read otherwise than we do is refused.
 * @throws JsonError
 */
export function manifestMembers(value: JsonValue | undefined, where: string): ReadonlyMap<string, JsonValue> {
  if (value?.kind !== 'object') throw new JsonError(`${where}: expected an object, received ${describeJson(value)}`);
  const members = new Map<string, JsonValue>();
  for (const [name, member] of value.members) {
    const folded = fold(name);
    if (!KNOWN.has(folded)) continue;
    if (members.has(folded)) throw new JsonError(`${where}: the member ${JSON.stringify(name)} occurs twice`);
    members.set(folded, member);
  }
  return members;
}

/** The text of a JSON string. */
export function textOf(value: JsonValue | undefined): string | undefined {
  return value?.kind === 'string' ? value.value : undefined;
}

// Upper case first: the long s and the Kelvin sign are an s and a k to Go.
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}
