import { quote } from '../../workflows/domain/digest.ts';
import { InvalidReferenceError, isNamePrefix, parseReference } from '../../workflows/domain/reference.ts';
import type { ImageReference } from '../../workflows/domain/reference.ts';
import type { Place } from './policy-place.ts';
import type { SignedIdentity } from './policy.ts';

/** What holds where a requirement names no identity. */
export const DEFAULT_IDENTITY: SignedIdentity = { type: 'matchRepoDigestOrExact' };

const MEMBERS = {
  matchExact: [],
  matchRepoDigestOrExact: [],
  matchRepository: [],
  exactReference: ['dockerReference'],
  exactRepository: ['dockerRepository'],
  remapIdentity: ['prefix', 'signedPrefix'],
} as const;
const KINDS = Object.keys(MEMBERS) as (keyof typeof MEMBERS)[];

/** The identity of a requirement; absent means the default, an explicit null is refused. */
export function parseIdentity(place: Place | undefined): SignedIdentity | undefined {
  if (place === undefined) return DEFAULT_IDENTITY;
  const members = place.members();
  if (members === undefined) return undefined;
  const written = members.get('type');
  if (written === undefined) return place.refuse('the member "type" is missing');
  const text = written.text();
  const type = KINDS.find((known) => known === text);
  if (type === undefined) {
    return text === undefined
      ? undefined
      : written.refuse(`unknown identity ${quote(text)}; expected ${KINDS.join(', ')}`);
  }
  refuseOthers(place, members, type);
  switch (type) {
    case 'matchExact':
    case 'matchRepoDigestOrExact':
    case 'matchRepository':
      return { type };
    case 'exactReference': {
      const dockerReference = tagged(members.get('dockerReference'));
      return dockerReference && { type, dockerReference };
    }
    case 'exactRepository': {
      const dockerRepository = reference(members.get('dockerRepository'));
      return dockerRepository && { type, dockerRepository };
    }
    case 'remapIdentity': {
      const [prefix, signedPrefix] = [namePrefix(members.get('prefix')), namePrefix(members.get('signedPrefix'))];
      return prefix !== undefined && signedPrefix !== undefined ? { type, prefix, signedPrefix } : undefined;
    }
  }
}

function refuseOthers(place: Place, members: ReadonlyMap<string, Place>, type: keyof typeof MEMBERS): void {
  const expected: readonly string[] = ['type', ...MEMBERS[type]];
  for (const [name, member] of members) {
    if (!expected.includes(name)) member.refuse(`unknown member of ${type}; expected ${expected.join(', ')}`);
  }
  for (const name of expected) {
    if (!members.has(name)) place.refuse(`the member "${name}" of ${type} is missing`);
  }
}

function reference(place: Place | undefined): ImageReference | undefined {
  const text = place?.text();
  if (place === undefined || text === undefined) return undefined;
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof InvalidReferenceError) return place.refuse(error.message);
    throw error;
  }
}

function tagged(place: Place | undefined): ImageReference | undefined {
  const parsed = reference(place);
  if (parsed === undefined || parsed.tag !== undefined || parsed.digest !== undefined) return parsed;
  return place?.refuse('expected a reference with a tag or a digest');
}

function namePrefix(place: Place | undefined): string | undefined {
  const text = place?.text();
  if (place === undefined || text === undefined) return undefined;
  if (isNamePrefix(text)) return text;
  return place.refuse(`${quote(text)} is no HOST[:PORT][/NAMESPACE…] in lower case, without tag or trailing slash`);
}
