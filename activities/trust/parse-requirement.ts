import { quote } from '../../workflows/domain/digest.ts';
import { JsonError, exactMembers, objectMembers } from '../signing/index.ts';
import type { JsonValue } from '../signing/index.ts';
import { parseIdentity } from './parse-identity.ts';
import type { KeySource, Requirement, SignedByRequirement } from './policy.ts';
import {
  arrayItems,
  atMostOneOf,
  exactlyOneOf,
  readBase64,
  readBase64List,
  readString,
  readStrings,
  readText,
} from './policy-values.ts';
import type { Members } from './policy-values.ts';

const KEY_TYPES = ['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs'] as const;
const GPG_SOURCES = ['keyPath', 'keyPaths', 'keyData'] as const;
const SIGSTORE_SOURCES = ['keyPath', 'keyPaths', 'keyData', 'keyDatas', 'fulcio', 'pki'] as const;
const REKOR_SOURCES = [
  'rekorPublicKeyPath',
  'rekorPublicKeyPaths',
  'rekorPublicKeyData',
  'rekorPublicKeyDatas',
] as const;

/** A list of requirements; null counts as the empty list, which is an error. */
export function parseRequirements(value: JsonValue | undefined, where: string): readonly Requirement[] {
  const items = value?.kind === 'null' ? [] : arrayItems(value, where);
  if (items.length === 0) throw new JsonError(`${where}: expected at least one requirement`);
  return items.map((item, index) => parseRequirement(item, `${where}[${index}]`));
}

function parseRequirement(value: JsonValue, where: string): Requirement {
  const type = readString({ where, values: objectMembers(value, where) }, 'type');
  switch (type) {
    case 'insecureAcceptAnything':
    case 'reject':
      exactMembers(value, where, { required: ['type'] });
      return { type };
    case 'signedBy':
      return parseSignedBy(value, where);
    case 'signedBaseLayer': {
      const members = exactMembers(value, where, { required: ['type', 'baseLayerIdentity'] });
      return { type, baseLayerIdentity: parseIdentity(members.get('baseLayerIdentity'), `${where}.baseLayerIdentity`) };
    }
    case 'sigstoreSigned':
      return parseSigstoreSigned(value, where);
    default:
      throw new JsonError(`${where}.type: unknown requirement ${quote(type)}`);
  }
}

function parseSignedBy(value: JsonValue, where: string): SignedByRequirement {
  const names = { required: ['type', 'keyType'], optional: [...GPG_SOURCES, 'signedIdentity'] };
  const members = { where, values: exactMembers(value, where, names) };
  const written = readString(members, 'keyType');
  const keyType = KEY_TYPES.find((known) => known === written);
  if (keyType === undefined) throw new JsonError(`${where}.keyType: unknown key type ${quote(written)}`);
  return {
    type: 'signedBy',
    keyType,
    keys: parseGpgKeys(members),
    signedIdentity: parseIdentity(members.values.get('signedIdentity'), `${where}.signedIdentity`),
  };
}

function parseGpgKeys(members: Members): KeySource {
  switch (exactlyOneOf(members, GPG_SOURCES)) {
    case 'keyPath':
      return { paths: [readText(members, 'keyPath')] };
    case 'keyPaths':
      return { paths: readStrings(members, 'keyPaths') };
    case 'keyData':
      return { data: readBase64(members, 'keyData') };
  }
}

/** Checked completely, since one wrong requirement makes readers refuse the whole file; its keys are not needed. */
function parseSigstoreSigned(value: JsonValue, where: string): Requirement {
  const names = { required: ['type'], optional: [...SIGSTORE_SOURCES, ...REKOR_SOURCES, 'signedIdentity'] };
  const members = { where, values: exactMembers(value, where, names) };
  const source = exactlyOneOf(members, SIGSTORE_SOURCES);
  const rekor = atMostOneOf(members, REKOR_SOURCES);
  if (source === 'fulcio' && rekor === undefined) throw new JsonError(`${where}: fulcio needs a rekorPublicKey…`);
  if (source === 'pki' && rekor !== undefined) throw new JsonError(`${where}: pki and ${rekor} exclude each other`);
  if (source === 'fulcio') checkFulcio(members.values.get('fulcio'), `${where}.fulcio`);
  else if (source === 'pki') checkPki(members.values.get('pki'), `${where}.pki`);
  else checkKeyMember(members, source);
  if (rekor !== undefined) checkKeyMember(members, rekor);
  return {
    type: 'sigstoreSigned',
    signedIdentity: parseIdentity(members.values.get('signedIdentity'), `${where}.signedIdentity`),
  };
}

/** By the end of its name: a path, paths, base64, or several base64 texts. */
function checkKeyMember(members: Members, name: string): void {
  if (name.endsWith('Path')) readText(members, name);
  else if (name.endsWith('Data')) readBase64(members, name);
  else {
    const items = name.endsWith('Paths') ? readStrings(members, name) : readBase64List(members, name);
    if (items.length === 0) throw new JsonError(`${members.where}.${name}: expected at least one`);
  }
}

function checkFulcio(value: JsonValue | undefined, where: string): void {
  const names = { required: ['oidcIssuer', 'subjectEmail'], optional: ['caPath', 'caData'] };
  const members = { where, values: exactMembers(value, where, names) };
  checkKeyMember(members, exactlyOneOf(members, ['caPath', 'caData']));
  readText(members, 'oidcIssuer');
  readText(members, 'subjectEmail');
}

function checkPki(value: JsonValue | undefined, where: string): void {
  const roots = ['caRootsPath', 'caRootsData'] as const;
  const intermediates = ['caIntermediatesPath', 'caIntermediatesData'] as const;
  const subjects = ['subjectEmail', 'subjectHostname'] as const;
  const names = { required: [], optional: [...roots, ...intermediates, ...subjects] };
  const members = { where, values: exactMembers(value, where, names) };
  checkKeyMember(members, exactlyOneOf(members, roots));
  const intermediate = atMostOneOf(members, intermediates);
  if (intermediate !== undefined) checkKeyMember(members, intermediate);
  const present = subjects.filter((name) => members.values.has(name));
  if (present.length === 0) throw new JsonError(`${where}: expected subjectEmail or subjectHostname`);
  for (const name of present) readText(members, name);
}
