/** StepActions made from Tasks, so that the two cannot drift apart. */
import { stringify } from 'yaml';
import type { EnvVariable, Param, Resource, Result, Step, VolumeMount, Workspace } from './library.ts';

/** Marks the Tasks of which a StepAction is made. */
export const STEP_ACTION_ANNOTATION = 'countersign.dev/stepaction';

/**
 * A folder that Tekton gives to every step, writable also where the root is not. A StepAction cannot bring a volume of
 * its own: only its Task could, and would have to know of it.
 */
const HOME = '/tekton/home';

/** The StepAction of the one step of a Task; the Task's workspaces become parameters that take their paths. */
export function stepActionOf(task: Resource): Resource {
  const [step, ...others] = task.spec.steps ?? [];
  if (step?.script === undefined || others.length > 0)
    throw new Error(`make a StepAction of ${task.metadata.name}: expected one step with a script`);
  const { metadata, spec } = task;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => name !== STEP_ACTION_ANNOTATION);
  const workspaces = (spec.workspaces ?? []).filter(({ name }) => uses(step, name));
  return {
    apiVersion: 'tekton.dev/v1beta1',
    kind: 'StepAction',
    metadata: { ...metadata, annotations: Object.fromEntries(annotations) },
    spec: {
      description: `${spec.description?.trimEnd() ?? ''}\n\n${note(metadata.name)}\n`,
      params: [...(spec.params ?? []), ...workspaces.map(pathParam)],
      ...(spec.results !== undefined && {
        results: spec.results.map(withoutValue),
      }),
      ...{ image: step.image },
      ...{ env: envOf(task, step), script: toStepResults(step.script), securityContext: step.securityContext },
    },
  };
}

/** The text of the file that holds it, before it is formatted. */
export function stepActionText(task: Resource): string {
  const made = `# Generated from tekton/task/${task.metadata.name} by \`npm run tekton\`; change the Task, not this file.\n`;
  return `${made}---\n${stringify(stepActionOf(task), { lineWidth: 0 })}`;
}

/** The parameter of a StepAction that takes the path of a workspace. */
export function pathParamName(workspace: string): string {
  const camel = workspace.replace(/-+(.)/g, (_match, letter: string) => letter.toUpperCase());
  return `${camel}Path`;
}

function pathParam({ name, description, optional }: Workspace): Param {
  const where = `Folder in which the workspace \`${name}\` of the Task is mounted: \`$(workspaces.${name}.path)\`.`;
  return {
    name: pathParamName(name),
    type: 'string',
    description: `${where}${optional === true ? ' Empty: there is none.' : ''} ${description ?? ''}`.trim(),
    ...(optional === true && { default: '' }),
  };
}

/** A step writes its results; a value is what a Task lifts. */
function withoutValue(result: Result): Result {
  return Object.fromEntries(Object.entries(result).filter(([member]) => member !== 'value')) as unknown as Result;
}

function note(name: string): string {
  return `This is the step of the Task \`${name}\`, to be one of several steps in a Task of your own. The step that refers to it sets \`timeout\` and \`computeResources\`; its home is ${HOME}, which all steps of a Task share.`;
}

function uses(step: Step, workspace: string): boolean {
  return (step.env ?? []).some(({ value }) => value?.includes(`$(workspaces.${workspace}.`) === true);
}

/** Workspaces by their parameters, results as those of a step, and what lies in a volume of the Task in the home. */
function envOf(task: Resource, step: Step): readonly EnvVariable[] {
  const scratch = new Set((task.spec.volumes ?? []).flatMap(({ name, emptyDir }) => (emptyDir ? [name] : [])));
  const foreign = (step.volumeMounts ?? []).find(({ name }) => !scratch.has(name));
  if (foreign !== undefined)
    throw new Error(`make a StepAction of ${task.metadata.name}: its volume ${foreign.name} is no emptyDir`);
  return (step.env ?? []).map((variable) =>
    variable.value === undefined
      ? variable
      : { ...variable, value: translate(variable.value, { task, mounts: step.volumeMounts ?? [] }) },
  );
}

function translate(
  value: string,
  { task, mounts }: { readonly task: Resource; readonly mounts: readonly VolumeMount[] },
): string {
  const home = mounts.find(({ mountPath }) => value === mountPath || value.startsWith(`${mountPath}/`));
  const moved = home === undefined ? value : HOME + value.slice(home.mountPath.length);
  const translated = moved.replace(/\$\(workspaces\.([a-z0-9-]+)\.path\)/g, (_match, name: string) => {
    return `$(params.${pathParamName(name)})`;
  });
  const left = /\$\((workspaces|context)\.[^)]*\)/.exec(translated);
  if (left !== null)
    throw new Error(`make a StepAction of ${task.metadata.name}: ${left[0]} has no counterpart in a StepAction`);
  return toStepResults(translated);
}

function toStepResults(text: string): string {
  return text.replace(/\$\(results\.([A-Za-z0-9_-]+)\.path\)/g, '$(step.results.$1.path)');
}
