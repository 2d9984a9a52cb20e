/** The task library as it lies in `tekton/`: what each file holds, for the generator and the conventions. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/** The folders of `tekton/` that hold one resource per name and version. */
export const FOLDERS = { task: 'Task', stepaction: 'StepAction', pipeline: 'Pipeline' } as const;

export type FolderName = keyof typeof FOLDERS;

/** A parameter as a Task, a StepAction or a Pipeline declares it. */
export interface Param {
  readonly name: string;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
}

export interface Workspace {
  readonly name: string;
  readonly description?: string;
  readonly optional?: boolean;
  readonly readOnly?: boolean;
  readonly mountPath?: string;
}

export interface Result {
  readonly name: string;
  readonly type?: string;
  readonly description?: string;
  readonly value?: unknown;
}

export interface EnvVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: unknown;
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
}

export interface Step {
  readonly name: string;
  readonly image?: string;
  readonly script?: string;
  readonly timeout?: string;
  readonly onError?: string;
  readonly ref?: { readonly name?: string };
  readonly env?: readonly EnvVariable[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly computeResources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly volumeMounts?: readonly VolumeMount[];
}

/** What a PipelineTask, a run or a trigger gives to what it refers to. */
export interface Reference {
  readonly name: string;
  readonly kind?: string;
}

export interface PipelineTask {
  readonly name: string;
  readonly taskRef?: Reference;
  readonly params?: readonly { readonly name: string; readonly value: unknown }[];
  readonly workspaces?: readonly { readonly name: string; readonly workspace?: string }[];
}

/** A resource of the library; which members are there depends on its kind. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly description?: string;
    readonly params?: readonly Param[];
    readonly workspaces?: readonly Workspace[];
    readonly results?: readonly Result[];
    readonly steps?: readonly Step[];
    readonly volumes?: readonly { readonly name: string; readonly emptyDir?: unknown }[];
    readonly tasks?: readonly PipelineTask[];
    readonly finally?: readonly PipelineTask[];
  };
}

/** One resource of the library and where it lies. */
export interface Entry {
  readonly folderName: FolderName;
  /** Name and version as the folders say. */
  readonly name: string;
  readonly version: string;
  /** Absolute. */
  readonly folder: string;
  readonly file: string;
  readonly text: string;
  readonly resource: Resource;
}

/** Every resource below `tekton/`, sorted by kind, name and version. */
export function readLibrary(tekton: string): readonly Entry[] {
  return (Object.keys(FOLDERS) as FolderName[]).flatMap((folderName) =>
    foldersIn(path.join(tekton, folderName)).flatMap((name) =>
      foldersIn(path.join(tekton, folderName, name)).map((version) => readEntry(tekton, { folderName, name, version })),
    ),
  );
}

function readEntry(tekton: string, place: Pick<Entry, 'folderName' | 'name' | 'version'>): Entry {
  const folder = path.join(tekton, place.folderName, place.name, place.version);
  const file = path.join(folder, `${place.name}.yaml`);
  if (!existsSync(file)) throw new Error(`read ${folder}: it has no ${place.name}.yaml, the resource of its name`);
  const text = readFileSync(file, 'utf8');
  return { ...place, folder, file, text, resource: parse(text) as Resource };
}

/** The samples of a resource, in the order of their names. */
export function samplesOf({
  folder,
}: Pick<Entry, 'folder'>): readonly { readonly file: string; readonly text: string }[] {
  return filesIn(path.join(folder, 'samples'), '.yaml').map((file) => ({ file, text: readFileSync(file, 'utf8') }));
}

/** The files of a folder with this ending, absolute; none where there is no such folder. */
export function filesIn(folder: string, ending: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => path.join(folder, name));
}

function foldersIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return found.map(({ name }) => name).sort();
}
