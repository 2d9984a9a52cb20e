/** Samples and pipelines: what refers to something else must fit it. */
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { samplesOf } from '../library.ts';
import type { Entry, Reference, Resource } from '../library.ts';
import type { Rule } from './rule.ts';

/** What a call gives to the task or pipeline that it names. */
interface Call {
  readonly where: string;
  readonly kind: 'Task' | 'Pipeline';
  readonly reference: Reference | undefined;
  readonly params: readonly string[];
  readonly workspaces: readonly string[];
}

interface Run {
  readonly kind: string;
  readonly metadata?: { readonly name?: string };
  readonly spec?: {
    readonly taskRef?: Reference;
    readonly pipelineRef?: Reference;
    readonly params?: readonly { readonly name: string }[];
    readonly workspaces?: readonly { readonly name: string }[];
  };
}

export const SAMPLE_RULES: readonly Rule[] = [
  { name: 'has a sample that runs it', check: hasSample },
  { name: 'is called with what it declares', check: calls },
];

function hasSample(entry: Entry): readonly string[] {
  if (entry.folderName === 'stepaction') return [];
  const runs = documentsOf(entry).flatMap(({ where, document }) => callsOfRun(where, document));
  const isRun = runs.some(({ kind, reference }) => kind === entry.resource.kind && reference?.name === entry.name);
  return isRun ? [] : [`expected a TaskRun or PipelineRun of ${entry.name} in samples/`];
}

function calls(entry: Entry, library: readonly Entry[]): readonly string[] {
  const samples = documentsOf(entry);
  const known = [...library.map(({ resource }) => resource), ...samples.map(({ document }) => document as Resource)];
  const runs = samples.flatMap(({ where, document }) => callsOfRun(where, document));
  return [...runs, ...callsOfPipeline(entry)].flatMap((call) => problemsOf(call, known));
}

function documentsOf(entry: Entry): readonly { readonly where: string; readonly document: Run }[] {
  return samplesOf(entry).flatMap(({ file, text }) =>
    parseAllDocuments(text).map((document) => ({ where: path.basename(file), document: document.toJS() as Run })),
  );
}

function callsOfRun(where: string, { kind, spec }: Run): readonly Call[] {
  if (kind !== 'TaskRun' && kind !== 'PipelineRun') return [];
  const isTask = kind === 'TaskRun';
  return [
    {
      where,
      kind: isTask ? 'Task' : 'Pipeline',
      reference: isTask ? spec?.taskRef : spec?.pipelineRef,
      params: namesOf(spec?.params),
      workspaces: namesOf(spec?.workspaces),
    },
  ];
}

function callsOfPipeline({ resource }: Entry): readonly Call[] {
  const tasks = [...(resource.spec.tasks ?? []), ...(resource.spec.finally ?? [])];
  return tasks.map(({ name, taskRef, params, workspaces }) => ({
    ...{ where: `task ${name}`, kind: 'Task' as const, reference: taskRef },
    ...{ params: namesOf(params), workspaces: namesOf(workspaces) },
  }));
}

function problemsOf(
  { where, kind, reference, params, workspaces }: Call,
  known: readonly Resource[],
): readonly string[] {
  const called = known.find((one) => one.kind === kind && one.metadata.name === reference?.name);
  if (called === undefined) return [`${where}: there is no ${kind} ${reference?.name}`];
  const { params: declared = [], workspaces: places = [] } = called.spec;
  const needed = declared.filter((param) => param.default === undefined);
  const bound = places.filter(({ optional }) => optional !== true);
  return [
    ...params.filter((name) => !namesOf(declared).includes(name)).map((name) => `${name} is no parameter`),
    ...workspaces.filter((name) => !namesOf(places).includes(name)).map((name) => `${name} is no workspace`),
    ...needed.filter(({ name }) => !params.includes(name)).map(({ name }) => `the parameter ${name} is missing`),
    ...bound.filter(({ name }) => !workspaces.includes(name)).map(({ name }) => `the workspace ${name} is missing`),
  ].map((problem) => `${where}: ${problem} of ${called.metadata.name}`);
}

function namesOf(things: readonly { readonly name: string }[] = []): readonly string[] {
  return things.map(({ name }) => name);
}
