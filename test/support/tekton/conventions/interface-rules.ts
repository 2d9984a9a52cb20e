/** Parameters, workspaces and results: what a caller sees. */
import { isPinned, IMAGE_PARAM } from '../step-image.ts';
import type { Entry, Workspace } from '../library.ts';
import { failing, referencesTo, stepsOf } from './rule.ts';
import type { Rule } from './rule.ts';

const CAMEL = /^[a-z][a-zA-Z0-9]*$/;
const UPPER_SNAKE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;
const KEBAB = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Without its key the task that signs has nothing to do. */
const NEEDED_CREDENTIALS = new Set(['signing-key']);

export const INTERFACE_RULES: readonly Rule[] = [
  { name: 'describes every parameter, workspace and result', check: described },
  { name: 'names parameters, workspaces and results in the style of each', check: naming },
  { name: 'uses every parameter that it declares, and no other', check: params },
  { name: 'uses every workspace that it declares, and no other', check: workspaces },
  { name: 'writes every result that it declares', check: results },
  { name: 'asks for credentials in optional workspaces that are only read', check: credentials },
  { name: 'writes truth values as strings', check: booleans },
  { name: 'pins the one step image by digest', check: image },
];

function described({ resource: { spec } }: Entry): readonly string[] {
  const things = [...(spec.params ?? []), ...(spec.workspaces ?? []), ...(spec.results ?? [])];
  return failing<{ name: string; description?: string }>(things, ({ description = '' }) =>
    description.trim().length < 10 || !/[.)]$/.test(description.trim())
      ? 'expected a description in sentences'
      : undefined,
  );
}

function naming({ resource: { spec } }: Entry): readonly string[] {
  const inStyle = (style: RegExp, word: string) => (thing: { readonly name: string }) =>
    style.test(thing.name) ? undefined : `expected ${word}`;
  return [
    ...failing(spec.params, inStyle(CAMEL, 'camelCase')),
    ...failing(spec.workspaces, inStyle(KEBAB, 'kebab-case')),
    ...failing(spec.results, inStyle(UPPER_SNAKE, 'UPPER_SNAKE')),
  ];
}

function params({ resource: { spec } }: Entry): readonly string[] {
  const { params: declared = [], ...rest } = spec;
  return compare(declared, referencesTo('params', JSON.stringify(rest)), 'parameter');
}

function workspaces(entry: Entry): readonly string[] {
  const { kind, spec } = entry.resource;
  if (kind === 'Pipeline') {
    const tasks = [...(spec.tasks ?? []), ...(spec.finally ?? [])];
    const passed = tasks.flatMap((task) => (task.workspaces ?? []).map(({ name, workspace = name }) => workspace));
    return compare(spec.workspaces ?? [], new Set(passed), 'workspace');
  }
  const used = stepsOf(entry).map(({ script, env }) => ({ script, env }));
  return compare(spec.workspaces ?? [], referencesTo('workspaces', JSON.stringify(used)), 'workspace');
}

function compare(
  declared: readonly { readonly name: string }[],
  used: ReadonlySet<string>,
  what: string,
): readonly string[] {
  const names = new Set(declared.map(({ name }) => name));
  return [
    ...[...names].filter((name) => !used.has(name)).map((name) => `${what} ${name} is not used`),
    ...[...used].filter((name) => !names.has(name)).map((name) => `${what} ${name} is not declared`),
  ];
}

/** The path goes by `env`, so that the script says by its own variable where it writes. */
function results(entry: Entry): readonly string[] {
  const { kind, spec } = entry.resource;
  if (kind === 'Pipeline')
    return failing(spec.results, ({ value }) => (value === undefined ? 'expected the result of a task' : undefined));
  const paths = kind === 'StepAction' ? 'step.results' : 'results';
  return failing(spec.results, ({ name, value }) => {
    if (value !== undefined) return undefined;
    const isWritten = stepsOf(entry).some(({ env = [], script = '' }) =>
      env.some((one) => one.value === `$(${paths}.${name}.path)` && script.includes(`$${one.name}`)),
    );
    return isWritten ? undefined : 'expected its path in env, and the script to write there';
  });
}

function credentials({ resource: { kind, spec } }: Entry): readonly string[] {
  const secret = (spec.workspaces ?? []).filter(({ description = '' }) => /\bSecret\b/.test(description));
  return failing<Workspace>(secret, ({ name, optional, readOnly }) => {
    if (optional !== true && !NEEDED_CREDENTIALS.has(name)) return 'expected optional: true';
    // A Pipeline cannot say it; its tasks do.
    return kind === 'Task' && readOnly !== true ? 'expected readOnly: true' : undefined;
  });
}

function booleans({ resource: { spec } }: Entry): readonly string[] {
  return failing(spec.params, ({ default: value }) =>
    value === undefined || typeof value === 'string' || Array.isArray(value)
      ? undefined
      : 'expected a string in quotes',
  );
}

function image(entry: Entry, library: readonly Entry[]): readonly string[] {
  const { kind, spec } = entry.resource;
  if (kind === 'Pipeline') return [];
  const reference = imageOf(entry);
  const all = new Set(library.filter((one) => one.resource.kind !== 'Pipeline').map(imageOf));
  return [
    ...failing(stepsOf(entry), (step) =>
      step.ref === undefined && step.image !== `$(params.${IMAGE_PARAM})`
        ? `expected $(params.${IMAGE_PARAM})`
        : undefined,
    ),
    ...(isPinned(reference) ? [] : [`expected ${IMAGE_PARAM} with tag and digest, received '${reference}'`]),
    ...(all.size > 1 ? [`expected one step image for all, received ${[...all].join(', ')}`] : []),
    ...(spec.params?.some(({ name }) => name === IMAGE_PARAM) ? [] : [`expected the parameter ${IMAGE_PARAM}`]),
  ];
}

function imageOf({ resource }: Entry): string {
  const value = resource.spec.params?.find(({ name }) => name === IMAGE_PARAM)?.default;
  return typeof value === 'string' ? value : '';
}
