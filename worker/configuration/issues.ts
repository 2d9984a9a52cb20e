import type { z } from 'zod';

import type { SourceDocument } from './document.ts';
import type { ConfigurationPath, ConfigurationProblem } from './problem.ts';
import { formatPath, listWords } from './quoting.ts';
import { configurationSchema } from './schema.ts';
import { sectionAt, sectionsWithKey } from './schema-walk.ts';
import { suggest } from './suggestion.ts';

type Issue = z.core.$ZodIssue;

const SECRET_WORD = /pass|secret|token|credential|private|signing|username|auth/i;

/** Turns the findings of the schema into problems; one for each unknown key. */
export function translateIssues(issues: readonly Issue[], source: SourceDocument): ConfigurationProblem[] {
  return issues.flatMap((issue) => translate(issue, [], source));
}

/** A problem at a path of the file. */
export function problemAt(source: SourceDocument, path: ConfigurationPath, message: string): ConfigurationProblem {
  return { file: source.file, ...source.locate(path), path: formatPath(path), message };
}

function translate(issue: Issue, base: ConfigurationPath, source: SourceDocument): ConfigurationProblem[] {
  const path = [...base, ...issue.path.map(plainStep)];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const full = [...path, key];
      const message = describeUnknownKey(full, source.value);
      return { file: source.file, ...source.locateKey(full), path: formatPath(full), message };
    });
  }
  if (issue.code === 'invalid_union') {
    const inside = isSection(valueAt(source.value, path)) ? issue.errors.find(isAboutContent) : undefined;
    if (inside !== undefined) return inside.flatMap((inner) => translate(inner, path, source));
  }
  return [problemAt(source, path, issue.message)];
}

/** Tells the branch of a union that fits the kind of the value from the one that does not. */
function isAboutContent(issues: readonly Issue[]): boolean {
  return !issues.some((issue) => issue.path.length === 0 && ['invalid_type', 'invalid_value'].includes(issue.code));
}

function describeUnknownKey(path: ConfigurationPath, root: unknown): string {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  const known = Object.keys(sectionAt(configurationSchema, parent)?.shape ?? {});
  return `unknown key; expected ${listWords(known)}; ${wayOut(key, parent, { known, root })}`;
}

function wayOut(
  key: string,
  parent: ConfigurationPath,
  { known, root }: { readonly known: readonly string[]; readonly root: unknown },
): string {
  if (key === '<<') return 'merge keys are not supported: write the keys out, or use an alias for a whole section';
  const section = sectionsWithKey(configurationSchema, key).map((home) => home.replaceAll('*', 'NAME'));
  if (parent.length === 0 && looksLikeEnvironment(key, root)) {
    return 'if this is an environment, move it below environments, indented by two blanks';
  }
  if (section.length > 0) {
    const homes = section.map((home) => (home === '' ? 'the top level' : home));
    return `it belongs to ${listWords(homes)}: check the indentation`;
  }
  if (known.some((other) => key.startsWith(`${other}:`))) return 'put a blank after the colon';
  const meant = suggest(key, known);
  if (meant !== undefined) return `did you mean ${meant}?`;
  if (SECRET_WORD.test(key)) return 'secrets are files in the folder of secrets, never values of this file: remove it';
  return 'remove it';
}

function looksLikeEnvironment(key: string, root: unknown): boolean {
  const route = valueAt(root, ['route']);
  if (Array.isArray(route) && route.includes(key)) return true;
  const value = valueAt(root, [key]);
  return isSection(value) && ('registry' in value || 'signatures' in value);
}

/** The value at a path of the file, or undefined. */
export function valueAt(root: unknown, path: ConfigurationPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** Tells a section from lists and single values. */
export function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function plainStep(step: PropertyKey): string | number {
  return typeof step === 'symbol' ? step.toString() : step;
}
