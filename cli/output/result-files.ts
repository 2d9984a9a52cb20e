/** `--result`: fields of an answer in files of their own, for pipelines that read no JSON. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jsonText } from './escape.ts';
import { EXIT } from '../exit-codes.ts';
import { CliError, usageError } from '../failure.ts';

/** One field of the answer, and the file that it goes to. */
export interface ResultFile {
  /** Names and numbers with dots between them, for example `signatures.0.path`. */
  readonly field: string;
  /** Absolute. */
  readonly file: string;
}

/** An answer that a command has made. */
export interface Answer {
  readonly value: unknown;
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

const SHOWN_FIELDS = 30;

/**
 * Reads what was given as `--result`.
 * @throws CliError `usage`.
 */
export function parseResultFiles(texts: readonly string[], cwd: string): readonly ResultFile[] {
  const files = texts.map((text) => {
    const [field = '', file = ''] = splitOnce(text, '=');
    if (field === '' || file === '') {
      throw usageError(
        `--result ${JSON.stringify(text)}: expected FIELD=FILE, for example digest=/tekton/results/digest`,
      );
    }
    return { field, file: path.resolve(cwd, file) };
  });
  const twice = files.find(({ file }, index) => files.findIndex((other) => other.file === file) !== index);
  if (twice !== undefined) throw usageError(`--result: ${twice.file} is named twice; expected a file for each field`);
  return files;
}

/**
 * Looks whether the files can be written, before anything is done.
 * @throws CliError `usage`.
 */
export async function checkResultFiles(files: readonly ResultFile[]): Promise<void> {
  for (const { field, file } of files) {
    const found = await stat(file).catch(() => undefined);
    if (found?.isDirectory() === true) throw usageError(`--result ${field}: ${file} is a directory; expected a file`);
    const written = found === undefined || found.isFile() ? path.dirname(file) : file;
    await access(written, constants.W_OK).catch((error: unknown) => {
      throw usageError(`--result ${field}: ${written}: ${codeOf(error)}; expected ${file} to be writable`);
    });
  }
}

/**
 * Writes the fields: a string as it is, a number or a boolean as text, null as nothing, everything else as JSON. Each
 * file is written whole or not at all, and none where one of the fields is missing.
 * @throws CliError `usage` for a field that the answer has not.
 */
export async function writeResultFiles(files: readonly ResultFile[], answer: Answer | undefined): Promise<void> {
  if (files.length === 0) return;
  if (answer === undefined) throw usageError('--result: this command has made no answer');
  const json = JSON.parse(JSON.stringify(answer.value)) as Json;
  const texts = files.map(({ field, file }) => ({ file, text: textOf(fieldOf(json, field)) }));
  for (const { file, text } of texts) await writeWhole(file, text);
}

function fieldOf(answer: Json, field: string): Json {
  let current: Json = answer;
  for (const name of field.split('.')) {
    const next = stepInto(current, name);
    if (next === undefined) throw missing(answer, field);
    current = next;
  }
  return current;
}

function stepInto(value: Json, name: string): Json | undefined {
  if (Array.isArray(value) && name === 'length') return value.length;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as { readonly [name: string]: Json })[name];
}

function missing(answer: Json, field: string): CliError {
  const names = [...fieldNames(answer, '')];
  const more = names.length > SHOWN_FIELDS ? `, and ${names.length - SHOWN_FIELDS} more` : '';
  const shown = names.length === 0 ? 'no fields' : names.slice(0, SHOWN_FIELDS).join(', ');
  return usageError(`--result: the answer has no field ${JSON.stringify(field)}; it has ${shown}${more}`);
}

function* fieldNames(value: Json, before: string): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) yield `${before}length`;
  for (const [name, inner] of Object.entries(value) as [string, Json][]) {
    yield `${before}${name}`;
    yield* fieldNames(inner, `${before}${name}.`);
  }
}

function textOf(value: Json): string {
  if (value === null) return '';
  return typeof value === 'object' ? jsonText(value) : String(value);
}

/** Through a draft beside it; what is no ordinary file, such as a pipe, takes what is written to it. */
async function writeWhole(file: string, text: string): Promise<void> {
  let draft: string | undefined;
  try {
    const found = await stat(file).catch(() => undefined);
    if (found !== undefined && !found.isFile()) {
      await writeFile(file, text);
      return;
    }
    const place = found === undefined ? file : await realpath(file);
    draft = path.join(path.dirname(place), `.${path.basename(place)}.${randomUUID()}`);
    await writeFile(draft, text, { flag: 'wx', ...(found !== undefined && { mode: found.mode }) });
    await rename(draft, place);
  } catch (error) {
    if (draft !== undefined) await rm(draft, { force: true });
    throw new CliError(EXIT.failure, `--result: write ${file}: ${codeOf(error)}`);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
