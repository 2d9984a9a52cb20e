/** Everything in `tekton/` that is made from something else there. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { readLibrary } from './library.ts';
import type { Entry } from './library.ts';
import { readmeOf } from './readme.ts';
import { STEP_ACTION_ANNOTATION, stepActionText } from './step-action.ts';

/** A file and what it has to hold. */
export interface GeneratedFile {
  readonly file: string;
  readonly text: string;
}

/** READMEs of tasks and pipelines, and the StepActions of the tasks that ask for one. */
export async function generatedFiles(tekton: string): Promise<readonly GeneratedFile[]> {
  const files: GeneratedFile[] = [];
  for (const entry of readLibrary(tekton)) {
    if (entry.folderName !== 'stepaction')
      files.push({ file: path.join(entry.folder, 'README.md'), text: readmeOf(entry) });
    if (isStepActionWanted(entry)) files.push(await stepActionFile(tekton, entry));
  }
  return files;
}

/** Those of them that are missing or hold something else. */
export function outdated(files: readonly GeneratedFile[]): readonly GeneratedFile[] {
  return files.filter(({ file, text }) => !existsSync(file) || readFileSync(file, 'utf8') !== text);
}

/** StepActions in the tree that no Task asks for. */
export function orphans(tekton: string): readonly string[] {
  const library = readLibrary(tekton);
  const wanted = new Set(library.filter(isStepActionWanted).map(({ name, version }) => `${name}/${version}`));
  const found = library.filter(({ folderName }) => folderName === 'stepaction');
  return found.filter(({ name, version }) => !wanted.has(`${name}/${version}`)).map(({ file }) => file);
}

function isStepActionWanted({ folderName, resource }: Entry): boolean {
  return folderName === 'task' && resource.metadata.annotations?.[STEP_ACTION_ANNOTATION] === 'true';
}

async function stepActionFile(tekton: string, { name, version, resource }: Entry): Promise<GeneratedFile> {
  const file = path.join(tekton, 'stepaction', name, version, `${name}.yaml`);
  const options = await resolveConfig(import.meta.filename);
  return { file, text: await format(stepActionText(resource), { ...options, parser: 'yaml' }) };
}
