/**
 * `sigstoreSigned` is checked completely, since one wrong requirement makes readers refuse the whole file; its keys are
 * not needed. A source counts as given when it is not empty, so that an empty one may stand beside another.
 */
import { parseIdentity } from './parse-identity.ts';
import { all } from './policy-place.ts';
import type { Members, Place } from './policy-place.ts';
import type { Requirement } from './policy.ts';

const KEYS = ['keyPath', 'keyPaths', 'keyData', 'keyDatas'] as const;
const SOURCES = [...KEYS, 'fulcio', 'pki'] as const;
const REKOR = ['rekorPublicKeyPath', 'rekorPublicKeyPaths', 'rekorPublicKeyData', 'rekorPublicKeyDatas'] as const;

export function checkSigstoreSigned(place: Place): Requirement | undefined {
  const members = place.exactly({ required: ['type'], optional: [...SOURCES, ...REKOR, 'signedIdentity'] });
  if (members === undefined) return undefined;
  const sources = SOURCES.filter((name) => isGiven(members, name));
  const rekor = REKOR.filter((name) => isGiven(members, name));
  if (sources.length !== 1) place.refuse(`expected exactly one of ${SOURCES.join(', ')}`);
  if (rekor.length > 1) place.refuse(`expected at most one of ${REKOR.join(', ')}`);
  if (sources.includes('fulcio') && rekor.length === 0) place.refuse('fulcio needs one of rekorPublicKey…');
  if (sources.includes('pki') && rekor.length > 0) place.refuse(`pki and ${rekor[0]} exclude each other`);
  const signedIdentity = parseIdentity(members.get('signedIdentity'));
  return signedIdentity && { type: 'sigstoreSigned', signedIdentity };
}

/** By the end of its name a path, paths, base64, or several base64 texts. What is of a wrong type counts as given. */
function isGiven(members: Members, name: string): boolean {
  const place = members.get(name);
  if (place === undefined) return false;
  if (name === 'fulcio') return checkFulcio(place);
  if (name === 'pki') return checkPki(place);
  if (name.endsWith('Path')) return place.text() !== '';
  if (name.endsWith('Data')) return isBytes(place);
  const items = place.items();
  if (items?.length === 0) place.refuse('expected at least one');
  if (name.endsWith('Paths')) all(items?.map((item) => item.text()));
  else items?.forEach(isBytes);
  return true;
}

function isBytes(place: Place): boolean {
  place.bytes();
  return !place.isNull;
}

function checkFulcio(place: Place): true {
  const members = place.exactly({ required: [], optional: ['caPath', 'caData', 'oidcIssuer', 'subjectEmail'] });
  if (members === undefined) return true;
  exactlyOne(place, members, ['caPath', 'caData']);
  for (const name of ['oidcIssuer', 'subjectEmail']) if (!isText(members, name)) place.refuse(`${name} is missing`);
  return true;
}

function checkPki(place: Place): true {
  const intermediates = ['caIntermediatesPath', 'caIntermediatesData'];
  const subjects = ['subjectEmail', 'subjectHostname'];
  const members = place.exactly({
    required: [],
    optional: ['caRootsPath', 'caRootsData', ...intermediates, ...subjects],
  });
  if (members === undefined) return true;
  exactlyOne(place, members, ['caRootsPath', 'caRootsData']);
  if (intermediates.filter((name) => isGiven(members, name)).length === 2) {
    place.refuse(`expected at most one of ${intermediates.join(', ')}`);
  }
  if (subjects.filter((name) => isText(members, name)).length === 0) {
    place.refuse(`expected one of ${subjects.join(', ')}`);
  }
  return true;
}

function exactlyOne(place: Place, members: Members, names: readonly string[]): void {
  if (names.filter((name) => isGiven(members, name)).length !== 1) {
    place.refuse(`expected exactly one of ${names.join(', ')}`);
  }
}

function isText(members: Members, name: string): boolean {
  return (members.get(name)?.text() ?? '') !== '';
}
