import type { z } from 'zod';

import { readBoundedFile, reasonOf } from './bounded-file.ts';
import type { Configuration } from './configuration.ts';
import { MAX_FILE_BYTES, readDocument } from './document.ts';
import type { SourceDocument } from './document.ts';
import { isSection, problemAt, translateIssues } from './issues.ts';
import { ConfigurationError, sortProblems } from './problem.ts';
import type { ConfigurationPath, ConfigurationProblem } from './problem.ts';
import { formatPath } from './quoting.ts';
import { misplacedKeys, relationProblems } from './relations.ts';
import { resolveConfiguration } from './resolve.ts';
import { configurationSchema } from './schema.ts';

/** Kept beside the configuration, so that it stays plain data and later problems can still name line and column. */
const SOURCES = new WeakMap<Configuration, SourceDocument>();

/**
 * Reads and parses the configuration file.
 * @throws ConfigurationError where the file cannot be read, or with every problem that is found in it.
 */
export async function readConfiguration(file: string): Promise<Configuration> {
  return parseConfiguration(decode(await readBytes(file), file), file);
}

/**
 * Parses the text of a configuration file; `file` names it in messages, and its paths are relative to it.
 * @throws ConfigurationError with every problem that can be found without opening another file.
 */
export function parseConfiguration(text: string, file: string): Configuration {
  const source = readDocument(text, file);
  if (source.value === undefined) throw new ConfigurationError(sortProblems(source.problems));
  if (!isSection(source.value)) {
    throw new ConfigurationError([...source.problems, { file, line: 1, column: 1, path: '', message: EMPTY }]);
  }
  const checked = configurationSchema.safeParse(source.value);
  const found = checked.success ? [] : translateIssues(withoutMisplaced(checked.error.issues, source), source);
  const problems = [...source.problems, ...found, ...relationProblems(source)];
  if (!checked.success || problems.length > 0) throw new ConfigurationError(sortProblems(problems));
  const configuration = resolveConfiguration(checked.data, file);
  SOURCES.set(configuration, source);
  return configuration;
}

/** A key at the wrong level is one mistake, not two. */
function withoutMisplaced(issues: readonly z.core.$ZodIssue[], source: SourceDocument): z.core.$ZodIssue[] {
  const misplaced = misplacedKeys(source.value);
  return issues.filter(({ path }) => !(path[0] === 'environments' && misplaced.includes(String(path[1]))));
}

/** A problem of a configuration, with line and column where it was parsed from a file. */
export function problemIn(
  configuration: Configuration,
  path: ConfigurationPath,
  message: string,
): ConfigurationProblem {
  const source = SOURCES.get(configuration);
  if (source !== undefined) return problemAt(source, path, message);
  return { file: configuration.file, path: formatPath(path), message };
}

const EMPTY =
  'the file has no sections; expected route and environments at least; begin with the example configuration';

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readBoundedFile(file, MAX_FILE_BYTES);
  } catch (error) {
    const message = `the configuration cannot be read (${reasonOf(error)}); expected a readable file of a few kilobytes; name another one, or correct its permissions`;
    throw new ConfigurationError([{ file, path: '', message }], error);
  }
}

function decode(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const message = 'the file is not UTF-8 text; expected UTF-8; save it with this encoding';
    throw new ConfigurationError([{ file, path: '', message }], error);
  }
}
