import { quote } from '../../workflows/domain/digest.ts';
import { parseIdentity } from './parse-identity.ts';
import { checkSigstoreSigned } from './parse-sigstore-signed.ts';
import { all } from './policy-place.ts';
import type { Members, Place } from './policy-place.ts';
import type { KeySource, Requirement, SignedByRequirement } from './policy.ts';

const TYPES = ['insecureAcceptAnything', 'reject', 'signedBy', 'signedBaseLayer', 'sigstoreSigned'] as const;
const KEY_TYPES = ['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs'] as const;
const KEY_SOURCES = ['keyPath', 'keyPaths', 'keyData'] as const;

/** A list of requirements; null counts as the empty list, which is an error. */
export function parseRequirements(place: Place): readonly Requirement[] | undefined {
  const items = place.items();
  if (items?.length === 0) return place.refuse('expected at least one requirement');
  return all(items?.map(parseRequirement));
}

function parseRequirement(place: Place): Requirement | undefined {
  const written = place.members()?.get('type');
  if (written === undefined) {
    return place.value.kind === 'object' ? place.refuse('the member "type" is missing') : undefined;
  }
  const text = written.text();
  const type = TYPES.find((known) => known === text);
  switch (type) {
    case undefined:
      if (text === undefined) return undefined;
      return written.refuse(`unknown requirement ${quote(text)}; expected ${TYPES.join(', ')}`);
    case 'insecureAcceptAnything':
    case 'reject':
      return place.exactly({ required: ['type'] }) && { type };
    case 'signedBy':
      return parseSignedBy(place);
    case 'signedBaseLayer': {
      const members = place.exactly({ required: ['type', 'baseLayerIdentity'] });
      const baseLayerIdentity = members?.has('baseLayerIdentity') && parseIdentity(members.get('baseLayerIdentity'));
      return baseLayerIdentity ? { type, baseLayerIdentity } : undefined;
    }
    case 'sigstoreSigned':
      return checkSigstoreSigned(place);
  }
}

function parseSignedBy(place: Place): SignedByRequirement | undefined {
  const members = place.exactly({ required: ['type', 'keyType'], optional: [...KEY_SOURCES, 'signedIdentity'] });
  if (members === undefined) return undefined;
  const keyType = parseKeyType(members.get('keyType'));
  const keys = parseKeys(place, members);
  const signedIdentity = parseIdentity(members.get('signedIdentity'));
  if (keyType === undefined || keys === undefined || signedIdentity === undefined) return undefined;
  return { type: 'signedBy', keyType, keys, signedIdentity };
}

function parseKeyType(place: Place | undefined): SignedByRequirement['keyType'] | undefined {
  const text = place?.text();
  if (place === undefined || text === undefined) return undefined;
  const keyType = KEY_TYPES.find((known) => known === text);
  return keyType ?? place.refuse(`unknown key type ${quote(text)}; expected GPGKeys`);
}

/** Exactly one source must be written. No path at all, or no byte, is legal and rejects when it is evaluated. */
function parseKeys(place: Place, members: Members): KeySource | undefined {
  const [source, another] = KEY_SOURCES.filter((name) => members.has(name));
  const written = source === undefined ? undefined : members.get(source);
  if (written === undefined || another !== undefined) {
    return place.refuse(`expected exactly one of ${KEY_SOURCES.join(', ')}`);
  }
  if (written.isNull || (source === 'keyPath' && written.text() === '')) return written.refuse('it is empty');
  if (source === 'keyData') {
    const data = written.bytes();
    return data && { data };
  }
  const paths = source === 'keyPath' ? all([written.text()]) : written.texts();
  return paths && { paths };
}
