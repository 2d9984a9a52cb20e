/** Name, version, and what catalogues show of a resource. */
import { parse } from 'yaml';
import { FOLDERS } from '../library.ts';
import type { Entry } from '../library.ts';
import type { Rule } from './rule.ts';

/** Tekton's hub knows these; others are dropped. */
const CATEGORIES = new Set([
  ...['Automation', 'Build Tools', 'CLI', 'Cloud', 'Code Quality', 'Continuous Integration', 'Deployment'],
  ...['Developer Tools', 'Git', 'Image Build', 'Integration & Delivery', 'Kubernetes', 'Messaging', 'Monitoring'],
  ...['Networking', 'Openshift', 'Publishing', 'Security', 'Storage', 'Testing'],
]);

/** Artifact Hub knows these. */
const HUB_CATEGORIES = new Set([
  ...['ai-machine-learning', 'database', 'integration-delivery', 'monitoring-logging', 'networking', 'security'],
  ...['storage', 'streaming-messaging', 'skip-prediction'],
]);
const CHANGE_KINDS = new Set(['added', 'changed', 'deprecated', 'removed', 'fixed', 'security']);

/** Versions of Tekton Pipelines in which what we write is served: v1 since 0.43, StepActions as v1beta1 since 0.60. */
const OLDEST = { v1: [0, 43], stepAction: [0, 60] } as const;

const KEBAB = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

export const METADATA_RULES: readonly Rule[] = [
  { name: 'lies where its name says', check: placement },
  { name: 'has the version of its folder as label', check: version },
  { name: 'is written in the version that is served', check: apiVersion },
  { name: 'has the annotations of catalogues', check: annotations },
  { name: 'names categories that exist', check: categories },
  { name: 'states a true minimum version', check: minimumVersion },
  { name: 'tells Artifact Hub what changed', check: artifactHub },
  { name: 'begins its description with a summary that stands alone', check: summary },
];

function placement({ name, folderName, resource }: Entry): readonly string[] {
  return [
    ...(KEBAB.test(name) ? [] : [`expected a name in kebab-case, received ${name}`]),
    ...(resource.metadata.name === name ? [] : [`expected the name ${name}, received ${resource.metadata.name}`]),
    ...(resource.kind === FOLDERS[folderName] ? [] : [`expected a ${FOLDERS[folderName]}, received ${resource.kind}`]),
  ];
}

function version({ version: folder, resource }: Entry): readonly string[] {
  const label = resource.metadata.labels?.['app.kubernetes.io/version'];
  const isOfFolder = label === folder || label?.startsWith(`${folder}.`) === true;
  return isOfFolder && /^\d+\.\d+$/.test(folder) ? [] : [`expected the label ${folder}, received ${label}`];
}

function apiVersion({ resource }: Entry): readonly string[] {
  const expected = resource.kind === 'StepAction' ? 'tekton.dev/v1beta1' : 'tekton.dev/v1';
  return resource.apiVersion === expected ? [] : [`expected ${expected}, received ${resource.apiVersion}`];
}

function annotations({ resource }: Entry): readonly string[] {
  const names = ['pipelines.minVersion', 'categories', 'tags', 'displayName', 'platforms'];
  const missing = names.filter((name) => (annotation(resource, `tekton.dev/${name}`) ?? '').trim() === '');
  const platforms = listOf(annotation(resource, 'tekton.dev/platforms'));
  return [
    ...missing.map((name) => `expected an annotation tekton.dev/${name}`),
    ...platforms.filter((one) => !/^linux\/(amd64|arm64|s390x|ppc64le)$/.test(one)).map((one) => `no platform: ${one}`),
  ];
}

function categories({ resource }: Entry): readonly string[] {
  const unknown = listOf(annotation(resource, 'tekton.dev/categories')).filter((one) => !CATEGORIES.has(one));
  return unknown.map((one) => `${one} is no category of the catalogue`);
}

function minimumVersion({ resource }: Entry): readonly string[] {
  const stated = annotation(resource, 'tekton.dev/pipelines.minVersion') ?? '';
  const [major = NaN, minor = NaN] = stated.split('.').map(Number);
  const usesStepActions =
    resource.kind === 'StepAction' || JSON.stringify(resource.spec.steps ?? []).includes('"ref":');
  const [oldestMajor, oldestMinor] = usesStepActions ? OLDEST.stepAction : OLDEST.v1;
  const isTrue = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  return /^\d+\.\d+\.\d+$/.test(stated) && isTrue
    ? []
    : [`expected ${oldestMajor}.${oldestMinor}.0 or later, received '${stated}'`];
}

function artifactHub({ resource }: Entry): readonly string[] {
  const category = annotation(resource, 'artifacthub.io/category');
  const changes = parse(annotation(resource, 'artifacthub.io/changes') ?? '') as unknown;
  const listed = (Array.isArray(changes) ? changes : []) as readonly { kind?: string; description?: string }[];
  const isWhole =
    listed.length > 0 && listed.every(({ kind, description }) => CHANGE_KINDS.has(kind ?? '') && description);
  return [
    ...(HUB_CATEGORIES.has(category ?? '') ? [] : [`artifacthub.io/category: '${category}' is no category there`]),
    ...(isWhole ? [] : ['artifacthub.io/changes: expected a list with kind and description']),
  ];
}

function summary({ resource }: Entry): readonly string[] {
  const [first = '', second] = (resource.spec.description ?? '').split('\n');
  const isSentence = /^[A-Z].{15,}\.$/.test(first) && (second === undefined || second === '');
  return isSentence ? [] : [`expected one whole sentence on a line of its own, received '${first}'`];
}

function annotation(resource: Entry['resource'], name: string): string | undefined {
  return resource.metadata.annotations?.[name];
}

function listOf(text = ''): readonly string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}
