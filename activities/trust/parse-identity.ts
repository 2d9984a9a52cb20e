import { quote } from '../../workflows/domain/digest.ts';
import { InvalidReferenceError, parseReference, parseRegistryPrefix } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import { JsonError, exactMembers, objectMembers } from '../signing/index.ts';
import type { JsonValue } from '../signing/index.ts';
import type { SignedIdentity } from './policy.ts';
import { readString } from './policy-values.ts';
import type { Members } from './policy-values.ts';

/** What holds where a requirement names no identity. */
export const DEFAULT_IDENTITY: SignedIdentity = { type: 'matchRepoDigestOrExact' };

/** The identity of a requirement. Absent means the default; an explicit null is refused. */
export function parseIdentity(value: JsonValue | undefined, where: string): SignedIdentity {
  if (value === undefined) return DEFAULT_IDENTITY;
  const type = readString({ where, values: objectMembers(value, where) }, 'type');
  const read = (...names: readonly string[]): Members => ({
    where,
    values: exactMembers(value, where, { required: ['type', ...names] }),
  });
  switch (type) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
      read();
      return { type };
    case 'exactReference':
      return { type, dockerReference: tagged(reference(read('dockerReference'), 'dockerReference'), where) };
    case 'exactRepository':
      return { type, dockerRepository: reference(read('dockerRepository'), 'dockerRepository') };
    case 'remapIdentity': {
      const members = read('prefix', 'signedPrefix');
      return { type, prefix: prefix(members, 'prefix'), signedPrefix: prefix(members, 'signedPrefix') };
    }
    default:
      throw new JsonError(`${where}.type: unknown identity ${quote(type)}`);
  }
}

function reference(members: Members, name: string): ImageReference {
  return translate(members, name, parseReference);
}

function tagged(parsed: ImageReference, where: string): ImageReference {
  if (parsed.tag === undefined && parsed.digest === undefined) {
    throw new JsonError(`${where}.dockerReference: expected a reference with a tag or a digest`);
  }
  return parsed;
}

function prefix(members: Members, name: string): string {
  translate(members, name, parseRegistryPrefix);
  return readString(members, name);
}

function translate<Parsed>(members: Members, name: string, parse: (text: string) => Parsed): Parsed {
  try {
    return parse(readString(members, name));
  } catch (cause) {
    if (cause instanceof InvalidReferenceError)
      throw new JsonError(`${members.where}.${name}: ${cause.message}`, { cause });
    throw cause;
  }
}
